"""Measure everything, print it, and write docs/benchmarks.md and docs/benchmarks.json."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from tests.load.client import LoadFailed
from tests.load.live import measure_live, measure_token_check
from tests.load.report import FETCH_GOAL, machine, write
from tests.load.sign_in import measure_sign_in
from tests.load.suite import suite
from tests.load.traffic import measure_reads, measure_writes
from tests.load.work import measure_audit, measure_evaluation

from assay_local.errors import LaunchError
from assay_local.stack import Stack
from assay_testing.api import Api

DOCS: Final = Path(__file__).parents[2] / "docs"

console = Console(highlight=False)


async def main() -> int:
    """The exit code: 0, or 1 when a measurement failed; then nothing is written."""
    started_at = time.monotonic()
    found: dict[str, Any] = {"machine": machine()}
    console.print(f"load average before: {found['machine']['load_average_before']}; starting the suite")
    try:
        async with suite(_say) as stack:
            await _measure(stack, found)
    except (LaunchError, LoadFailed, AssertionError) as error:
        console.print(f"[red]no figures:[/] {error}")
        return 1
    write(DOCS, found)
    ratio = found["prompt_fetch"]["ratio_to_bare_fastapi"]
    console.print(f"prompt fetch: {ratio:.0%} of the bare route (goal: {FETCH_GOAL:.0%})", style="bold")
    console.print(f"wrote docs/benchmarks.md and docs/benchmarks.json after {time.monotonic() - started_at:.0f} s")
    return 0


async def _measure(stack: Stack, found: dict[str, Any]) -> None:
    def make_api() -> Api:
        return Api(stack.gateway_url, stack.admin_email, stack.admin_password)

    console.print("requests: a bare route beside the prompt fetch")
    found |= await measure_reads(stack, make_api())
    _show(found, "bare_fastapi", "prompt_fetch", "prompt_fetch_not_modified")
    half = found["prompt_fetch_at_half_the_rate"]
    console.print(f"  prompt_fetch at {half['rps']} requests/s: p99 {half['p99_ms']} ms")
    found["sign_in"] = measure_sign_in(make_api())
    console.print(f"  {found['sign_in']}")
    console.print("live feed: ten thousand listeners")
    found["token_check"] = await measure_token_check()
    found["live"] = await measure_live(stack, make_api)
    console.print(f"  {found['live']['memory_mb']} MB, p99 {found['live']['p99_ms']} ms; {found['token_check']}")
    console.print("evaluation, with a model that answers at once")
    found["evaluation"] = measure_evaluation(make_api())
    console.print(f"  {found['evaluation']['items_per_s']} items/s")
    console.print("audit of this repository")
    found["audit"] = measure_audit(make_api, stack.site.folder)
    console.print(f"  {found['audit']['kloc_per_s']} kLOC/s, warm {found['audit']['warm_kloc_per_s']}")
    console.print("publishing versions")  # last: its events keep the consumers busy for a while
    found |= await measure_writes(stack, make_api())
    _show(found, "create_version")


def _say(name: str, words: str) -> None:
    if not words.startswith("waiting"):
        console.print(f"  {name}: {words}", style="dim")


def _show(found: dict[str, Any], *names: str) -> None:
    for name in names:
        for connections, figures in ((found[name]["connections"], found[name]), (1, found[name]["one_connection"])):
            console.print(
                f"  {name}, {connections} connections: {figures['rps']} requests/s,"
                f" p50 {figures['p50_ms']} ms, p99 {figures['p99_ms']} ms"
            )


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
