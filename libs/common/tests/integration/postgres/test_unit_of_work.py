import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg
import pytest

from assay_common.errors import Aborted
from assay_common.identity import Principal, acting_as
from assay_common.logs import bound_request_id
from assay_common.postgres.events import MAX_EVENT_BYTES, EventTooLarge, history
from assay_common.postgres.unit_of_work import TransactionConflict, UnitOfWork
from assay_common.tracing import current_traceparent, span
from assay_protos.topics import AUDIT_EVENTS


async def test_state_and_event_are_committed_together(uow, org, add_note, bodies, new_event):
    aggregate = uuid4()
    async with uow(org) as tx:
        await add_note(tx, "kept")
        await tx.record(new_event(org, aggregate, 1, text="kept"))
    async with uow(org) as tx:
        assert await bodies(tx) == ["kept"]
        assert [stored.message.name for stored in await history(tx.connection, aggregate)] == ["kept"]


async def test_neither_state_nor_event_nor_inbox_entry_outlives_an_error(uow, org, add_note, new_event):
    delivery = uuid4()
    with pytest.raises(ZeroDivisionError):
        async with uow(org) as tx:
            assert await tx.first_delivery("consumer", delivery)
            await add_note(tx)
            await tx.record(new_event(org))
            raise ZeroDivisionError
    async with uow(org) as tx:
        counts = "SELECT (SELECT count(*) FROM notes), (SELECT count(*) FROM events)"
        assert tuple(await tx.connection.fetchrow(counts)) == (0, 0)
        assert await tx.first_delivery("consumer", delivery)


async def test_a_cancelled_transaction_leaves_nothing(uow, org, add_note, bodies):
    inside = asyncio.Event()

    async def write():
        async with uow(org) as tx:
            await add_note(tx)
            inside.set()
            await asyncio.Event().wait()

    writing = asyncio.create_task(write())
    await inside.wait()
    writing.cancel()
    await asyncio.wait([writing])
    async with uow(org) as tx:
        assert await bodies(tx) == []


async def test_a_transaction_is_wrapped_in_the_service_s_own_type(database, org):
    class Notes:
        def __init__(self, tx):
            self.tx = tx

    async with UnitOfWork(database, "notes", Notes)(org) as notes:
        assert isinstance(notes, Notes)
        assert notes.tx.org_id == org


async def test_many_events_are_stored_in_their_order(uow, org, new_event, superuser):
    async with uow(org) as tx:
        await tx.record_all([new_event(org, text=f"{number}") for number in range(2_000)])
        await tx.record_all([])
    rows = await superuser.fetch("SELECT payload FROM events ORDER BY position")
    assert [row["payload"] for row in rows] == [
        new_event(org, text=f"{number}").message.SerializeToString() for number in range(2_000)
    ]


async def test_an_event_remembers_who_caused_it_when_and_in_which_request(uow, org, new_event, superuser):
    caller = Principal(uuid4(), "user", org, frozenset(), "token", datetime.now(UTC) + timedelta(minutes=1))
    aggregate = uuid4()
    before = datetime.now(UTC) - timedelta(seconds=5)
    with acting_as(caller), bound_request_id("request-1"), span("work"):
        traceparent = current_traceparent()
        async with uow(org) as tx:
            await tx.record(new_event(org, aggregate, 1, key="the key"))
    row = await superuser.fetchrow("SELECT * FROM events")
    assert (row["request_id"], row["traceparent"]) == ("request-1", traceparent)
    assert (row["topic"], row["key"], row["aggregate_type"]) == ("assay.prompt.events", "the key", "prompt")
    assert row["published_at"] is None
    async with uow(org) as tx:
        (stored,) = await history(tx.connection, aggregate)
    assert (stored.id, stored.org_id, stored.actor, stored.aggregate_version) == (row["id"], org, caller.subject, 1)
    assert stored.type == "assay.prompt.v1.PromptCreated"
    assert before < stored.occurred_at < datetime.now(UTC) + timedelta(seconds=5)


async def test_history_is_read_in_pages_by_version(uow, org, new_event):
    aggregate = uuid4()
    async with uow(org) as tx:
        await tx.record_all([new_event(org, aggregate, version) for version in range(1, 6)])
        await tx.record(new_event(org, aggregate))  # without a version: not part of the history

        async def versions(after, limit):
            return [each.aggregate_version for each in await history(tx.connection, aggregate, after, limit)]

        assert await versions(0, 3) == [1, 2, 3]
        assert await versions(3, 3) == [4, 5]
        assert await versions(5, 3) == []


async def test_two_events_cannot_make_the_same_version(uow, org, new_event):
    aggregate = uuid4()
    async with uow(org) as tx:
        await tx.record(new_event(org, aggregate, 1))
    with pytest.raises(asyncpg.UniqueViolationError):
        async with uow(org) as tx:
            await tx.record(new_event(org, aggregate, 1))


async def test_an_event_too_large_for_kafka_is_refused_before_it_is_stored(uow, org, new_event):
    with pytest.raises(EventTooLarge) as refused:
        async with uow(org) as tx:
            await tx.record(new_event(org, text="x" * MAX_EVENT_BYTES))
    assert refused.value.details == {"type": "assay.prompt.v1.PromptCreated"}


def test_an_event_belongs_to_a_topic_that_carries_it(org, new_event):
    with pytest.raises(ValueError, match=r"assay\.audit\.events does not carry assay\.prompt\.v1\.PromptCreated"):
        new_event(org, topic=AUDIT_EVENTS)


async def test_a_deadlock_is_named_and_not_tried_again(uow, org, add_note):
    async with uow(org) as tx:
        first, second = await add_note(tx), await add_note(tx)
    both = asyncio.Barrier(2)
    runs = []

    async def touch(*notes):
        async with uow(org) as tx:
            runs.append(notes)
            update = "UPDATE notes SET body = 'touched' WHERE id = $1"
            await tx.connection.execute(update, notes[0])
            await both.wait()
            await tx.connection.execute(update, notes[1])

    outcomes = await asyncio.gather(touch(first, second), touch(second, first), return_exceptions=True)
    assert sorted(map(type, outcomes), key=str) == [type(None), TransactionConflict]
    assert issubclass(TransactionConflict, Aborted)
    assert len(runs) == 2


async def test_a_savepoint_can_be_used_inside(uow, org, add_note, bodies):
    async with uow(org) as tx:
        await add_note(tx, "before")
        with pytest.raises(ZeroDivisionError):
            async with tx.connection.transaction():
                await add_note(tx, "undone")
                raise ZeroDivisionError
    async with uow(org) as tx:
        assert await bodies(tx) == ["before"]
