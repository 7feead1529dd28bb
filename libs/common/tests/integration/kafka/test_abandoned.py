"""What waits for a message that was put aside is ended, on the real Kafka."""

import asyncio

import pytest
from structlog.testing import capture_logs

from assay_common.errors import NotFound, Unavailable
from assay_common.logs import request_id
from assay_common.tracing import current_trace_id


class PromptNotFound(NotFound):
    pass


@pytest.fixture(autouse=True)
def logs():
    """Kept as they are: tracebacks drawn for people would take longer than the tests."""
    with capture_logs() as entries:
        yield entries


@pytest.fixture
def fails():
    async def handle(delivery):
        match delivery.message.name:
            case "rule":
                raise PromptNotFound("there is no such prompt")
            case "bug":
                raise KeyError("postgresql://secret")

    return handle


class Ending:
    """Notes what it is told to end; `behave` may wait or raise before."""

    def __init__(self, behave=None):
        self.called, self.ended, self.contexts = 0, [], []
        self.all_ended = asyncio.Event()
        self._behave = behave

    async def __call__(self, abandoned):
        self.called += 1
        self.contexts.append((request_id.get(), current_trace_id()))
        if self._behave is not None:
            await self._behave(abandoned)
        self.ended.append(abandoned)
        self.all_ended.set()


async def test_what_was_put_aside_is_ended_with_a_reason_that_tells_nothing_of_the_inside(room, make_notes, fails):
    notes, ending, trace = make_notes(fails), Ending(), "0af7651916cd43dd8448eb211c80319c"
    await room.publish("rule", "bug", "good", request_id="r-1", traceparent=f"00-{trace}-00f067aa0ba902b7-01")
    room.consume(notes, abandon=ending)
    await notes.until_ended(1)
    assert [(each.delivery.message.name, each.reason) for each in ending.ended] == [
        ("rule", "given up after 1 try: there is no such prompt"),
        ("bug", "given up after 5 tries: KeyError"),
    ]
    assert ending.contexts == [("r-1", trace)] * 2
    assert len(await room.dead_letters(2)) == 2
    await room.until_committed(3)


async def test_what_cannot_be_read_ends_nothing(room, make_notes):
    notes, ending = make_notes(), Ending()
    await room.publish_raw(b"no headers at all")
    await room.publish("good")
    room.consume(notes, abandon=ending)
    await notes.until_ended(1)
    await room.until_committed(2)
    assert ending.called == 0


async def test_nothing_is_committed_before_it_is_ended_and_the_letter_is_there_by_then(room, make_notes, fails):
    back = asyncio.Event()

    async def wait_for_the_database(_):
        if not back.is_set():
            raise Unavailable("the database is away")

    ending = Ending(wait_for_the_database)
    await room.publish("rule")
    room.consume(make_notes(fails), abandon=ending)
    await room.dead_letters(1)
    async with asyncio.timeout(20):
        while ending.called < 4:  # noqa: ASYNC110 - it is called by a consumer of its own
            await asyncio.sleep(0.01)
    assert sum((await room.committed()).values()) == 0
    back.set()
    await room.until_committed(1)
    assert len(ending.ended) == 1


@pytest.mark.parametrize(
    ("error", "calls"), [(PromptNotFound("there is no such run"), 1), (RuntimeError("a bug"), 5)], ids=["rule", "bug"]
)
async def test_what_cannot_be_ended_holds_nothing_up(room, make_notes, fails, error, calls):
    async def fail(_):
        raise error

    notes, ending = make_notes(fails), Ending(fail)
    await room.publish("rule", "good")
    room.consume(notes, abandon=ending)
    await notes.until_ended(1)
    await room.until_committed(2)
    assert (ending.called, len(ending.ended)) == (calls, 0)
    assert len(await room.dead_letters(1)) == 1


async def test_who_is_stopped_between_letter_and_end_leaves_the_end_to_the_next(room, make_notes, fails):
    """The letter is written a second time; what waits is ended."""

    async def never(_):
        await asyncio.Event().wait()

    stuck, ending = Ending(never), Ending()
    await room.publish("rule")
    first = room.consume(make_notes(fails), abandon=stuck, grace=0.5)
    await room.dead_letters(1)
    async with asyncio.timeout(20):
        while not stuck.called:  # noqa: ASYNC110 - it is called by a consumer of its own
            await asyncio.sleep(0.01)
    await first.stop()
    assert sum((await room.committed()).values()) == 0
    room.consume(make_notes(fails), abandon=ending)
    await room.until_committed(1)
    assert len(ending.ended) == 1
    assert len(await room.dead_letters(2)) == 2
