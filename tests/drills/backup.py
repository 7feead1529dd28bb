"""Lose the database and get it back: `python -m tests.drills.backup [--seconds N] [--archive-seconds N] [--json]`.

The whole suite works on a PostgreSQL with continuous archiving; its disk is lost; a backup and the archive are
restored; Kafka is rewound; and everything that is left must fit together. Measures the recovery point (how much of
what was answered is gone) and the recovery time. Exit code 1 when a promise is broken.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import redis
from tests.drills.archive import ArchivedPostgres, size_of
from tests.drills.traffic import PATIENCE_SECONDS, Traffic

from assay_common.kafka.dead_letters.letters import read_letters
from assay_common.recovery.lost import lost_events
from assay_common.recovery.rewind import rewind
from assay_common.settings import DatabaseSettings, KafkaSettings
from assay_local.components.postgres import SUITE_DATABASE
from assay_local.environment import login_of
from assay_local.errors import LaunchError
from assay_local.stack import Stack
from assay_local.table import SUITE
from assay_protos.topics import ALL
from assay_testing.api import Api

POINT_SECONDS = 3600.0
TIME_SECONDS = 7200.0
MARGIN = timedelta(minutes=30)
"""How far before the restored point Kafka is rewound: longer than a task waits and works."""
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


@dataclass(slots=True)
class Report:
    """What was measured; seconds unless the name says otherwise."""

    archive_timeout_seconds: int
    backup_seconds: float = 0.0
    backup_bytes: int = 0
    archive_bytes: int = 0
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
    """After the restore: tasks of runs that are lost."""
    problems: list[str] = field(default_factory=list)


class Drill:
    """One loss and one recovery."""

    def __init__(self, folder: Path, *, seconds: float, archive_seconds: int, tell: Callable[[str], None]) -> None:
        self.stack = Stack(folder, temporary=True)
        self.postgres = ArchivedPostgres(self.stack.site, archive_seconds)
        self.stack.postgres = self.postgres
        self.kafka = KafkaSettings(bootstrap_servers=self.stack.kafka.bootstrap_servers)
        self.report = Report(archive_seconds)
        self._seconds = seconds
        self._tell = tell

    async def run(self) -> Report:
        """The report; whatever was started is stopped."""
        try:
            await self.stack.up()
            await self._drill()
        finally:
            await self.stack.down()
        return self.report

    async def _drill(self) -> None:
        report = self.report
        api = Api(self.stack.gateway_url, self.stack.admin_email, self.stack.admin_password)
        traffic = Traffic(api)
        traffic.start()
        began = time.monotonic()
        report.backup_bytes = await self.postgres.back_up()
        report.backup_seconds = time.monotonic() - began
        self._tell(f"base backup of {report.backup_bytes / 1e6:.0f} MB under load in {report.backup_seconds:.1f} s")
        await asyncio.sleep(self._seconds)
        await self.postgres.destroy()
        lost_at, began = datetime.now(UTC), time.monotonic()
        await asyncio.to_thread(traffic.stop)
        report.answered_writes, report.archive_bytes = len(traffic.writes), size_of(self.postgres.archive)
        self._tell(f"the server's disk is gone after {report.answered_writes} answered writes")
        restored_to = await self._recover(began, traffic)
        await self._measure(traffic, lost_at, restored_to)
        await self._ensure_consistent(traffic)

    async def _recover(self, began: float, traffic: Traffic) -> datetime:
        phases, since = self.report.phases, began

        def done(phase: str) -> None:
            nonlocal since
            phases[phase], since = time.monotonic() - since, time.monotonic()
            self._tell(f"{phase}: {phases[phase]:.1f} s")

        await asyncio.gather(*(self.stack.process(entry.name).stop() for entry in SUITE))
        done("services stopped")
        restored_to = await self.postgres.restore()
        done("database restored")
        self.report.rewound_messages = sum(each.messages for each in await rewind(self.kafka, restored_to - MARGIN))
        await asyncio.to_thread(redis.Redis.from_url(self.stack.valkey.url).flushdb)
        done("Kafka rewound, Valkey emptied")
        await self._start()
        done("services started")
        await asyncio.to_thread(lambda: traffic.finished(traffic.run()["id"]))
        done("first run finished")
        self.report.recovery_time_seconds = time.monotonic() - began
        return restored_to

    async def _start(self, tries: int = 3) -> None:
        """As Kubernetes would: what is not ready in time is started again."""
        for left in reversed(range(tries)):
            try:
                await self.stack.up()
            except LaunchError:
                if not left:
                    raise
            else:
                return

    async def _measure(self, traffic: Traffic, lost_at: datetime, restored_to: datetime) -> None:
        report = self.report
        listed = await self._prompts()
        survived = [write for write in traffic.writes if write.name in listed]
        report.lost_writes = len(traffic.writes) - len(survived)
        if survived != traffic.writes[: len(survived)]:
            report.problems.append("a write is lost that was answered before one that is not")
        if not survived:
            report.problems.append("nothing that was written survived")
            return
        if report.lost_writes:
            report.recovery_point_seconds = (lost_at - survived[-1].answered_at).total_seconds()
        lost = {write.name for write in traffic.writes} - listed
        settings = DatabaseSettings(url=self.postgres.url_of(SUITE_DATABASE, login_of("prompt")))
        async for each in lost_events(settings, self.kafka, "prompt", restored_to - timedelta(minutes=1)):
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

    async def _ensure_consistent(self, traffic: Traffic) -> None:
        """Everything that is left was published, counted once and entered; every run that is left ends."""
        report, api = self.report, traffic.api
        for problem, query in _MISSING.items():
            left = await self._until_none(f"SELECT count(*) FROM ({query}) AS missing")
            if left:
                report.problems.append(f"{left} {problem}")
        for run_id in traffic.runs:
            if await self.postgres.ask("SELECT count(*) FROM evaluation.runs WHERE id = $1::uuid", run_id):
                run = await asyncio.to_thread(traffic.finished, run_id)
                report.runs_finished += 1
                if run["progress"]["measured"] != 4:
                    report.problems.append(f"run {run_id} ended as {run['status']}, {run['progress']}")
        sums, events = await self.postgres.ask(_COUNTED)
        if sums != events:
            report.problems.append(f"{events} events were counted as {sums}")
        verified = await asyncio.to_thread(api.get, "/v1/audit-trail/verification")
        if not verified["intact"]:
            report.problems.append(f"the audit trail is broken: {verified}")
        letters = await read_letters(self.kafka, ALL)
        report.dead_letters = len(letters)
        self._tell(f"{report.runs_finished} runs finished, {report.dead_letters} dead letters")

    async def _until_none(self, query: str, patience: float = PATIENCE_SECONDS) -> int:
        give_up_at = time.monotonic() + patience
        while (left := int(await self.postgres.ask(query))) and time.monotonic() < give_up_at:  # noqa: ASYNC110 - others' work
            await asyncio.sleep(0.2)
        return left


def main() -> int:
    """Run the drill and tell its figures; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.drills.backup", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="of load between the backup and the loss")
    parser.add_argument("--archive-seconds", type=int, default=20, help="archive_timeout of the server")
    parser.add_argument("--json", action="store_true", help="for programs")
    given = parser.parse_args()

    def tell(line: str) -> None:
        sys.stderr.write(f"  {line}\n")

    with tempfile.TemporaryDirectory(prefix="assay-drill-") as folder:
        drill = Drill(Path(folder), seconds=given.seconds, archive_seconds=given.archive_seconds, tell=tell)
        report = asyncio.run(drill.run())
    figures: dict[str, Any] = asdict(report)
    if given.json:
        sys.stdout.write(json.dumps(figures, indent=2) + "\n")
    else:
        sys.stdout.write(
            f"recovery point {report.recovery_point_seconds:.1f} s ({report.lost_writes} of {report.answered_writes} "
            f"answered writes, of which Kafka names {report.lost_writes_named}; promised {POINT_SECONDS:.0f} s)\n"
            f"recovery time  {report.recovery_time_seconds:.1f} s (promised {TIME_SECONDS:.0f} s)\n"
        )
        sys.stdout.writelines(f"PROBLEM: {problem}\n" for problem in report.problems)
    return 1 if report.problems else 0


if __name__ == "__main__":
    sys.exit(main())
