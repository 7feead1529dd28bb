"""One membership in a consumer group: from joining until leaving, or until Kafka is lost."""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from assay_common.kafka.assignment import RendezvousAssignor
from assay_common.kafka.connection import connection_options
from assay_common.kafka.lanes import PartitionWork, Work
from assay_common.lifecycle import Lifecycle
from assay_common.metrics import KAFKA_CONSUMER_LAG
from assay_common.settings import KafkaSettings
from assay_protos.topic import Topic

log = structlog.get_logger()

POLL_MS: Final = 500
"""How long one poll waits for records."""
FETCH_BYTES: Final = 256 * 1024
"""Fetched at once from a partition (or one message, if larger): what it holds at most beyond its limit when paused."""
LEAVE_SECONDS: Final = 3.0
"""Kept of the grace for the last commit and for leaving the group."""

_PARTING: Final[set[asyncio.Task[None]]] = set()
"""Clients that are being closed; the event loop alone would not keep their tasks alive."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Intervals of the group protocol and of committing."""

    session_ms: int = 10_000
    """A member that is not heard of for so long is dead; its partitions go to others."""
    heartbeat_ms: int = 2_000
    max_poll_ms: int = 300_000
    drain_seconds: float = 10.0
    """What a rebalance waits for running handlers. The other members wait too."""
    commit_seconds: float = 0.5
    """Pause between commits: the most that is delivered again after a crash, beside what was running."""


class Membership(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka is untyped here
    """Polls, gives partitions their records, and commits what is done.

    aiokafka calls the listener from its coordination task, before a rejoin and after it, and returns no records in
    between; records are accepted in the same step in which a poll returns them, so none arrives for a partition that
    was just given up.
    """

    def __init__(
        self,
        lifecycle: Lifecycle,
        settings: KafkaSettings,
        *,
        group: str,
        topics: Sequence[Topic],
        work: Work,
        limit: int,
        timing: Timing,
    ) -> None:
        self._lifecycle = lifecycle
        self._group = group
        self._topics = {settings.qualified(topic.name): topic for topic in topics}
        self._work = work
        self._limit = limit
        self._timing = timing
        self._partitions: dict[TopicPartition, PartitionWork] = {}
        self._committed: dict[TopicPartition, int] = {}
        self._paused: set[TopicPartition] = set()
        self._leaving = False
        self._progress = asyncio.Event()
        self._committing = asyncio.Lock()
        self._bug: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.was_assigned = False
        """Whether the group ever gave this member partitions (perhaps none): the connection worked."""
        self._consumer = AIOKafkaConsumer(
            **connection_options(settings),
            group_id=settings.qualified(group),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            partition_assignment_strategy=[RendezvousAssignor],
            max_partition_fetch_bytes=FETCH_BYTES,
            session_timeout_ms=timing.session_ms,
            heartbeat_interval_ms=timing.heartbeat_ms,
            max_poll_interval_ms=timing.max_poll_ms,
            rebalance_timeout_ms=int(timing.drain_seconds * 1000) + timing.session_ms,
        )

    async def run(self) -> None:
        """Consume until the process stops; raises KafkaError when the membership is lost beyond repair."""
        self._consumer.subscribe(list(self._topics), listener=self)
        stopping = asyncio.create_task(self._give_up_when_stopping())
        activities = [asyncio.create_task(self._poll()), asyncio.create_task(self._keep_committing())]
        try:
            ends: list[asyncio.Future[None]] = [self._bug, *activities]
            await asyncio.wait([stopping, *ends], return_when=asyncio.FIRST_COMPLETED)
            for end in ends:
                if end.done():
                    end.result()
        finally:
            stopping.cancel()
            await _cancelled(activities)
            await self._leave()

    async def _give_up_when_stopping(self) -> None:
        await self._lifecycle.stopping.wait()
        self._give_up()

    def _give_up(self) -> None:
        self._leaving = True
        for partition in self._partitions.values():
            partition.give_up()

    async def _poll(self) -> None:
        await self._consumer.start()
        while True:
            fetched = await self._consumer.getmany(timeout_ms=POLL_MS)
            for tp, records in fetched.items():
                if not self._leaving and (partition := self._partitions.get(tp)) is not None:
                    partition.accept(replace(record, topic=self._topics[tp.topic].name) for record in records)
                    if partition.offsets.open >= self._limit:
                        self._paused.add(tp)
                        self._consumer.pause(tp)
            self._measure_lag()

    # -- what aiokafka calls ----------------------------------------------------------------------------------------

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:  # noqa: ARG002
        """Begin nothing more, let what runs finish (bounded), commit."""
        for partition in self._partitions.values():
            partition.give_up()
        await self._drain(self._timing.drain_seconds)
        with suppress(TimeoutError):
            async with asyncio.timeout(self._timing.session_ms / 2000):
                await self._commit()

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Go on with the partitions that stayed, let go of those that went elsewhere, begin those that are new."""
        self.was_assigned = True
        self._committed.clear()
        self._paused.clear()
        before, self._partitions = self._partitions, {}
        for tp in assigned:
            partition = before.pop(tp, None)
            if partition is None:
                partition = PartitionWork(self._work, partial(self._on_progress, tp), self._on_bug)
            elif not self._leaving:
                partition.take_back()
            self._partitions[tp] = partition
        for tp, lost in before.items():
            lost.cancel()
            with suppress(KeyError):
                KAFKA_CONSUMER_LAG.remove(self._topics[tp.topic].name, str(tp.partition))
        self._progress.set()
        log.info("partitions assigned", group=self._group, partitions=_named(self._partitions), lost=_named(before))

    # -- what partitions tell ---------------------------------------------------------------------------------------

    def _on_progress(self, tp: TopicPartition) -> None:
        self._progress.set()
        partition = self._partitions.get(tp)
        if tp in self._paused and partition is not None and partition.offsets.open <= self._limit // 2:
            self._paused.discard(tp)
            with suppress(IllegalStateError):  # it was reassigned, and the listener is about to be told
                self._consumer.resume(tp)

    def _on_bug(self, bug: BaseException) -> None:
        if not self._bug.done():
            self._bug.set_exception(bug)

    # -- offsets ----------------------------------------------------------------------------------------------------

    async def _keep_committing(self) -> None:
        while True:
            await self._progress.wait()
            self._progress.clear()
            await self._commit()
            await asyncio.sleep(self._timing.commit_seconds)

    async def _commit(self) -> None:
        async with self._committing:
            held = dict(self._partitions)
            positions = {tp: at for tp, each in held.items() if (at := each.offsets.position) is not None}
            news = {tp: at for tp, at in positions.items() if self._committed.get(tp) != at}
            if not news:
                return
            try:
                await self._consumer.commit(news)
            except (CommitFailedError, IllegalStateError) as error:
                # The group moved on without us; whoever has the partitions now begins at the last commit.
                log.info("commit refused", group=self._group, error=repr(error))
                return
            self._committed.update(news)
            for tp, at in news.items():
                held[tp].offsets.settle(at)

    def _measure_lag(self) -> None:
        for tp in self._consumer.assignment() & self._partitions.keys():
            end, position = self._consumer.highwater(tp), self._partitions[tp].offsets.position
            if end is not None and position is not None:
                KAFKA_CONSUMER_LAG.labels(self._topics[tp.topic].name, str(tp.partition)).set(max(0, end - position))

    # -- the end ----------------------------------------------------------------------------------------------------

    async def _drain(self, seconds: float) -> None:
        await asyncio.gather(*(partition.drain(seconds) for partition in self._partitions.values()))

    async def _leave(self) -> None:
        self._give_up()
        try:
            if self._lifecycle.stopping.is_set():
                await self._drain(self._lifecycle.grace_left() - LEAVE_SECONDS)
        finally:
            for partition in self._partitions.values():
                partition.cancel()
            # Who is cancelled may have something to take back, and needs what the process is about to close.
            await asyncio.gather(self._part(), self._drain(LEAVE_SECONDS))

    async def _part(self) -> None:
        """Commit and leave the group; when Kafka does not answer in time, its client is left to find out by itself."""
        parting = asyncio.create_task(self._commit_and_stop())
        _PARTING.add(parting)
        parting.add_done_callback(_PARTING.discard)
        await asyncio.wait({parting}, timeout=LEAVE_SECONDS)

    async def _commit_and_stop(self) -> None:
        with suppress(KafkaError, TimeoutError):
            async with asyncio.timeout(LEAVE_SECONDS / 2):
                await self._commit()
        with suppress(KafkaError):
            await self._consumer.stop()


async def _cancelled(tasks: Iterable[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _named(partitions: Iterable[TopicPartition]) -> list[str]:
    return sorted(f"{tp.topic}-{tp.partition}" for tp in partitions)
