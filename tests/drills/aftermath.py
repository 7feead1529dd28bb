"""What a drill measures and what must hold afterwards, whatever was lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeAlias

from tests.drills.postgres import DrilledPostgres
from tests.drills.traffic import PATIENCE_SECONDS, Traffic

from assay_common.kafka.dead_letters.letters import read_letters
from assay_common.recovery.lost import lost_events
from assay_common.settings import DatabaseSettings, KafkaSettings
from assay_local.components.postgres import SUITE_DATABASE
from assay_local.environment import login_of
from assay_local.errors import LaunchError
from assay_local.stack import Stack
from assay_protos.topics import ALL

Say: TypeAlias = Callable[[str], None]
"""Told of progress."""

POINT_SECONDS = 3600.0
TIME_SECONDS = 7200.0
MARGIN = timedelta(minutes=30)
"""How far before the recovered point Kafka is rewound: longer than a task waits and works."""
SCHEMAS = ("auth", "prompt", "evaluation", "audit")
_UNCOUNTED = " UNION ALL ".join(
    f"SELECT id FROM {schema}.events e WHERE topic LIKE '%.events' AND NOT EXISTS "
    "(SELECT FROM analytics.inbox i WHERE i.event_id = e.id AND i.consumer = 'analytics')"
    for schema in SCHEMAS
)
_UNPUBLISHED = " UNION ALL ".join(f"SELECT id FROM {schema}.events WHERE published_at IS NULL" for schema in SCHEMAS)

_NOT_ENTERED = """
    SELECT id FROM prompt.events e WHERE actor IS NOT NULL AND topic LIKE '%.events'
        AND NOT EXISTS (SELECT FROM auth.audit_entries a WHERE a.id = e.id)
"""
_MISSING = {
    "events are not published": _UNPUBLISHED,
    "events are not counted": _UNCOUNTED,
    "events are not in the audit trail": _NOT_ENTERED,
}
_COUNTED = """
    SELECT array[(SELECT coalesce(sum(count), 0) FROM analytics.event_counts),
                 (SELECT count(*) FROM analytics.inbox WHERE consumer = 'analytics')]
"""


@dataclass(slots=True, kw_only=True)
class Report:
    """What was measured; seconds unless the name says otherwise."""

    answered_writes: int = 0
    lost_writes: int = 0
    lost_writes_named: int = 0
    """Of the lost ones, those that Kafka had heard of: `recovery lost` lists them."""
    recovery_point_seconds: float = 0.0
    recovery_time_seconds: float = 0.0
    phases: dict[str, float] = field(default_factory=dict)
    rewound_messages: int = 0
    runs_finished: int = 0
    dead_letters: int = 0
    """Afterwards: tasks of runs that are lost."""
    problems: list[str] = field(default_factory=list)

    def summary(self) -> str:
        """For people: the point, the time, and what is wrong."""
        return (
            f"recovery point {self.recovery_point_seconds:.1f} s ({self.lost_writes} of {self.answered_writes} "
            f"answered writes, of which Kafka names {self.lost_writes_named}; promised {POINT_SECONDS:.0f} s)\n"
            f"recovery time  {self.recovery_time_seconds:.1f} s (promised {TIME_SECONDS:.0f} s)\n"
        ) + "".join(f"PROBLEM: {problem}\n" for problem in self.problems)


class Stopwatch:
    """Notes how long each phase of a recovery took."""

    def __init__(self, phases: dict[str, float], tell: Say) -> None:
        self.began = self._since = time.monotonic()
        self._phases = phases
        self._tell = tell

    def done(self, phase: str) -> None:
        """What went on since the last one, or since the beginning, was this."""
        self._phases[phase], self._since = time.monotonic() - self._since, time.monotonic()
        self._tell(f"{phase}: {self._phases[phase]:.1f} s")

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self.began


async def start_again(stack: Stack, tries: int = 3) -> None:
    """As Kubernetes would: what is not ready in time is started again."""
    for left in reversed(range(tries)):
        try:
            await stack.up()
        except LaunchError:
            if not left:
                raise
        else:
            return


@dataclass(frozen=True, slots=True)
class Aftermath:
    """The suite that works again, on what is left."""

    report: Report
    postgres: DrilledPostgres
    kafka: KafkaSettings
    traffic: Traffic
    tell: Say

    async def examine(self, lost_at: datetime, recovered_to: datetime) -> None:
        """Measure what is lost and look whether the rest fits together, into the report."""
        await self._measure(lost_at, recovered_to)
        await self._ensure_consistent()

    async def _measure(self, lost_at: datetime, recovered_to: datetime) -> None:
        report, writes = self.report, self.traffic.writes
        listed = await self._prompts()
        survived = [write for write in writes if write.name in listed]
        report.lost_writes = len(writes) - len(survived)
        if survived != writes[: len(survived)]:
            report.problems.append("a write is lost that was answered before one that is not")
        if not survived:
            report.problems.append("nothing that was written survived")
            return
        if report.lost_writes:
            report.recovery_point_seconds = (lost_at - survived[-1].answered_at).total_seconds()
        lost = {write.name for write in writes} - listed
        settings = DatabaseSettings(url=self.postgres.url_of(SUITE_DATABASE, login_of("prompt")))
        async for each in lost_events(settings, self.kafka, "prompt", recovered_to - timedelta(minutes=1)):
            report.lost_writes_named += any(name.encode() in each.payload for name in lost)
        for name, measured, promised in (
            ("point", report.recovery_point_seconds, POINT_SECONDS),
            ("time", report.recovery_time_seconds, TIME_SECONDS),
        ):
            if measured > promised:
                report.problems.append(f"recovery {name} of {measured:.0f} s, promised {promised:.0f} s")

    async def _prompts(self) -> set[str]:
        names = await self.postgres.ask("SELECT array_agg(name) FROM prompt.prompts")
        return set(names or ())

    async def _ensure_consistent(self) -> None:
        """Everything that is left was published, counted once and entered; every run that is left ends."""
        report, traffic = self.report, self.traffic
        for problem, query in _MISSING.items():
            left = await self._until_none(f"SELECT count(*) FROM ({query}) AS missing")
            if left:
                report.problems.append(f"{left} {problem}")
        for run_id, items in traffic.runs.items():
            if await self.postgres.ask("SELECT count(*) FROM evaluation.runs WHERE id = $1::uuid", run_id):
                run = await asyncio.to_thread(traffic.finished, run_id)
                report.runs_finished += 1
                if run["progress"]["measured"] != items:
                    report.problems.append(f"run {run_id} ended as {run['status']}, {run['progress']}")
        sums, events = await self.postgres.ask(_COUNTED)
        if sums != events:
            report.problems.append(f"{events} events were counted as {sums}")
        verified = await asyncio.to_thread(traffic.api.get, "/v1/audit-trail/verification")
        if not verified["intact"]:
            report.problems.append(f"the audit trail is broken: {verified}")
        letters = await read_letters(self.kafka, ALL)
        report.dead_letters = len(letters)
        self.tell(f"{report.runs_finished} runs finished, {report.dead_letters} dead letters")

    async def _until_none(self, query: str, patience: float = PATIENCE_SECONDS) -> int:
        give_up_at = time.monotonic() + patience
        while (left := int(await self.postgres.ask(query))) and time.monotonic() < give_up_at:  # noqa: ASYNC110 - others' work
            await asyncio.sleep(0.2)
        return left
