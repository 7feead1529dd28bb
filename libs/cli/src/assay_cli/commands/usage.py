"""usage: what was used, and what it cost."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer
from rich.markup import escape

from assay_cli.command import AsJson, examples, work
from assay_cli.credentials import now
from assay_cli.output import Json, Output, count, dollars, moment, number

commands = typer.Typer(rich_markup_mode=None)


@commands.command(epilog=examples("assay usage", "assay usage --hours 168"))
def usage(
    hours: Annotated[int, typer.Option(min=1, max=24 * 366, help="How far back.")] = 24,
    as_json: AsJson = False,
) -> None:
    """Show what the organisation used: runs, tokens, cost, audits."""
    with work(as_json) as job:
        since = (now() - timedelta(hours=hours)).isoformat()
        summary = job.client.analytics.get_summary(from_=since)
        job.out.result(summary)
        show_summary(job.out, summary)


def show_summary(out: Output, summary: Json) -> None:
    """A summary for people."""
    counted: Json = summary["counters"]
    out.facts(
        ("from", moment(summary["from"])),
        ("to", moment(summary["to"])),
        (
            "runs",
            _parts(
                counted, ("completed", "runs_completed"), ("cancelled", "runs_cancelled"), ("started", "runs_created")
            ),
        ),
        ("items", _parts(counted, ("measured", "items_measured"), ("unmeasured", "items_unmeasured"))),
        ("tokens", _parts(counted, ("in", "input_tokens"), ("out", "output_tokens"))),
        ("cost", dollars(counted["cost_usd"]) + _unpriced(counted["items_unpriced"])),
        (
            "audits",
            _parts(
                counted, ("completed", "audits_completed"), ("failed", "audits_failed"), ("started", "audits_started")
            ),
        ),
        ("findings", count(counted["findings"])),
        ("versions", _parts(counted, ("published", "versions_published"))),
        ("labels", _parts(counted, ("moved", "labels_moved"))),
        ("gates", _parts(counted, ("open", "gates_allowed"), ("shut", "gates_refused"))),
    )
    if summary["models"]:
        out.say("")
        columns = ["model", ">items", ">tokens in", ">tokens out", ">cost", ">mean ms"]
        out.table(columns, map(_model_row, summary["models"]))


def _parts(counted: Json, *names: tuple[str, str]) -> str:
    return ", ".join(f"{count(counted[name])} {word}" for word, name in names)


def _unpriced(items: int) -> str:
    return f", without {count(items)} items whose price is unknown" if items else ""


def _model_row(row: Json) -> list[str]:
    return [
        escape(row["model"]),
        count(row["items"]),
        count(row["input_tokens"]),
        count(row["output_tokens"]),
        dollars(row["cost_usd"]),
        number(row["latency_ms_mean"], 0),
    ]
