"""key: keys for machines."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

import typer
from rich.markup import escape

from assay_cli.command import AsJson, Limit, examples, group, work
from assay_cli.credentials import now
from assay_cli.output import moment
from assay_client.models import KeyRotation, NewApiKey

commands = group("key", "API keys: how programs and CI sign in.")

_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


@commands.command(
    epilog=examples(
        "assay key create ci --scope prompts:read --scope evaluations:write --expires 90d",
        "export ASSAY_API_KEY=$(assay key create ci --scope prompts:read --json | jq -r .secret)",
    )
)
def create(
    name: str,
    scope: Annotated[
        list[str], typer.Option(help="A permission of yours that the key gets (see assay whoami); repeat.")
    ],
    expires: Annotated[str | None, typer.Option(help="After so long: 12h, 90d, 8w. By default never.")] = None,
    prompt: Annotated[list[str] | None, typer.Option(help="The only one it may touch: name or id; repeat.")] = None,
    repository: Annotated[list[str] | None, typer.Option(help="The only one it may touch; repeat.")] = None,
    service_account: Annotated[str | None, typer.Option(help="Id of the one it shall belong to, not to you.")] = None,
    as_json: AsJson = False,
) -> None:
    """Create a key and show its secret, this once."""
    expires_at = (now() + _duration(expires)).isoformat() if expires else None
    with work(as_json) as job:
        body: NewApiKey = {"name": name, "scopes": scope, "expires_at": expires_at}
        if prompt:
            body["prompts"] = prompt
        if repository:
            body["repositories"] = repository
        if service_account is not None:
            body["service_account_id"] = service_account
        made = job.client.api_keys.create_api_key(body)
        job.out.result(made)
        job.out.say(escape(made["secret"]))
        job.out.hint(f"Keep it: it is not shown again. Revoke it with `assay key revoke {made['api_key']['id']}`.")


@commands.command("list", epilog=examples("assay key list"))
def list_keys(
    service_account: Annotated[str | None, typer.Option(help="Only the keys of this one: its id.")] = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List the organisation's keys, without their secrets."""
    with work(as_json) as job:
        found = list(job.client.api_keys.iterate_api_keys(service_account_id=service_account, limit=limit))
        job.out.result({"items": found})
        rows = (
            [
                escape(each["name"]),
                escape(each["prefix"]) + "…",
                escape(", ".join(each["scopes"])),
                "[red]revoked[/]"
                if each["revoked_at"]
                else moment(each["expires_at"])
                if each["expires_at"]
                else "never",
                each["id"],
            ]
            for each in found
        )
        job.out.table(["name", "key", "scopes", "expires", "id"], rows)


@commands.command(epilog=examples("assay key revoke 0199f3d2-8b1e-7c4a-9d35-2f6c1e7a8b90"))
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID")],
    as_json: AsJson = False,
) -> None:
    """Revoke a key for good."""
    with work(as_json) as job:
        job.client.api_keys.revoke_api_key(key_id)
        job.out.result({"revoked": key_id})
        job.out.say(f"revoked {escape(key_id)}")


@commands.command(epilog=examples("assay key rotate KEY", "assay key rotate KEY --overlap 1h"))
def rotate(
    key_id: Annotated[str, typer.Argument(metavar="ID")],
    overlap: Annotated[str | None, typer.Option(help="So long the old one works on: 1h, 7d. By default 24h.")] = None,
    as_json: AsJson = False,
) -> None:
    """Replace a key by a new one with the same rights, and show its secret, this once."""
    body: KeyRotation = {} if overlap is None else {"overlap_seconds": int(_duration(overlap).total_seconds())}
    with work(as_json) as job:
        made = job.client.api_keys.rotate_api_key(key_id, body)
        job.out.result(made)
        job.out.say(escape(made["secret"]))
        job.out.hint("Keep it: it is not shown again. The old one stops working by itself.")


def _duration(words: str) -> timedelta:
    match = re.fullmatch(r"(\d{1,4})([hdw])", words)
    if match is None:
        raise typer.BadParameter(f"{words!r} is not a duration such as 12h, 90d or 8w")
    return int(match[1]) * _UNITS[match[2]]
