"""org: organisations, and the one to act in."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from assay_cli.command import AsJson, Limit, examples, group, work
from assay_cli.output import moment

commands = group("org", "Organisations, and the one you act in.")


@commands.command(epilog=examples("assay org create acme --name 'Acme Ltd'", "assay org create acme --no-use"))
def create(
    slug: Annotated[str, typer.Argument(help="Lower-case letters, digits and hyphens; unique.")],
    name: Annotated[str | None, typer.Option(help="By default the slug.")] = None,
    use: Annotated[bool, typer.Option("--use/--no-use", help="Act in it from now on.")] = True,
    as_json: AsJson = False,
) -> None:
    """Create an organisation and become its owner."""
    with work(as_json) as job:
        made = job.client.organisations.create_organisation({"slug": slug, "name": name})
        if use:
            job.client.act_in(made["id"])
        job.out.result(made)
        job.out.say(f"created [bold]{escape(made['slug'])}[/] ({made['id']}){', and acting in it' if use else ''}")


@commands.command("list", epilog=examples("assay org list"))
def list_organisations(limit: Limit = 50, as_json: AsJson = False) -> None:
    """List the organisations that you are a member of."""
    with work(as_json) as job:
        found = list(job.client.organisations.iterate_organisations(limit=limit))
        job.out.result({"items": found})
        rows = ([escape(each["slug"]), escape(each["name"]), each["id"], moment(each["created_at"])] for each in found)
        job.out.table(["slug", "name", "id", "created"], rows, empty="none yet: `assay org create SLUG`")


@commands.command(epilog=examples("assay org use acme"))
def use(
    organisation: Annotated[str, typer.Argument(help="Id or slug.")],
    as_json: AsJson = False,
) -> None:
    """Act in this organisation from now on."""
    with work(as_json) as job:
        job.client.act_in(organisation)
        me = job.client.sessions.get_me()
        job.out.result(me)
        slug = me["organisation"]["slug"] if me["organisation"] else organisation
        job.out.say(f"acting in [bold]{escape(slug)}[/]")
