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
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import redis
from tests.drills import aftermath
from tests.drills.aftermath import MARGIN, Aftermath, Say, Stopwatch, start_again
from tests.drills.archive import ArchivedPostgres, size_of
from tests.drills.command import conduct, tell
from tests.drills.traffic import Traffic

from assay_common.recovery.rewind import rewind
from assay_common.settings import KafkaSettings
from assay_local.stack import Stack
from assay_local.table import SUITE
from assay_testing.api import Api


@dataclass(slots=True, kw_only=True)
class Report(aftermath.Report):
    """What was measured; seconds unless the name says otherwise."""

    archive_timeout_seconds: int
    backup_seconds: float = 0.0
    backup_bytes: int = 0
    archive_bytes: int = 0


class Drill:
    """One loss and one recovery."""

    def __init__(self, folder: Path, *, seconds: float, archive_seconds: int, tell: Say) -> None:
        self.stack = Stack(folder, temporary=True)
        self.postgres = ArchivedPostgres(self.stack.site, archive_seconds)
        self.stack.postgres = self.postgres
        self.kafka = KafkaSettings(bootstrap_servers=self.stack.kafka.bootstrap_servers)
        self.report = Report(archive_timeout_seconds=archive_seconds)
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
        lost_at, stopwatch = datetime.now(UTC), Stopwatch(report.phases, self._tell)
        await asyncio.to_thread(traffic.stop)
        report.answered_writes, report.archive_bytes = len(traffic.writes), size_of(self.postgres.archive)
        self._tell(f"the server's disk is gone after {report.answered_writes} answered writes")
        restored_to = await self._recover(traffic, stopwatch)
        await Aftermath(report, self.postgres, self.kafka, traffic, self._tell).examine(lost_at, restored_to)

    async def _recover(self, traffic: Traffic, stopwatch: Stopwatch) -> datetime:
        await asyncio.gather(*(self.stack.process(entry.name).stop() for entry in SUITE))
        stopwatch.done("services stopped")
        restored_to = await self.postgres.restore()
        stopwatch.done("database restored")
        self.report.rewound_messages = sum(each.messages for each in await rewind(self.kafka, restored_to - MARGIN))
        await asyncio.to_thread(redis.Redis.from_url(self.stack.valkey.url).flushdb)
        stopwatch.done("Kafka rewound, Valkey emptied")
        await start_again(self.stack)
        stopwatch.done("services started")
        await asyncio.to_thread(lambda: traffic.finished(traffic.run()["id"]))
        stopwatch.done("first run finished")
        self.report.recovery_time_seconds = stopwatch.seconds
        return restored_to


def main() -> int:
    """Run the drill and tell its figures; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.drills.backup", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="of load between the backup and the loss")
    parser.add_argument("--archive-seconds", type=int, default=20, help="archive_timeout of the server")
    parser.add_argument("--json", action="store_true", help="for programs")
    given = parser.parse_args()

    report = conduct(
        lambda folder: Drill(folder, seconds=given.seconds, archive_seconds=given.archive_seconds, tell=tell)
    )
    sys.stdout.write(json.dumps(asdict(report), indent=2) + "\n" if given.json else report.summary())
    return 1 if report.problems else 0


if __name__ == "__main__":
    sys.exit(main())
