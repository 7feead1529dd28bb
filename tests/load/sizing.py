"""What each process of the suite takes, idle and for a piece of work: `make sizing` writes docs/operations/sizing.md.

Processor time is counted, not time on the clock, so that a busy machine changes the figures little: the time of a
process and of all that it started, less what it takes when nothing happens.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import psutil
from rich.console import Console
from tests.load import model_stub
from tests.load.client import Job, measure, request
from tests.load.report import machine
from tests.load.suite import MODEL, gateway_port, suite
from tests.load.traffic import PROMPT, TEXT, publications
from tests.load.work import audited, bundle_of_this, items_per_second, lines_of

from assay_local.memory import memory_mb
from assay_local.process import family
from assay_local.stack import Stack
from assay_testing.api import Api

DOCS: Final = Path(__file__).parents[2] / "docs" / "operations"
BEGIN: Final = "<!-- measured: written by make sizing -->"
END: Final = "<!-- end of what was measured -->"
IDLE_SECONDS: Final = 20.0
FETCHES_PER_SECOND: Final = 500.0
SECONDS: Final = 6.0
WRITERS: Final = 4
SIGN_INS: Final = 40
SIGN_INS_AT_ONCE: Final = 4
ITEMS: Final = 300
SLOWLY: Final = {"patience": 600.0, "every": 3.0}
"""How long a run or an audit may take (a busy machine changes little else), and how seldom to ask: that costs too."""
SETTLE_SECONDS: Final = 3.0
"""For what follows an answer: events in Kafka, the audit trail, projections."""

console = Console(highlight=False)


@dataclass(slots=True)
class Meter:
    """Processor time and memory of the suite's processes."""

    pids: dict[str, int]
    idle: dict[str, float] = field(default_factory=dict)
    """Cores that each takes when nothing happens."""
    most: dict[str, float] = field(default_factory=dict)
    """The most memory that each was seen with, in MB (PSS)."""

    def seconds(self) -> dict[str, float]:
        """Processor time so far, of all that each has started too."""
        return {name: sum(_seconds(each.pid) for each in family(pid)) for name, pid in self.pids.items()}

    def memory(self) -> dict[str, float]:
        """Memory now, in MB."""
        return {name: memory_mb(pid) for name, pid in self.pids.items()}

    async def rest(self) -> None:
        """Measure what nothing costs."""
        before = self.seconds()
        await asyncio.sleep(IDLE_SECONDS)
        self.idle = {name: (after - before[name]) / IDLE_SECONDS for name, after in self.seconds().items()}

    async def of(self, work: Callable[[], Awaitable[float]]) -> dict[str, float]:
        """Milliseconds of processor time that each process took for a unit of the work, which says how many it did."""
        before, started = self.seconds(), time.monotonic()
        with self._watched():
            units = await work()
            await asyncio.sleep(SETTLE_SECONDS)
        took = time.monotonic() - started
        return {
            name: max(0.0, (after - before[name] - self.idle[name] * took) / units * 1000)
            for name, after in self.seconds().items()
        }

    @contextmanager
    def _watched(self) -> Iterator[None]:
        over = threading.Event()

        def watch() -> None:
            while not over.wait(0.5):
                for name, now in self.memory().items():
                    self.most[name] = max(self.most.get(name, 0.0), now)

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def _seconds(pid: int) -> float:
    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system)


async def main() -> int:
    """Measure, and write the page."""
    found: dict[str, Any] = {"machine": machine(), "measured_at": datetime.now(UTC).isoformat(timespec="seconds")}
    async with suite(lambda _name, _words: None) as stack:
        pids = {entry.name: stack.process(entry.name).process.pid for entry in stack.table}
        meter = Meter({name: pid for name, pid in pids.items() if pid is not None})

        def make_api() -> Api:
            return Api(stack.gateway_url, stack.admin_email, stack.admin_password)

        api = await asyncio.to_thread(make_api)
        await asyncio.sleep(SETTLE_SECONDS)
        found["idle_mb"] = meter.memory()
        await meter.rest()
        found["idle_cores"] = meter.idle
        found["per_unit_ms"] = {}
        for name, work in _works(stack, api, make_api):
            found["per_unit_ms"][name] = await meter.of(work)
            console.print(name, {each: round(ms, 2) for each, ms in found["per_unit_ms"][name].items() if ms > 0.005})
        found["most_mb"] = meter.most
    (DOCS / "sizing.json").write_text(json.dumps(_rounded(found), indent=2) + "\n")
    write_page(DOCS, found)
    return 0


def _works(stack: Stack, api: Api, make_api: Callable[[], Api]) -> Iterator[tuple[str, Callable[[], Awaitable[float]]]]:
    """The pieces of work by the name of their unit."""
    yield "prompt fetch", partial(_fetches, stack, api)
    yield "prompt version published", partial(_publishes, stack, api)
    yield "sign-in", partial(_sign_ins, api)
    yield "evaluation item", partial(_items, api)
    yield "1,000 lines audited, never seen before", partial(_audit, stack, make_api)


async def _fetches(stack: Stack, api: Api) -> float:
    api.prompt(PROMPT, TEXT)
    api.put(f"/v1/prompts/{PROMPT}/labels/production", {"version": 1})
    text = request("GET", f"/v1/prompts/{PROMPT}/resolve?label=production", bearer=api.key("prompts:read"))
    figures = await measure(Job(gateway_port(stack), [text] * 8, 200, SECONDS, per_second=FETCHES_PER_SECOND))
    return figures.answers


async def _publishes(stack: Stack, api: Api) -> float:
    names = [f"published-{each}" for each in range(WRITERS)]
    for name in names:
        api.post("/v1/prompts", {"name": name})
    job = Job(gateway_port(stack), publications(names, api.key("prompts:write")), 201, SECONDS)
    return (await measure(job)).answers


async def _sign_ins(api: Api) -> float:
    people = [{"email": f"sizing-{uuid4().hex}@example.org", "password": uuid4().hex} for _ in range(SIGN_INS_AT_ONCE)]
    for who in people:
        api.post("/v1/members", {**who, "name": "Sizing", "role": "viewer"})

    def sign_in(number: int) -> None:
        api.post("/v1/sessions", people[number % SIGN_INS_AT_ONCE])

    with ThreadPoolExecutor(SIGN_INS_AT_ONCE) as pool:
        await asyncio.to_thread(lambda: list(pool.map(sign_in, range(SIGN_INS))))
    return SIGN_INS


async def _items(api: Api) -> float:
    api.prompt("route", "Which team answers this message? {{ message }}")
    api.dataset("messages", lines_of(ITEMS))
    await asyncio.to_thread(partial(items_per_second, api, "messages", **SLOWLY))
    return ITEMS


async def _audit(stack: Stack, make_api: Callable[[], Api]) -> float:
    api = await asyncio.to_thread(make_api)
    api.post("/v1/repositories", {"name": "assay"})
    bundle = bundle_of_this(stack.site.folder)
    api.upload("/v1/repositories/assay/bundles", bundle.read_bytes(), "application/x-git-bundle")
    run = await asyncio.to_thread(partial(audited, api, **SLOWLY))
    return float(run["lines_of_code"]) / 1000


def write_page(folder: Path, found: dict[str, Any]) -> None:
    """Put the figures between the marks of sizing.md; raises ValueError when they are not there."""
    page = folder / "sizing.md"
    before, begin, rest = page.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page} lacks the lines {BEGIN} and {END}")
    page.write_text(f"{before}{BEGIN}\n\n{tables(found)}\n{END}{after}")


def tables(found: dict[str, Any]) -> str:
    """The figures for people."""
    units, where = list(found["per_unit_ms"]), found["machine"]
    lines = [
        "| process | memory idle | most under load | cores idle |",
        "|---|---|---|---|",
        *(
            f"| {name} | {found['idle_mb'][name]:.0f} MB | {found['most_mb'].get(name, 0):.0f} MB "
            f"| {found['idle_cores'][name]:.3f} |"
            for name in found["idle_mb"]
        ),
        "",
        "Milliseconds of processor time for one:",
        "",
        f"| process | {' | '.join(units)} |",
        f"|---|{'---|' * len(units)}",
        *(
            f"| {name} | {' | '.join(_cell(found['per_unit_ms'][unit][name]) for unit in units)} |"
            for name in found["idle_mb"]
        ),
        "",
        f"Measured on {found['measured_at'][:10]}: {where['cpus']} cores for everything, {where['system']}, Python "
        f"{where['python']}, load average before {where['load_average_before']}. Memory is PSS; the model answers at "
        f"once ({model_stub.MODEL}, {MODEL}).",
        "",
    ]
    return "\n".join(lines)


def _cell(milliseconds: float) -> str:
    if milliseconds < 0.01:
        return "–"
    return f"{milliseconds:.2f}" if milliseconds < 10 else f"{milliseconds:,.0f}"


def _rounded(found: Any) -> Any:
    if isinstance(found, dict):
        return {key: _rounded(value) for key, value in found.items()}
    return round(found, 4) if isinstance(found, float) else found


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
