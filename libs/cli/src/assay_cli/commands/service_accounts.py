"""service-accounts: machines that are members of the organisation."""

from __future__ import annotations

from typing import Annotated, Literal

import typer
from rich.markup import escape

from assay_cli.command import AsJson, Limit, examples, group, work
from assay_cli.output import moment

commands = group("service-accounts", "Machines that are members of the organisation.")


@commands.command("list", epilog=examples("assay service-accounts list"))
def list_service_accounts(limit: Limit = 50, as_json: AsJson = False) -> None:
    """List the service accounts."""
    with work(as_json) as job:
        found = list(job.client.service_accounts.iterate_service_accounts(limit=limit))
        job.out.result({"items": found})
        rows = (
            [
                escape(each["name"]),
                each["role"] or "",
                escape(each["description"]),
                moment(each["created_at"]),
                each["id"],
            ]
            for each in found
        )
        empty = "none yet: `assay service-accounts create NAME`"
        job.out.table(["name", "role", "description", "created", "id"], rows, empty=empty)


@commands.command(epilog=examples("assay service-accounts create ci --role viewer"))
def create(
    name: str,
    role: Annotated[Literal["admin", "member", "viewer"], typer.Option(help="Its keys may do no more.")] = "member",
    description: str = "",
    as_json: AsJson = False,
) -> None:
    """Create a service account; its keys stay when people leave."""
    with work(as_json) as job:
        made = job.client.service_accounts.create_service_account(
            {"name": name, "role": role, "description": description}
        )
        job.out.result(made)
        job.out.say(f"created [bold]{escape(made['name'])}[/] ({made['id']})")
        job.out.hint(f"next: assay key create NAME --scope SCOPE --service-account {made['id']}")


@commands.command(epilog=examples("assay service-accounts delete ACCOUNT"))
def delete(
    account_id: Annotated[str, typer.Argument(metavar="ACCOUNT", help="Its id.")], as_json: AsJson = False
) -> None:
    """Delete a service account; its keys stop working."""
    with work(as_json) as job:
        job.client.service_accounts.delete_service_account(account_id)
        job.out.result({"deleted": account_id})
        job.out.say(f"deleted {escape(account_id)}")
