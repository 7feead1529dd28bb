"""key: keys for machines."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

import typer
from rich.markup import escape

from assay_cli.api import at
from assay_cli.command import AsJson, Limit, examples, group, work
from assay_cli.credentials import now
from assay_cli.output import moment

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
    as_json: AsJson = False,
) -> None:
    """Create a key and show its secret, this once."""
    expires_at = (now() + _duration(expires)).isoformat() if expires else None
    with work(as_json) as job:
        made = job.api.post("/v1/api-keys", {"name": name, "scopes": scope, "expires_at": expires_at})
        job.out.result(made)
        job.out.say(escape(made["secret"]))
        job.out.hint(f"Keep it: it is not shown again. Revoke it with `assay key revoke {made['api_key']['id']}`.")


@commands.command("list", epilog=examples("assay key list"))
def list_keys(limit: Limit = 50, as_json: AsJson = False) -> None:
    """List the organisation's keys, without their secrets."""
    with work(as_json) as job:
        found = job.api.items("/v1/api-keys", limit)
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
        job.api.delete(at("api-keys", key_id))
        job.out.result({"revoked": key_id})
        job.out.say(f"revoked {escape(key_id)}")


def _duration(words: str) -> timedelta:
    match = re.fullmatch(r"(\d{1,4})([hdw])", words)
    if match is None:
        raise typer.BadParameter(f"{words!r} is not a duration such as 12h, 90d or 8w", param_hint="--expires")
    return int(match[1]) * _UNITS[match[2]]
