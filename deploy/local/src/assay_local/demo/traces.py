"""Follows one trace through the logs of the suite."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple


@dataclass(frozen=True, slots=True)
class Footprint:
    """What one process logged under a trace."""

    process: str
    lines: int
    example: str
    """The request, the RPC or the Kafka message that it was about."""


class _Story(NamedTuple):
    """What a line is about; sorts along the way of a request."""

    way: int
    logged_at: str
    words: str


def footprints(logs: Path, trace_id: str) -> list[Footprint]:
    """The processes whose JSON log lines carry the trace: those that answered HTTP, then gRPC, then Kafka."""
    found = []
    for log in logs.glob("*.log"):
        if lines := _lines_of(log, trace_id):
            stories = sorted(map(_story, lines))
            found.append((stories[0], Footprint(log.stem, len(lines), stories[0].words)))
    return [footprint for _, footprint in sorted(found, key=lambda pair: pair[0])]


def _lines_of(log: Path, trace_id: str) -> list[dict[str, Any]]:
    wanted = trace_id.encode()
    with log.open("rb") as file:
        candidates = [line for line in file if wanted in line]
    lines = []
    for candidate in candidates:
        try:
            line = json.loads(candidate)
        except ValueError:
            continue  # a component's own words, or a line that is still being written
        if isinstance(line, dict) and line.get("trace_id") == trace_id:
            lines.append(line)
    return lines


def _story(line: dict[str, Any]) -> _Story:
    logged_at = str(line.get("timestamp", ""))
    if "path" in line:
        return _Story(0, logged_at, f"HTTP {line.get('method', '')} {line['path']}")
    if "topic" in line:
        return _Story(2, logged_at, f"Kafka {line['topic']} ({str(line.get('type', '')).rpartition('.')[2]})")
    if "method" in line:
        return _Story(1, logged_at, f"gRPC {line['method']}")
    return _Story(3, logged_at, str(line.get("event", "")))
