"""Who hears what; and that whoever comes back, to whichever replica, hears the rest: each event once, in order."""

import asyncio
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay_common.errors import PermissionDenied
from assay_common.identity import Principal
from assay_gateway.application.live_feed import AHEAD_SECONDS, QUEUE_SIZE, Ending, Gap, ListeningEnded, LiveFeed, Pause
from assay_gateway.domain.cursor import Cursor
from assay_gateway.domain.feed import TOPICS, FeedEvent, Place, Told, UnknownTopic, Wanted, may_see, permission_to_see
from assay_gateway.messages import to_bytes
from assay_protos.permissions import all_permissions

ORG = uuid4()
EVERYTHING = Wanted()
LATER = datetime(2100, 1, 1, tzinfo=UTC)
TYPES = [message for topic in TOPICS for message in topic.messages]
PERSONAL = {
    f"assay.auth.v1.{name}"
    for name in (
        "UserSignedUp",
        "EmailVerified",
        "SessionOpened",
        "SessionRevoked",
        "SignInFailed",
        "PasswordChanged",
        "SecondFactorChanged",
        "IdentityLinked",
        "UserDeactivated",
    )
}


def somebody(*permissions, org=ORG, **changes):
    subject = changes.pop("subject", None) or uuid4()
    return Principal(subject, "user", org, frozenset(permissions or all_permissions()), "token", LATER, **changes)


def event(offset=0, *, topic=3, partition=0, event_type="assay.prompt.v1.LabelMoved", org=ORG, size=1, **about):
    place = Place(topic, partition, offset)
    return FeedEvent(org, event_type, place, size, lambda: {"number": offset}, to_bytes, **about)


class Replica:
    """A feed and its time."""

    def __init__(self, *, seconds=100, max_bytes=1000):
        self.now = 0.0
        self.feed = LiveFeed(seconds=seconds, max_bytes=max_bytes, steady=lambda: self.now)
        for topic in range(len(TOPICS)):
            for partition in range(3):
                self.feed.begin(topic, partition, 0)

    def listener(self, caller=None, wanted=EVERYTHING, after=None):
        return Listener(self, caller or somebody(), wanted, after)


class Listener:
    """Somebody who hears at once what there is to hear, unless they sleep."""

    def __init__(self, replica, caller, wanted=EVERYTHING, after=None):
        self.replica = replica
        self.heard, self.endings = [], []
        self.asleep = True
        self.subscription = replica.feed.subscribe(caller, wanted, after, news=self.wake, ended=self.endings.append)
        self.cursor = self.subscription.begins_at
        self.asleep = False
        self.wake()

    def wake(self):
        while not self.asleep and (message := self.subscription.take()) is not None:
            self.heard.append(message)
            self.cursor = message.cursor

    @property
    def events(self):
        return [message.event for message in self.heard if isinstance(message, Told)]

    def leave(self):
        self.replica.feed.unsubscribe(self.subscription)


@pytest.fixture
def replica():
    return Replica()


@pytest.mark.parametrize("event_type", TYPES)
def test_every_event_needs_a_permission_that_exists_or_is_nobodys(event_type):
    needed = permission_to_see(event_type)
    assert needed in all_permissions() or (needed is None and event_type in PERSONAL)


@pytest.mark.parametrize(
    ("event_type", "permission"),
    [
        ("assay.evaluation.v1.DatasetImported", "datasets:read"),
        ("assay.evaluation.v1.RunCompleted", "evaluations:read"),
        ("assay.auth.v1.ApiKeyCreated", "api-keys:read"),
        ("assay.auth.v1.MemberAdded", "members:read"),
        ("assay.auth.v1.TeamMemberAdded", "teams:read"),
        ("assay.auth.v1.SessionOpened", None),
        ("assay.future.v1.Something", None),
    ],
)
def test_the_permission_is_that_of_reading_the_same_by_request(event_type, permission):
    assert permission_to_see(event_type) == permission


@pytest.mark.parametrize("event_type", [*sorted(PERSONAL), "assay.future.v1.Something"])
def test_what_nobody_may_see_is_seen_by_nobody(event_type):
    assert not may_see(event(event_type=event_type), somebody())


@pytest.mark.parametrize(
    ("who", "may"),
    [
        ({"role": "owner"}, True),
        ({"role": "admin"}, True),
        ({"role": "member"}, False),
        ({"role": "viewer"}, False),
        ({}, False),
        ({"role": "viewer", "subject": ORG}, True),
        ({"role": "member", "owner": ORG}, True),
    ],
)
def test_the_private_is_told_to_its_creator_and_to_administrators(who, may):
    assert may_see(event(private_to=ORG), somebody(**who)) is may


@pytest.mark.parametrize(
    ("limit", "about", "may"),
    [
        ({"prompts": {"mine"}}, {"prompt": {"id", "mine"}}, True),
        ({"prompts": {"id"}}, {"prompt": {"id"}}, True),
        ({"prompts": {"mine"}}, {"prompt": {"id"}}, False),
        ({"prompts": {"mine"}}, {"prompt": {"id", "theirs"}}, False),
        ({"prompts": {"mine"}}, {}, True),
        ({"repositories": {"r"}}, {"repository": {"id", "r"}}, True),
        ({"repositories": {"r"}}, {"repository": {"id", "s"}}, False),
        ({"repositories": {"r"}}, {"prompt": {"id"}}, True),
    ],
)
def test_a_limited_key_hears_only_of_what_it_may_touch(limit, about, may):
    key = somebody(**{name: frozenset(names) for name, names in limit.items()})
    assert may_see(event(**{name: frozenset(names) for name, names in about.items()}), key) is may


def test_events_reach_who_may_see_and_wants_them_and_nobody_else(replica):
    reader = replica.listener(somebody("prompts:read"))
    auditor = replica.listener(somebody("audits:read"))
    stranger = replica.listener(somebody(org=uuid4()))
    uninterested = replica.listener(wanted=Wanted.named(["audit"]))
    sent = event()
    replica.feed.publish(sent)
    assert reader.events == [sent]
    assert [*auditor.heard, *stranger.heard, *uninterested.heard] == []


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        ([], TYPES),
        (["prompt"], [each for each in TYPES if each.startswith("assay.prompt.")]),
        (["assay.prompt.events"], [each for each in TYPES if each.startswith("assay.prompt.")]),
        (["assay.prompt.v1.LabelMoved"], ["assay.prompt.v1.LabelMoved"]),
    ],
)
def test_topics_are_named_shortly_in_full_or_by_type(names, wanted):
    assert [each for each in TYPES if each in Wanted.named(names)] == wanted


def test_topics_are_added_and_taken_away():
    wanted = Wanted().plus(Wanted.named(["prompt"])).plus(Wanted.named(["assay.audit.v1.AuditStarted"]))
    assert wanted.names() == ["assay.audit.v1.AuditStarted", "prompt"]
    assert wanted.minus(Wanted.named(["prompt"])).names() == ["assay.audit.v1.AuditStarted"]
    assert Wanted().minus(Wanted.named(["auth", "evaluation"])).names() == ["audit", "prompt"]
    with pytest.raises(UnknownTopic):
        Wanted.named(["promt"])


def test_nobody_listens_to_no_organisation(replica):
    with pytest.raises(PermissionDenied):
        replica.listener(somebody(org=None))


def test_a_slow_reader_is_let_go_and_the_others_are_served(replica):
    slow, fast = replica.listener(), replica.listener()
    slow.asleep = True
    for offset in range(QUEUE_SIZE + 1):
        replica.feed.publish(event(offset))
    assert slow.endings == [Ending.TOO_SLOW]
    assert slow.subscription.take() is None
    assert len(fast.events) == QUEUE_SIZE + 1
    assert fast.endings == []


def test_an_event_is_written_once_for_all(replica):
    listeners = [replica.listener() for _ in range(3)]
    replica.feed.publish(event())
    (first, *others) = [listener.heard[0] for listener in listeners]
    assert all(each is first for each in others)


def test_who_comes_back_hears_what_they_missed_and_then_what_comes(replica):
    first = replica.listener()
    replica.feed.publish(event(0))
    first.leave()
    replica.feed.publish(event(1))
    again = replica.listener(after=first.cursor)
    replica.feed.publish(event(2))
    assert [each.place.offset for each in again.events] == [1, 2]


def test_what_happens_while_the_past_is_told_comes_after_it(replica):
    start = replica.feed.cursor
    for offset in range(3):
        replica.feed.publish(event(offset))
    listener = replica.listener(after=start)
    listener.heard.clear()
    again = Listener.__new__(Listener)
    again.replica, again.heard, again.endings, again.asleep = replica, [], [], True
    again.subscription = replica.feed.subscribe(
        somebody(), Wanted(), start, news=again.wake, ended=again.endings.append
    )
    assert again.subscription.take().event.place.offset == 0
    replica.feed.publish(event(3))
    again.asleep = False
    again.wake()
    assert [each.place.offset for each in again.events] == [1, 2, 3]


def test_the_past_may_be_longer_than_a_queue(replica):
    start = replica.feed.cursor
    for offset in range(3 * QUEUE_SIZE):
        replica.feed.publish(event(offset))
    assert len(replica.listener(after=start).events) == 3 * QUEUE_SIZE


def test_who_was_away_for_too_long_is_told_so(replica):
    start = replica.feed.cursor
    replica.feed.publish(event(0))
    replica.now = 100.0
    replica.feed.publish(event(1))
    late = replica.listener(after=start)
    assert late.heard == [Gap(replica.feed.cursor)]
    replica.feed.publish(event(2))
    assert [each.place.offset for each in late.events] == [2]


def test_the_oldest_is_forgotten_when_there_is_no_more_room():
    replica = Replica(max_bytes=10)
    start = replica.feed.cursor
    for offset in range(10):
        replica.feed.publish(event(offset))
    assert len(replica.listener(after=start).events) == 10
    replica.feed.publish(event(10))
    assert isinstance(replica.listener(after=start).heard[0], Gap)
    after_the_first = start.moved(3, 0, 1)
    assert len(replica.listener(after=after_the_first).events) == 10


def test_the_quiet_come_back_with_what_the_heartbeat_told(replica):
    listener = replica.listener()
    for offset in range(1200):  # More than is kept, and none of it theirs.
        replica.feed.publish(event(offset, org=uuid4()))
    listener.subscription.pause(replica.now)
    assert listener.heard == [Pause(replica.feed.cursor)]
    assert replica.listener(after=listener.cursor).heard == []


def test_a_heartbeat_does_not_overtake_what_waits(replica):
    listener = replica.listener()
    listener.asleep = True
    replica.feed.publish(event(0))
    listener.subscription.pause(replica.now)
    listener.asleep = False
    listener.wake()
    assert [type(each) for each in listener.heard] == [Told]


def test_who_has_heard_more_than_this_replica_is_not_told_twice():
    ahead, behind = Replica(), Replica()
    first = ahead.listener()
    for offset in range(3):
        ahead.feed.publish(event(offset))
    behind.feed.publish(event(0))
    again = behind.listener(after=first.cursor)
    for offset in range(1, 4):
        behind.feed.publish(event(offset))
    assert [each.place.offset for each in again.events] == [3]


def test_who_speaks_of_events_that_no_longer_exist_is_told_so():
    replica = Replica()
    listener = replica.listener(after=replica.feed.cursor.moved(3, 0, 1_000_000))
    replica.feed.publish(event(0))
    listener.subscription.pause(AHEAD_SECONDS)
    assert [type(each) for each in listener.heard] == [Pause]
    listener.subscription.pause(AHEAD_SECONDS + 1)
    assert listener.heard[-1] == Gap(replica.feed.cursor)
    replica.feed.publish(event(1))
    assert [each.place.offset for each in listener.events] == [1]


def test_losses_are_told_and_what_was_before_is_out_of_reach(replica):
    listener = replica.listener()
    start = replica.feed.cursor
    replica.feed.publish(event(0))
    replica.feed.lose(3, 0, 50)
    assert [type(each) for each in listener.heard] == [Told, Gap]
    assert isinstance(replica.listener(after=start).heard[0], Gap)
    replica.feed.publish(event(50))
    assert [each.place.offset for each in replica.listener(after=listener.heard[1].cursor).events] == [50]


def test_a_revocation_meets_its_person_only_and_their_keys(replica):
    person, session = uuid4(), uuid4()
    phone = replica.listener(somebody(subject=person, session_id=session))
    laptop = replica.listener(somebody(subject=person, session_id=uuid4()))
    key = replica.listener(somebody(owner=person))
    other = replica.listener()
    replica.feed.revoke(person, lambda caller: caller.session_id == session)
    assert [phone.endings, laptop.endings] == [[Ending.REVOKED], []]
    replica.feed.revoke(person)
    assert [phone.endings, laptop.endings, key.endings] == [[Ending.REVOKED]] * 3
    assert other.endings == []


def test_who_has_left_is_not_heard_of_again(replica):
    listener = replica.listener()
    listener.leave()
    listener.leave()
    replica.feed.publish(event())
    replica.feed.revoke(listener.subscription.caller.subject)
    assert (listener.heard, listener.endings) == ([], [])


def test_nobody_is_let_in_when_the_replica_goes_away(replica):
    listener = replica.listener()
    replica.feed.close()
    late = replica.listener()
    assert listener.endings == late.endings == [Ending.GOING_AWAY]


async def test_code_may_wait_for_messages(replica):
    messages = replica.feed.messages(somebody(), Wanted())
    hearing = asyncio.ensure_future(anext(messages))
    await asyncio.sleep(0)
    replica.feed.publish(event())
    assert (await hearing).event.place.offset == 0
    replica.feed.close()
    with pytest.raises(ListeningEnded) as ended:
        await anext(messages)
    assert ended.value.ending is Ending.GOING_AWAY


def test_shelves_of_nobody_do_not_pile_up():
    replica = Replica(max_bytes=5)
    for _ in range(100):
        replica.feed.publish(event(org=uuid4()))
    assert len(replica.feed._recent._shelves) <= 6


KEYS = 3


@settings(max_examples=150)
@given(st.data())
def test_whatever_breaks_off_every_event_is_heard_once_and_in_the_order_of_its_key(data):
    """Replicas interleave partitions in their own ways, and start anew; a listener goes from one to another."""
    log = [[] for _ in range(KEYS)]  # A partition for each key.
    replicas = [Replica() for _ in range(2)]
    read = [[0] * KEYS for _ in range(2)]
    heard, cursor, listener = [], replicas[0].feed.cursor, None

    def reads(replica, partition):
        if read[replica][partition] < len(log[partition]):
            replicas[replica].feed.publish(log[partition][read[replica][partition]])
            read[replica][partition] += 1

    def breaks_off():
        nonlocal listener, cursor
        if listener is not None:
            heard.extend(listener.events)
            cursor = Cursor.decode(listener.cursor.text)
            listener.leave()
            listener = None

    for step in data.draw(st.lists(st.integers(0, 9), max_size=60)):
        replica, partition = data.draw(st.integers(0, 1)), data.draw(st.integers(0, KEYS - 1))
        if step <= 2:
            log[partition].append(event(len(log[partition]), partition=partition))
        elif step <= 5:
            reads(replica, partition)
        elif step == 6:
            breaks_off()
        elif step == 7 and listener is None:
            listener = replicas[replica].listener(after=cursor)
        elif step == 8 and listener is not None:
            listener.subscription.pause(0)
        elif step == 9 and (listener is None or listener.replica is not replicas[replica]):
            replicas[replica], read[replica] = (
                Replica(),
                [0] * KEYS,
            )  # Killed, and started again: it reads the log anew.
    breaks_off()
    listener = replicas[1].listener(after=cursor)
    for partition in range(KEYS):
        for _ in log[partition]:
            reads(1, partition)
    breaks_off()
    assert [[each for each in heard if each.place.partition == partition] for partition in range(KEYS)] == log
