"""The two files: figures for programs, and for people the same with what they mean."""

from __future__ import annotations

import json
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import psutil
from tests.load import live, traffic, work

FETCH_GOAL: Final = 0.6
"""Of the bare route's requests a second."""
NOT_MODIFIED_GOAL: Final = 0.7
HALF_RATE_GOAL: Final = 50.0
"""Milliseconds, p99, at half of the most requests a second."""

_FOLDER: Final = Path(__file__).parent
_SERVERS: Final = ("fastapi", "uvicorn", "uvloop", "httptools")


def machine() -> dict[str, Any]:
    """What it is measured on, and how busy that was before."""
    return {
        "cpus": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: version(name) for name in _SERVERS},
        "load_average_before": round(os.getloadavg()[0], 2),
    }


def write(folder: Path, found: dict[str, Any]) -> None:
    """Write benchmarks.json and benchmarks.md."""
    found = {**found, "measured_at": datetime.now(UTC).isoformat(timespec="seconds")}
    (folder / "benchmarks.json").write_text(json.dumps(found, indent=2) + "\n")
    (folder / "benchmarks.md").write_text(page(found))


def page(found: dict[str, Any]) -> str:
    """The page for people; ratios first, as they hold on other machines better than rates do."""
    fetch, many = found["prompt_fetch"], found["prompt_fetch"]["connections"]
    ratio = fetch["ratio_to_bare_fastapi"]
    not_modified = found["prompt_fetch_not_modified"]
    return (
        (_FOLDER / "page.md")
        .read_text()
        .format(
            measured_on=found["measured_at"][:10],
            many=many,
            fetch_ratio=_ratio("prompt fetch", fetch),
            not_modified_ratio=_ratio("prompt fetch, not modified (304)", not_modified),
            goal=FETCH_GOAL,
            outcome="reached" if ratio >= FETCH_GOAL else "missed",
            ratio=ratio,
            not_modified_goal=NOT_MODIFIED_GOAL,
            half=found["prompt_fetch_at_half_the_rate"],
            half_goal=HALF_RATE_GOAL,
            sign_in=found["sign_in"],
            bare_rates=_rates("bare FastAPI route", found["bare_fastapi"]),
            fetch_rates=_rates("prompt fetch", fetch),
            not_modified_rates=_rates("prompt fetch, not modified (304)", not_modified),
            create_rates=_rates("create version", found["create_version"]),
            rounds=traffic.ROUNDS,
            work_rounds=work.ROUNDS,
            seconds=traffic.SECONDS,
            where=found["machine"],
            answer_bytes=found["answer_bytes"],
            evaluation=found["evaluation"],
            evaluators=", ".join(found["evaluation"]["evaluators"]),
            audit=found["audit"],
            live=found["live"],
            token_check=found["token_check"],
            memory_goal=live.MEMORY_GOAL / 1e6,
            latency_goal=live.LATENCY_GOAL,
            check_goal=live.CHECK_GOAL,
        )
    )


def _ratio(name: str, figures: dict[str, Any]) -> str:
    both = (each["ratio_to_bare_fastapi"] for each in (figures, figures["one_connection"]))
    return f"| {name} | {' | '.join(f'{ratio:.0%}' for ratio in both)} |"


def _rates(name: str, figures: dict[str, Any]) -> str:
    return "\n".join(
        f"| {name} | {connections} | {each['rps']:,.0f} | {each['p50_ms']:.2f} | {each['p99_ms']:.2f} |"
        for connections, each in ((figures["connections"], figures), (1, figures["one_connection"]))
    )
