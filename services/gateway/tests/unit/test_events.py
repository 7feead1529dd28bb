"""What the gateway does with single events, without the way over Kafka."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.symbol_database import Default

import assay_protos.events  # noqa: F401 - registers the messages
from assay.auth.v1 import events_pb2 as auth
from assay.evaluation.v1.events_pb2 import DatasetCreated
from assay.prompt.v1.events_pb2 import LabelMoved, PromptUpdated
from assay_common.ids import new_id
from assay_common.kafka.delivery import Delivery
from assay_common.kafka.headers import CloudEvent
from assay_gateway.domain.feed import TOPICS, Place
from assay_gateway.entrypoints.consumers import EventListener, _about_prompt, _about_repository
from assay_protos import topics

ORG = uuid4()
PERSON = uuid4()
TYPES = [message for topic in TOPICS for message in topic.messages]


class Recorder:
    """Stands for the three that are told; callables are told by whom they mean."""

    def __init__(self):
        self.told = []
        self.meant = []

    def __getattr__(self, name):
        def record(*told, **named):
            self.meant += [each for each in told if callable(each)]
            self.told.append((name, *(each for each in told if not callable(each)), *named.values()))

        return record


@pytest.fixture
def recorder():
    return Recorder()


@pytest.fixture
def listener(recorder):
    return EventListener(recorder, recorder, recorder)


def delivery(message, org=ORG, **changes):
    event = CloudEvent(
        id=new_id(),
        type=message.DESCRIPTOR.full_name,
        source="test",
        time=datetime.now(UTC),
        subject="x",
        org_id=org,
        **changes,
    )
    return Delivery("topic", 2, 5, "key", event, message, 1)


def topic_of(message):
    return next(topic for topic in TOPICS if message.DESCRIPTOR.full_name in topic.messages)


def told_of(listener, recorder, sent):
    """What others were told, beside that the event was handed to the feed."""
    listener.on_event(topic_of(sent.message), sent)
    assert recorder.told[-1][0] in ("publish", "advance")
    return recorder.told[:-1]


@pytest.mark.parametrize("message", [LabelMoved(prompt_id="p"), PromptUpdated(prompt_id="p")])
def test_a_changed_prompt_is_forgotten_and_no_other(listener, recorder, message):
    assert told_of(listener, recorder, delivery(message)) == [("forget", ORG, "p")]


def test_a_revoked_key_is_forgotten_and_hears_no_more(listener, recorder):
    key = uuid4()
    sent = delivery(auth.ApiKeyRevoked(api_key_id=str(key)))
    assert told_of(listener, recorder, sent) == [("forget_key", key), ("revoke", key)]


def test_a_rotated_key_is_asked_for_again(listener, recorder):
    sent = delivery(auth.ApiKeyRotated(api_key_id=str(uuid4()), replaced_by=str(uuid4())))
    assert told_of(listener, recorder, sent) == [("forget_keys",)]


def test_a_closed_session_is_refused_and_hears_no_more(listener, recorder):
    session = uuid4()
    sent = delivery(auth.SessionRevoked(session_id=str(session), user_id=str(PERSON), reason="signed_out"), org=PERSON)
    assert told_of(listener, recorder, sent) == [("end_session", session), ("revoke", PERSON)]


@pytest.mark.parametrize(
    "message",
    [auth.UserDeactivated(user_id=str(PERSON)), auth.ServiceAccountDeleted(service_account_id=str(PERSON))],
)
def test_a_closed_account_is_refused_and_hears_no_more(listener, recorder, message):
    assert told_of(listener, recorder, delivery(message)) == [("close_account", PERSON), ("revoke", PERSON)]


@pytest.mark.parametrize(
    ("message", "removed"),
    [
        (auth.MemberRemoved(user_id=str(PERSON)), True),
        (auth.MemberRoleChanged(user_id=str(PERSON)), False),
        (auth.ServiceAccountUpdated(service_account_id=str(PERSON)), False),
    ],
)
def test_who_changed_is_asked_for_a_new_token_and_hears_no_more(listener, recorder, message, removed):
    sent = delivery(message)
    expected = [("change_member", ORG, PERSON, sent.event.time, removed), ("revoke", PERSON)]
    assert told_of(listener, recorder, sent) == expected


def test_a_transferred_ownership_changes_two(listener, recorder):
    other = uuid4()
    sent = delivery(auth.OwnershipTransferred(from_user_id=str(PERSON), to_user_id=str(other)))
    told = told_of(listener, recorder, sent)
    assert [each[2] for each in told if each[0] == "change_member"] == [PERSON, other]


def test_an_event_without_organisation_changes_nothing(listener, recorder):
    listener.on_event(topics.EVALUATION_EVENTS, delivery(DatasetCreated(), org=None))
    assert recorder.told == [("advance", Place(2, 2, 5))]


def test_what_a_listener_hears_knows_to_whom_it_is_private(listener, recorder):
    listener.on_event(topics.EVALUATION_EVENTS, delivery(DatasetCreated(name="x"), private_to=PERSON))
    ((_, event),) = recorder.told
    assert (event.org_id, event.private_to, event.place) == (ORG, PERSON, Place(2, 2, 5))


@pytest.mark.parametrize("event_type", TYPES)
def test_an_event_about_a_prompt_or_a_repository_says_which(event_type, fill):
    message = fill(GetMessageClass(Default().pool.FindMessageTypeByName(event_type)).DESCRIPTOR)
    fields = set(_fields(message.DESCRIPTOR))
    assert bool(_about_prompt(message)) == ("prompt_id" in fields)
    assert bool(_about_repository(message)) == ("repository_id" in fields)


def _fields(descriptor):
    for field in descriptor.fields:
        yield field.name
        if field.message_type is not None and field.message_type.full_name.startswith("assay."):
            yield from (each.name for each in field.message_type.fields)


@pytest.mark.parametrize(
    ("topic", "told"),
    [(topics.PROMPT_EVENTS, "forget_all"), (topics.AUTH_EVENTS, "renew_all"), (topics.AUDIT_EVENTS, None)],
)
def test_what_may_have_been_missed_is_distrusted(listener, recorder, topic, told):
    number = [each.name for each in TOPICS].index(topic.name)
    distrust = [(told,)] if told else []
    listener.on_begin(topic, 1, 7)
    listener.on_loss(topic, 1, 9)
    listener.on_unreadable(topic)
    assert recorder.told == [*distrust, ("begin", number, 1, 7), *distrust, ("lose", number, 1, 9), *distrust]
