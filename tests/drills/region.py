"""Move the suite to another region: `python -m tests.drills.region [--lost] [--seconds N]`.

Region a works, region b stands by: a PostgreSQL that streams from a's, and a Kafka that MirrorMaker 2 fills, with the
settings of `deploy/k8s/regions/mirror-maker.yaml`. Then the steps of docs/operations/regions.md are done, planned or
after everything of a was killed, and what b has must fit together. Exit code 1 when a promise is broken.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import yaml
from tests.drills import aftermath
from tests.drills.aftermath import MARGIN, SCHEMAS, Aftermath, Say, Stopwatch, start_again
from tests.drills.command import conduct, tell
from tests.drills.mirror import MirrorMaker, until_mirrored
from tests.drills.offsets import Committed, committed
from tests.drills.postgres import DrilledPostgres
from tests.drills.standby import StandbyPostgres
from tests.drills.traffic import Traffic

from assay_common.recovery.rewind import rewind
from assay_common.settings import KafkaSettings
from assay_local.environment import http_port
from assay_local.stack import Stack
from assay_local.table import SUITE
from assay_testing.api import Api

ROOT = Path(__file__).parents[2]
VALUES = ROOT / "deploy/helm/assay/examples/operators.yaml"
"""The values that both regions share; the mirror's patterns are for its `kafka.namespace`."""
RESULT = ROOT / ".local/drill-region.json"
_REPUBLISH = "UPDATE {schema}.events SET published_at = NULL WHERE occurred_at > $1"
_UNFINISHED = "SELECT count(*) FROM evaluation.runs WHERE finished_at IS NULL"


@dataclass(frozen=True, slots=True)
class Loss:
    """Everything of a is killed; the link to b may have failed before, by so many seconds."""

    stream_cut_seconds: float = 0.0
    mirror_cut_seconds: float = 0.0


@dataclass(slots=True, kw_only=True)
class Report(aftermath.Report):
    """What was measured; seconds unless the name says otherwise."""

    planned: bool
    stream_cut_seconds: float = 0.0
    mirror_cut_seconds: float = 0.0
    runs_unfinished: int = 0
    """When b's database was promoted."""
    groups: int = 0
    groups_mirrored: int = 0
    offsets_behind: int = 0
    """Messages by which the mirrored offsets were behind those of a; only a planned change can tell."""
    republished_events: int = 0

    def table(self) -> str:
        """The phases and their seconds, for people."""
        width = max(map(len, self.phases))
        return "".join(f"{phase:<{width}}  {seconds:8.1f} s\n" for phase, seconds in self.phases.items())


class Drill:
    """One move from a to b; given a `loss`, without a's help."""

    def __init__(self, folder: Path, *, seconds: float, tell: Say, loss: Loss | None = None) -> None:
        namespace = yaml.safe_load(VALUES.read_text())["kafka"]["namespace"]
        variables = {"*": {"ASSAY_KAFKA__NAMESPACE": namespace}}
        self.a = Stack(folder / "a", temporary=True, variables=variables)
        self.b = Stack(folder / "b", temporary=True, variables=variables)
        self.a.postgres = self.primary = DrilledPostgres(self.a.site)
        self.b.postgres = self.standby = StandbyPostgres(self.b.site)
        self.mirror = MirrorMaker(self.b.site, self.a.kafka, self.b.kafka)
        self.kafka_a, self.kafka_b = (
            KafkaSettings(bootstrap_servers=stack.kafka.bootstrap_servers, namespace=namespace)
            for stack in (self.a, self.b)
        )
        self.report = Report(planned=loss is None, **(asdict(loss) if loss else {}))
        self._loss = loss
        self._seconds = seconds
        self._tell = tell

    async def run(self) -> Report:
        """The report; whatever was started is stopped."""
        try:
            await self.a.up()
            await self._drill()
        finally:
            await asyncio.gather(self.a.down(), self.b.down())
        return self.report

    async def _stand_by(self) -> None:
        """Make all of b but Assay, while a works; its secrets are a's, and its gateway's port, where people go."""
        with self.b.site.changing() as state:
            state.secrets = dict(self.a.site.state().secrets)
        self.b.site.port(http_port("gateway"), self.a.site.port(http_port("gateway")))
        await self.standby.follow(self.primary)
        await asyncio.gather(self.b.kafka.start(), self.b.valkey.start(), self.b.model.start())
        await self.mirror.start()
        self._tell("region b stands by")

    async def _drill(self) -> None:
        report = self.report
        traffic = Traffic(Api(self.a.gateway_url, self.a.admin_email, self.a.admin_password))
        program = traffic.api.with_key("prompts:read")
        traffic.start()
        # Groups that have never committed anything are none for the mirror until it looks again.
        await asyncio.to_thread(lambda: traffic.finished(traffic.run()["id"]))
        await self._stand_by()
        await self._work_on()
        await asyncio.to_thread(traffic.long_run)
        before = await committed(self.kafka_a)
        lost_at, stopwatch = datetime.now(UTC), Stopwatch(report.phases, self._tell)
        await (self._drain(traffic, stopwatch) if self._loss is None else self._lose(traffic, stopwatch))
        report.answered_writes, report.groups = len(traffic.writes), len({group for group, _ in before})
        recovered_to = await self._take_over(traffic, program, stopwatch)
        await Aftermath(report, self.standby, self.kafka_b, traffic, self._tell).examine(lost_at, recovered_to)
        if report.planned and report.lost_writes:
            report.problems.append(f"{report.lost_writes} writes are lost in a planned change")

    async def _work_on(self) -> None:
        """People work; towards the end the link between the regions may fail."""
        left = self._seconds
        cuts = (
            (self.report.stream_cut_seconds, self.standby.cut),
            (self.report.mirror_cut_seconds, self.mirror.kill),
        )
        for seconds, cut in sorted(cuts, key=lambda each: -each[0]):
            if seconds:
                await asyncio.sleep(left - seconds)
                await cut()
                left = seconds
        await asyncio.sleep(left)

    async def _drain(self, traffic: Traffic, stopwatch: Stopwatch) -> None:
        """Planned: a rests once b has everything."""
        await asyncio.gather(*(self.a.process(entry.name).stop() for entry in SUITE))
        await asyncio.to_thread(traffic.stop)
        stopwatch.done("a scaled to 0")
        await self.standby.until_replayed(self.primary)
        stopwatch.done("b's database has everything")
        await until_mirrored(self.kafka_a, self.kafka_b)
        stopwatch.done("b's Kafka has everything")

    async def _lose(self, traffic: Traffic, stopwatch: Stopwatch) -> None:
        """Unplanned: everything of a dies at once."""
        services = [self.a.process(entry.name) for entry in SUITE]
        await asyncio.gather(*(each.kill() for each in (*self.a.components.values(), *services)))
        await asyncio.to_thread(traffic.stop)
        stopwatch.done("a killed")

    async def _take_over(self, traffic: Traffic, program: httpx.Client, stopwatch: Stopwatch) -> datetime:
        report = self.report
        recovered_to = await self.standby.promote()
        stopwatch.done("b's database promoted")
        await self.mirror.stop()
        stopwatch.done("mirror stopped")
        report.runs_unfinished = await self.standby.ask(_UNFINISHED)
        await self._compare_offsets()
        if self._loss is not None:
            report.republished_events = await self._publish_again(recovered_to - MARGIN)
            stopwatch.done("events to publish again")
        report.rewound_messages = sum(each.messages for each in await rewind(self.kafka_b, recovered_to - MARGIN))
        stopwatch.done("Kafka rewound")
        await start_again(self.b)
        stopwatch.done("b started")
        await asyncio.to_thread(self._let_in, program)
        stopwatch.done("signed in")
        await asyncio.to_thread(lambda: traffic.finished(traffic.run()["id"]))
        stopwatch.done("first run finished")
        report.recovery_time_seconds = stopwatch.seconds
        return recovered_to

    async def _compare_offsets(self) -> None:
        """Where b's groups stand; ahead of a's they would leave something out."""
        mirrored = await committed(self.kafka_b)
        self.report.groups_mirrored = len({group for group, _ in mirrored})
        if self._loss is None:
            behind, ahead = distances(await committed(self.kafka_a), mirrored)
            self.report.offsets_behind = behind
            if ahead:
                self.report.problems.append(f"mirrored offsets are {ahead} messages ahead of those of a")

    async def _publish_again(self, since: datetime) -> int:
        """What a's Kafka perhaps had and b's has not; returns how many events."""
        count = 0
        for schema in SCHEMAS:
            done = await self.standby.execute(_REPUBLISH.format(schema=schema), since, role=f"assay_{schema}_system")
            count += int(done.split()[-1])
        return count

    def _let_in(self, program: httpx.Client) -> None:
        """With a key made in a, and with the password: b signs with a's keys."""
        answer = program.get("/v1/prompts/echo")
        if not answer.is_success:
            self.report.problems.append(f"a key made in a: {answer.status_code} {answer.text}")
        Api(self.b.gateway_url, self.b.admin_email, self.b.admin_password)


def distances(source: Committed, target: Committed) -> tuple[int, int]:
    """By how many messages the target's groups are behind the source's, and by how many ahead; where both stand."""
    steps = [source[place] - target[place] for place in source.keys() & target.keys()]
    return sum(step for step in steps if step > 0), -sum(step for step in steps if step < 0)


def main() -> int:
    """Run the drill and tell its figures; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.drills.region", description=__doc__)
    parser.add_argument("--seconds", type=float, default=90, help="of load before a rests or is lost")
    parser.add_argument("--lost", action="store_true", help="unplanned: kill everything of a")
    for link in ("stream", "mirror"):
        words = f"with --lost: the {link} to b fails so many seconds before"
        parser.add_argument(f"--{link}-cut", type=float, default=0, metavar="SECONDS", help=words)
    given = parser.parse_args()
    if not given.lost and (given.stream_cut or given.mirror_cut):
        parser.error("what is planned waits until b has everything: use a cut with --lost")

    loss = Loss(given.stream_cut, given.mirror_cut) if given.lost else None
    report = conduct(lambda folder: Drill(folder, seconds=given.seconds, tell=tell, loss=loss))
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(asdict(report), indent=2) + "\n")
    sys.stdout.write(f"{report.table()}{report.summary()}all figures: {RESULT.relative_to(ROOT)}\n")
    return 1 if report.problems else 0


if __name__ == "__main__":
    sys.exit(main())
