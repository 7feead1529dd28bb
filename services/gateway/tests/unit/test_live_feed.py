import asyncio
from uuid import uuid4

import pytest

from assay_gateway.application.live_feed import QUEUE_SIZE, LiveFeed, SlowReader
from assay_gateway.domain.feed import FeedEvent, may_see, permission_to_see
from assay_protos import topics
from assay_protos.permissions import all_permissions

ORG = uuid4()
ME = uuid4()
EVENT = FeedEvent(ORG, "assay.prompt.v1.LabelMoved", "{}")


@pytest.mark.parametrize(
    "event_type", [message for topic in topics.ALL if topic.is_event_stream for message in topic.messages]
)
def test_every_event_needs_a_permission_that_exists(event_type):
    assert permission_to_see(event_type) in all_permissions()


@pytest.mark.parametrize(
    ("event_type", "permission"),
    [
        ("assay.evaluation.v1.DatasetImported", "datasets:read"),
        ("assay.evaluation.v1.RunCompleted", "evaluations:read"),
        ("assay.auth.v1.ApiKeyCreated", "api-keys:read"),
        ("assay.auth.v1.MemberAdded", "members:read"),
        ("assay.future.v1.Something", None),
    ],
)
def test_the_permission_is_that_of_reading_the_same_by_request(event_type, permission):
    assert permission_to_see(event_type) == permission


def test_what_nobody_may_see_is_seen_by_nobody():
    event = FeedEvent(ORG, "assay.future.v1.Something", "{}")
    assert not may_see(event, ORG, all_permissions())


async def test_events_reach_who_may_see_them_and_nobody_else():
    feed = LiveFeed()
    reader = feed.subscribe(ORG, ME, frozenset({"prompts:read"}))
    auditor = feed.subscribe(ORG, ME, frozenset({"audits:read"}))
    stranger = feed.subscribe(uuid4(), ME, frozenset({"prompts:read"}))
    feed.publish(EVENT)
    assert await reader.next() is EVENT
    for other in (auditor, stranger):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await other.next()


async def test_a_slow_reader_is_marked_and_the_others_are_served():
    feed = LiveFeed()
    slow = feed.subscribe(ORG, ME, frozenset({"prompts:read"}))
    fast = feed.subscribe(ORG, ME, frozenset({"prompts:read"}))
    for _ in range(QUEUE_SIZE + 1):
        feed.publish(EVENT)
        await fast.next()
    assert slow.overflowed.is_set()
    assert not fast.overflowed.is_set()
    with pytest.raises(SlowReader):
        await slow.next()


def test_who_has_left_is_not_heard_of_again():
    feed = LiveFeed()
    subscription = feed.subscribe(ORG, ME, frozenset())
    assert feed.has_listeners(ORG)
    feed.unsubscribe(subscription)
    feed.unsubscribe(subscription)
    assert not feed.has_listeners(ORG)


def test_a_revocation_meets_one_listener_only():
    feed = LiveFeed()
    mine = feed.subscribe(ORG, ME, frozenset())
    other = feed.subscribe(ORG, uuid4(), frozenset())
    feed.revoke(ORG, ME)
    assert mine.revoked.is_set()
    assert not other.revoked.is_set()
