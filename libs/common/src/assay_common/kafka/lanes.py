"""The work on one partition: each key in a lane of its own, in order; different keys at the same time."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable

from aiokafka import ConsumerRecord

from assay_common.kafka.offsets import OffsetTracker


class GivenBack(Exception):
    """The partition is being given up, and this record has not been worked on to the end."""


Work = Callable[[ConsumerRecord, asyncio.Event], Awaitable[None]]
"""Handles one record to its end, whatever that is; raises GivenBack when the event (the partition is given up) is set
before it got there. Anything else it raises is a bug and breaks the consumer."""

Lane = bytes | int
"""A key, or, for a record without one, its offset: nothing needs to wait for it."""


class PartitionWork:
    """Runs the records of one partition and knows how far they are done.

    After `give_up` the records not begun yet are dropped; what runs goes on. If the partition then comes back to this
    process, accepting the same records again begins only those that are neither running nor done.
    """

    def __init__(self, work: Work, on_progress: Callable[[], None], on_bug: Callable[[BaseException], None]) -> None:
        self.offsets = OffsetTracker()
        self._work = work
        self._on_progress = on_progress
        self._on_bug = on_bug
        self._lanes: dict[Lane, deque[ConsumerRecord]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._given_up = asyncio.Event()

    def accept(self, records: Iterable[ConsumerRecord]) -> None:
        """Queue records, in the order of their offsets, behind what their keys still have to do."""
        for record in records:
            if not self.offsets.start(record.offset):
                self._on_progress()  # it may have been done while nobody knew from where to commit
                continue
            lane: Lane = record.offset if record.key is None else record.key
            if lane in self._lanes:
                self._lanes[lane].append(record)
            else:
                self._lanes[lane] = deque([record])
                self._run(lane)

    def give_up(self) -> None:
        """Begin nothing more, end waiting between tries; handlers that run go on."""
        self._given_up.set()
        for waiting in self._lanes.values():
            while waiting:
                self.offsets.give_back(waiting.popleft().offset)

    def take_back(self) -> None:
        """The partition was given up and came back: accept records again."""
        self._given_up.clear()
        self.offsets.resume()

    async def drain(self, seconds: float) -> None:
        """Wait until nothing runs, at most so long."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=max(0.0, seconds))

    def cancel(self) -> None:
        """Stop the handlers that run, in mid-work."""
        for task in self._tasks:
            task.cancel()

    def _run(self, lane: Lane) -> None:
        task = asyncio.create_task(self._work_off(lane))
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    async def _work_off(self, lane: Lane) -> None:
        waiting = self._lanes[lane]
        try:
            while waiting:
                await self._finish(waiting.popleft())
        finally:
            del self._lanes[lane]

    async def _finish(self, record: ConsumerRecord) -> None:
        while True:
            try:
                await self._work(record, self._given_up)
            except GivenBack:
                if self._given_up.is_set():
                    self.offsets.give_back(record.offset)
                    return
                # The partition came back before this lane noticed that it was given up; the record will not come again.
            else:
                self.offsets.finish(record.offset)
                self._on_progress()
                return

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (bug := task.exception()) is not None:
            self._on_bug(bug)
