"""watch: what happens in the organisation, as it happens."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from itertools import islice
from typing import Annotated

import typer
from rich.markup import escape

from assay_cli.command import AsJson, examples, work
from assay_cli.output import moment, short
from assay_client import Event

commands = typer.Typer(rich_markup_mode=None)


@commands.command(
    epilog=examples(
        "assay watch",
        "assay watch --topic prompt --topic evaluation",
        "assay watch --json | jq 'select(.type | endswith(\"LabelMoved\"))'",
    )
)
def watch(
    topic: Annotated[
        list[str] | None, typer.Option(help="prompt, evaluation, audit, auth, or a type of event; repeat.")
    ] = None,
    after: Annotated[str | None, typer.Option(metavar="CURSOR", help="Go on behind this event.")] = None,
    number: Annotated[int | None, typer.Option("--count", min=1, help="End after so many.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show events as they happen, until you stop it; with --json one document a line.

    The connection is made anew when it breaks, without loss or repetition.
    """
    with work(as_json) as job:
        for heard in islice(job.client.events(topic or (), after=after), number):
            if as_json:
                kind = "event" if isinstance(heard, Event) else "gap"
                sys.stdout.write(json.dumps({"kind": kind, **asdict(heard)}, default=str, ensure_ascii=False) + "\n")
                sys.stdout.flush()
            elif isinstance(heard, Event):
                told = ", ".join(f"{name}={value}" for name, value in heard.data.items() if value not in ("", None))
                name = escape(heard.type.rpartition(".")[2])
                job.out.say(f"[dim]{moment(heard.time.isoformat())}[/] [bold]{name}[/] {short(told)}")
            else:
                job.out.warning(heard.detail)
