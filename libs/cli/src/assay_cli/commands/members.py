"""members and invitations: the people of the organisation."""

from __future__ import annotations

from typing import Annotated, Literal

import typer
from rich.markup import escape

from assay_cli.command import AsJson, Limit, examples, group, work
from assay_cli.output import Output, moment
from assay_client.models import Member

commands = typer.Typer(rich_markup_mode=None)
_members = group("members", "The people of the organisation you act in.")
_invitations = group("invitations", "People who are asked to join.")
commands.add_typer(_members)
commands.add_typer(_invitations)

Role = Literal["owner", "admin", "member", "viewer"]
UserId = Annotated[str, typer.Argument(metavar="USER", help="Id of the person (see `assay members list`).")]


@_members.command("list", epilog=examples("assay members list", "assay members list --json"))
def list_members(limit: Limit = 50, as_json: AsJson = False) -> None:
    """List the members and their roles."""
    with work(as_json) as job:
        found = list(job.client.members.iterate_members(limit=limit))
        job.out.result({"items": found})
        show_members(job.out, found)


@_members.command(epilog=examples("assay members role USER admin"))
def role(user_id: UserId, role: Annotated[Role, typer.Argument()], as_json: AsJson = False) -> None:
    """Give a member another role."""
    with work(as_json) as job:
        changed = job.client.members.change_role(user_id, {"role": role})
        job.out.result(changed)
        job.out.say(f"{escape(changed['email'])} is [bold]{changed['role']}[/] now")


@_members.command(epilog=examples("assay members remove USER"))
def remove(user_id: UserId, as_json: AsJson = False) -> None:
    """Take a member out of the organisation: what they may do there ends at once."""
    with work(as_json) as job:
        job.client.members.remove_member(user_id)
        job.out.result({"removed": user_id})
        job.out.say(f"removed {escape(user_id)}")


@_invitations.command("list", epilog=examples("assay invitations list", "assay invitations list --status open"))
def list_invitations(
    status: Annotated[
        Literal["open", "accepted", "revoked", "expired"] | None, typer.Option(help="Only these.")
    ] = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List the invitations, newest first."""
    with work(as_json) as job:
        found = list(job.client.invitations.iterate_invitations(status=status, limit=limit))
        job.out.result({"items": found})
        rows = (
            [escape(each["email"]), each["role"] or "", each["status"] or "", moment(each["expires_at"]), each["id"]]
            for each in found
        )
        job.out.table(["address", "role", "status", "until", "id"], rows, empty="none: `assay invitations create`")


@_invitations.command(
    epilog=examples("assay invitations create ada@example.org", "assay invitations create ada@example.org --role admin")
)
def create(
    email: Annotated[str, typer.Argument(help="Where the link goes.")],
    role: Annotated[Role, typer.Option(help="What they will be.")] = "member",
    team: Annotated[list[str] | None, typer.Option(help="Id of a team they will be in; repeat.")] = None,
    as_json: AsJson = False,
) -> None:
    """Invite somebody by e-mail."""
    with work(as_json) as job:
        made = job.client.invitations.create_invitation({"email": email, "role": role, "teams": team or []})
        job.out.result(made)
        job.out.say(f"invited [bold]{escape(made['email'])}[/] as {made['role']} until {moment(made['expires_at'])}")


@_invitations.command(epilog=examples("assay invitations revoke INVITATION"))
def revoke(
    invitation_id: Annotated[str, typer.Argument(metavar="INVITATION", help="Its id.")], as_json: AsJson = False
) -> None:
    """Take an invitation back: its link stops working."""
    with work(as_json) as job:
        job.client.invitations.revoke_invitation(invitation_id)
        job.out.result({"revoked": invitation_id})
        job.out.say(f"revoked {escape(invitation_id)}")


@_invitations.command(epilog=examples("assay invitations accept TOKEN"))
def accept(
    token: Annotated[str, typer.Argument(help="What follows `token=` in the link you got.")], as_json: AsJson = False
) -> None:
    """Join the organisation that invited you."""
    with work(as_json) as job:
        member = job.client.invitations.accept_invitation({"token": token})
        job.out.result(member)
        job.out.say(f"you are {member['role']} now; `assay org list`, then `assay org use`")


def show_members(out: Output, found: list[Member]) -> None:
    """Members for people."""
    rows = (
        [escape(each["name"]), escape(each["email"]), each["role"], moment(each["joined_at"]), each["user_id"]]
        for each in found
    )
    out.table(["name", "address", "role", "since", "id"], rows, empty="nobody yet")
