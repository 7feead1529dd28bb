"""What the gateway does with single events, without the way over Kafka."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from assay.auth.v1.events_pb2 import ApiKeyRevoked, MemberRemoved
from assay.prompt.v1.events_pb2 import LabelMoved
from assay_common.ids import new_id
from assay_common.kafka.delivery import Delivery
from assay_common.kafka.headers import CloudEvent
from assay_gateway.entrypoints.consumers import EventListener
from assay_protos import topics

ORG = uuid4()


class Recorder:
    """Stands for the three that are told."""

    def __init__(self):
        self.told = []

    def __getattr__(self, name):
        return lambda *told: self.told.append((name, *told))

    def has_listeners(self, org_id):
        return False


@pytest.fixture
def recorder():
    return Recorder()


@pytest.fixture
def listener(recorder):
    return EventListener(recorder, recorder, recorder)


def delivery(message, org=ORG):
    event = CloudEvent(
        id=new_id(),
        type=message.DESCRIPTOR.full_name,
        source="test",
        time=datetime.now(UTC),
        subject="x",
        org_id=org,
    )
    return Delivery("topic", 0, 0, "key", event, message, 1)


def test_a_moved_label_makes_its_prompt_forgotten_and_no_other(listener, recorder):
    listener.on_event(delivery(LabelMoved(prompt_id="p")))
    assert recorder.told == [("forget", ORG, "p")]


def test_a_revoked_key_is_forgotten_and_hears_no_more(listener, recorder):
    key = uuid4()
    listener.on_event(delivery(ApiKeyRevoked(api_key_id=str(key))))
    assert recorder.told == [("forget_key", key), ("revoke", ORG, key)]


def test_a_removed_member_is_forgotten_and_hears_no_more(listener, recorder):
    user = uuid4()
    sent = delivery(MemberRemoved(organisation_id=str(ORG), user_id=str(user)))
    listener.on_event(sent)
    assert recorder.told == [("forget_member", ORG, user, sent.event.time), ("revoke", ORG, user)]


def test_an_event_without_organisation_changes_nothing(listener, recorder):
    listener.on_event(delivery(LabelMoved(prompt_id="p"), org=None))
    assert recorder.told == []


@pytest.mark.parametrize(
    ("missed", "told"),
    [
        ([topics.PROMPT_EVENTS.name], [("forget_all",)]),
        ([topics.AUTH_EVENTS.name], [("renew_all",)]),
        ([topic.name for topic in topics.ALL], [("forget_all",), ("renew_all",)]),
        ([topics.AUDIT_EVENTS.name], []),
    ],
)
def test_a_gap_is_about_what_its_topics_could_have_changed(missed, told, listener, recorder):
    listener.on_gap(missed)
    assert recorder.told == told
