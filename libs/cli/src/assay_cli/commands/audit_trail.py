"""audit-trail: who did what to what, from where."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from assay_cli.command import AsJson, Limit, examples, group, work
from assay_cli.errors import ExitCode
from assay_cli.output import NOTHING, moment

commands = group("audit-trail", "Who did what to what in the organisation, and from where.")

Actor = Annotated[str | None, typer.Option(help="Only what this one did: id of a person, a key or a service account.")]
Action = Annotated[str | None, typer.Option(help="Only these, such as ApiKeyCreated.")]
Target = Annotated[str | None, typer.Option(help="Only what was done to this one: its id.")]
Since = Annotated[str | None, typer.Option("--from", metavar="TIME", help="RFC 3339, such as 2026-03-01T00:00:00Z.")]
Until = Annotated[str | None, typer.Option("--to", metavar="TIME", help="Before then.")]


@commands.command(
    "list", epilog=examples("assay audit-trail list", "assay audit-trail list --from 2026-03-01T00:00:00Z")
)
def list_entries(
    actor: Actor = None,
    action: Action = None,
    target: Target = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List the entries, newest first."""
    with work(as_json) as job:
        trail = job.client.audit_trail
        found = list(
            trail.iterate_audit_trail(actor=actor, action=action, target=target, from_=since, to=until, limit=limit)
        )
        job.out.result({"items": found})
        rows = (
            [
                str(each["sequence"]),
                moment(each["occurred_at"]),
                escape(each["action"]),
                escape(f"{each['actor_kind']} {each['actor']}".strip()),
                escape(f"{each['target_kind']} {each['target']}".strip()),
                escape(each["address"]) or NOTHING,
            ]
            for each in found
        )
        job.out.table([">#", "when", "what", "by", "to", "from"], rows)


@commands.command(
    epilog=examples("assay audit-trail export > trail.jsonl", "assay audit-trail export --output trail.jsonl --json")
)
def export(
    actor: Actor = None,
    action: Action = None,
    target: Target = None,
    since: Since = None,
    until: Until = None,
    output: Annotated[Path | None, typer.Option(dir_okay=False, help="By default standard output.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write the entries as JSON lines, oldest first; on standard output they are the result, --json or not."""
    with work(as_json) as job:
        pieces = job.client.audit_trail.export_audit_trail(
            actor=actor, action=action, target=target, from_=since, to=until
        )
        if output is None:
            for piece in pieces:
                sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()
            return
        entries = 0
        with output.open("wb") as file:
            for piece in pieces:
                entries += piece.count(b"\n")
                file.write(piece)
        job.out.result({"file": str(output), "entries": entries})
        job.out.say(f"wrote {entries:,} entries to {escape(str(output))}")


@commands.command(epilog=examples("assay audit-trail verify", "assay audit-trail verify --json | jq -r .head_hash"))
def verify(as_json: AsJson = False) -> None:
    """Compute the chain of hashes anew; exit code 1 when an entry was changed or is missing."""
    with work(as_json) as job:
        found = job.client.audit_trail.verify_audit_trail()
        job.out.result(found)
        if found["intact"]:
            job.out.say(f"[green]intact[/]: {found['entries']:,} entries, head {found['head_hash']}")
        else:
            job.out.say(f"[red]{escape(found['problem'])}[/] from entry {found['first_broken']} on")
    if not found["intact"]:
        raise typer.Exit(int(ExitCode.REFUSED))
