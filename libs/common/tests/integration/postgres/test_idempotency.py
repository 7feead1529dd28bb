"""A repeated call takes effect once: its key is committed with its effect."""

import asyncio
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from assay_common.idempotency import IdempotentRequestDone, Once, handle_once
from assay_common.identity import Principal, acting_as

RPC = "/assay.prompt.v1.PromptService/CreatePrompt"


@pytest.fixture(autouse=True)
def _caller(org):
    with acting_as(Principal(uuid4(), "user", org, frozenset(), "token", datetime.now(UTC))):
        yield


@pytest.fixture
def call(uow, org, add_note):
    """Handle an RPC as a server does, in a task of its own."""

    async def handle(key, body, rpc=RPC, failing=False):
        handle_once(Once(rpc, key))
        async with uow(org) as tx:
            await add_note(tx, body)
            if failing:
                raise ZeroDivisionError

    def call(*arguments, **named):
        return asyncio.create_task(handle(*arguments, **named))

    return call


@pytest.fixture
def there(uow, org, bodies):
    async def read():
        async with uow(org) as tx:
            return sorted(await bodies(tx))

    return read


async def test_a_call_takes_effect_once(call, there):
    await call("a", "first")
    with pytest.raises(IdempotentRequestDone):
        await call("a", "again")
    await call("b", "another")
    assert await there() == ["another", "first"]


async def test_of_calls_at_the_same_time_one_takes_effect(call, there):
    outcomes = await asyncio.gather(*(call("a", "once") for _ in range(5)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes if outcome is not None] == [IdempotentRequestDone] * 4
    assert await there() == ["once"]


async def test_a_call_that_failed_may_be_made_again(call, there):
    with pytest.raises(ZeroDivisionError):
        await call("a", "lost", failing=True)
    await call("a", "kept")
    assert await there() == ["kept"]


async def test_callers_and_rpcs_do_not_know_each_others_keys(call, there, org):
    await call("a", "mine")
    with acting_as(Principal(uuid4(), "user", org, frozenset(), "token", datetime.now(UTC))):
        await call("a", "yours")
    await call("a", "another rpc", rpc="/assay.prompt.v1.PromptService/PublishVersion")
    assert await there() == ["another rpc", "mine", "yours"]


async def test_a_call_may_have_many_transactions_and_what_only_reads_notes_nothing(
    uow, org, add_note, there, superuser
):
    async def handle(stop_after_reading):
        handle_once(Once(RPC, "a"))
        async with uow(org) as tx:
            await tx.connection.fetch("SELECT FROM notes")
        if stop_after_reading:
            return
        for body in ("first", "second"):
            async with uow(org) as tx:
                await add_note(tx, body)

    await asyncio.create_task(handle(stop_after_reading=True))
    assert await superuser.fetchval("SELECT count(*) FROM inbox") == 0
    await asyncio.create_task(handle(stop_after_reading=False))
    assert await there() == ["first", "second"]
    assert await superuser.fetchval("SELECT count(*) FROM inbox") == 1


async def test_the_work_of_the_system_counts_too(uow):
    async def handle():
        handle_once(Once(RPC, "a"))
        async with uow.system() as tx:
            await tx.connection.execute("INSERT INTO inbox (consumer, event_id) VALUES ('work', $1)", uuid4())

    await asyncio.create_task(handle())
    with pytest.raises(IdempotentRequestDone):
        await asyncio.create_task(handle())
