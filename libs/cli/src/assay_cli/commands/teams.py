"""teams: groups of members."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from assay_cli.command import AsJson, Limit, examples, group, work
from assay_cli.commands.members import UserId, show_members
from assay_cli.output import moment

commands = group("teams", "Groups of members.")

Team = Annotated[str, typer.Argument(metavar="TEAM", help="Slug or id.")]


@commands.command("list", epilog=examples("assay teams list"))
def list_teams(limit: Limit = 50, as_json: AsJson = False) -> None:
    """List the teams."""
    with work(as_json) as job:
        found = list(job.client.teams.iterate_teams(limit=limit))
        job.out.result({"items": found})
        rows = (
            [escape(each["slug"]), escape(each["name"]), str(each["member_count"]), moment(each["created_at"])]
            for each in found
        )
        job.out.table(["slug", "name", ">members", "created"], rows, empty="none yet: `assay teams create SLUG`")


@commands.command(epilog=examples("assay teams show reviewers"))
def show(team: Team, limit: Limit = 200, as_json: AsJson = False) -> None:
    """Show a team and who is in it."""
    with work(as_json) as job:
        found = job.client.teams.get_team(team)
        people = list(job.client.teams.iterate_team_members(team, limit=limit))
        job.out.result({**found, "members": people})
        job.out.facts(
            ("team", f"[bold]{escape(found['name'])}[/] ({found['id']})"),
            ("description", escape(found["description"])),
        )
        show_members(job.out, people)


@commands.command(epilog=examples("assay teams create reviewers --name Reviewers"))
def create(
    slug: Annotated[str, typer.Argument(help="Lower-case letters, digits and hyphens; unique.")],
    name: Annotated[str | None, typer.Option(help="By default the slug.")] = None,
    description: str = "",
    as_json: AsJson = False,
) -> None:
    """Create a team without members."""
    with work(as_json) as job:
        made = job.client.teams.create_team({"slug": slug, "name": name or slug, "description": description})
        job.out.result(made)
        job.out.say(f"created [bold]{escape(made['slug'])}[/] ({made['id']})")


@commands.command(epilog=examples("assay teams add reviewers USER"))
def add(team: Team, user_id: UserId, as_json: AsJson = False) -> None:
    """Put a member of the organisation into a team."""
    with work(as_json) as job:
        member = job.client.teams.add_team_member(team, user_id)
        job.out.result(member)
        job.out.say(f"{escape(member['email'])} is in {escape(team)} now")


@commands.command(epilog=examples("assay teams remove reviewers USER"))
def remove(team: Team, user_id: UserId, as_json: AsJson = False) -> None:
    """Take a member out of a team; they stay in the organisation."""
    with work(as_json) as job:
        job.client.teams.remove_team_member(team, user_id)
        job.out.result({"removed": user_id})
        job.out.say(f"removed {escape(user_id)} from {escape(team)}")


@commands.command(epilog=examples("assay teams delete reviewers"))
def delete(team: Team, as_json: AsJson = False) -> None:
    """Delete a team; its members stay in the organisation."""
    with work(as_json) as job:
        job.client.teams.delete_team(team)
        job.out.result({"deleted": team})
        job.out.say(f"deleted {escape(team)}")
