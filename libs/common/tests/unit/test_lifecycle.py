import asyncio
from contextlib import asynccontextmanager

import pytest

from assay_common.lifecycle import Lifecycle, running


@asynccontextmanager
async def nothing(lifecycle):
    yield


async def test_it_is_ready_between_start_and_stop():
    lifecycle = Lifecycle()
    assert not lifecycle.ready
    async with running(lifecycle, nothing):
        assert lifecycle.ready
        lifecycle.stop()
        assert not lifecycle.ready
        assert lifecycle.stopping.is_set()
        assert not await lifecycle.probe()
    assert lifecycle.failure is None


async def test_it_is_not_ready_while_it_starts():
    @asynccontextmanager
    async def start(lifecycle):
        assert not await lifecycle.probe()
        yield

    async with running(Lifecycle(), start) as lifecycle:
        assert lifecycle.ready


async def test_a_failed_check_takes_it_out_and_brings_it_back():
    broken = True

    async def database():
        if broken:
            raise ConnectionRefusedError("no database")

    async def fine():
        pass

    @asynccontextmanager
    async def start(lifecycle):
        lifecycle.add_check("database", database)
        lifecycle.add_check("fine", fine)
        yield

    async with running(Lifecycle(), start) as lifecycle:
        assert not lifecycle.ready
        assert lifecycle.problems == {"database": "ConnectionRefusedError: no database"}
        broken = False
        assert await lifecycle.probe()
        assert lifecycle.problems == {}


async def test_a_check_that_hangs_counts_as_failed(monkeypatch):
    monkeypatch.setattr("assay_common.lifecycle.CHECK_TIMEOUT", 0.01)
    lifecycle = Lifecycle()
    lifecycle.add_check("database", asyncio.Event().wait)
    async with running(lifecycle, nothing):
        assert lifecycle.problems == {"database": "no answer within 0.01 s"}


async def test_readiness_is_told_to_those_who_watch():
    lifecycle = Lifecycle()
    seen = []

    async def watch():
        async for ready in lifecycle.readiness():
            seen.append(ready)
            if seen == [False, True, False]:
                return

    watching = asyncio.create_task(watch())
    await asyncio.sleep(0)
    async with running(lifecycle, nothing):
        await asyncio.sleep(0)
    await watching


async def test_a_crash_in_the_background_stops_everything():
    async def crash():
        raise RuntimeError("broken")

    async with running(Lifecycle(), nothing) as lifecycle:
        lifecycle.spawn("relay", crash())
        await lifecycle.stopping.wait()
        assert not lifecycle.ready
    assert repr(lifecycle.failure) == "RuntimeError('broken')"


async def test_a_background_task_may_end():
    async with running(Lifecycle(), nothing) as lifecycle:
        await lifecycle.spawn("once", asyncio.sleep(0))
        assert lifecycle.ready
    assert lifecycle.failure is None


async def test_tasks_finish_before_what_they_use_is_closed():
    order = []

    @asynccontextmanager
    async def start(lifecycle):
        async def consume():
            await lifecycle.stopping.wait()
            await asyncio.sleep(0)
            order.append("task finished")

        lifecycle.spawn("consumer", consume())
        yield
        order.append("pool closed")

    async with running(Lifecycle(), start):
        pass
    assert order == ["task finished", "pool closed"]


async def test_a_task_that_outlives_the_grace_is_cancelled():
    cancelled = asyncio.Event()

    async def deaf():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    async with running(Lifecycle(grace_seconds=0.01), nothing) as lifecycle:
        lifecycle.spawn("deaf", deaf())
    assert cancelled.is_set()
    assert lifecycle.failure is None


async def test_a_task_with_nothing_to_finish_is_cancelled_at_once():
    async with asyncio.timeout(30), running(Lifecycle(grace_seconds=60), nothing) as lifecycle:
        refresh = lifecycle.spawn("refresh", asyncio.sleep(3600), cancel_on_stop=True)
    assert refresh.cancelled()


async def test_the_grace_runs_from_the_first_stop():
    lifecycle = Lifecycle(grace_seconds=60)
    assert lifecycle.grace_left() == 60
    lifecycle.stop()
    left = lifecycle.grace_left()
    lifecycle.stop()
    assert lifecycle.grace_left() <= left <= 60


async def test_an_error_in_the_block_drains_too():
    async with asyncio.timeout(30):
        with pytest.raises(ValueError, match="mine"):
            async with running(Lifecycle(), nothing) as lifecycle:
                refresh = lifecycle.spawn("refresh", asyncio.sleep(3600), cancel_on_stop=True)
                raise ValueError("mine")
    assert refresh.cancelled()
