"""login, logout, whoami."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer
from rich.markup import escape

from assay_cli.api import Api
from assay_cli.command import AsJson, examples, work
from assay_cli.credentials import Credentials
from assay_cli.errors import CliError, WrongUsage
from assay_cli.output import Output

commands = typer.Typer(rich_markup_mode=None)


@commands.command(
    epilog=examples(
        "assay login",
        "assay login --url https://assay.example.com --email ada@example.org",
        "pass show assay | assay login --email ada@example.org --password-stdin",
    )
)
def login(
    email: Annotated[str | None, typer.Option(help="Asked for when absent.")] = None,
    password_stdin: Annotated[bool, typer.Option("--password-stdin", help="Read it from standard input.")] = False,
    organisation: Annotated[str | None, typer.Option(help="Id or slug of the one to act in.")] = None,
    url: Annotated[str | None, typer.Option(help="Of the gateway; by default ASSAY_URL, or the last one.")] = None,
    as_json: AsJson = False,
) -> None:
    """Sign in with an e-mail address and a password; the tokens stay in a file that only you can read."""
    out = Output(as_json)
    if email is None and password_stdin:
        out.problem(WrongUsage("--password-stdin needs --email."))
        raise typer.Exit(2)
    address = email or typer.prompt("E-mail", err=True)
    password = (
        sys.stdin.readline().rstrip("\n") if password_stdin else typer.prompt("Password", hide_input=True, err=True)
    )
    credentials = Credentials.of_this_user()
    if url is not None:
        credentials = Credentials(credentials.file, {"ASSAY_URL": url})
    try:
        with Api(credentials) as api:
            api.sign_in(address, password, organisation)
            if credentials.api_key is not None:
                out.hint("ASSAY_API_KEY is set and wins over this sign-in.")
            show_identity(out, api.get("/v1/me"), api.credentials.url)
    except CliError as error:
        out.problem(error)
        raise typer.Exit(int(error.exit_code)) from error


@commands.command(epilog=examples("assay logout"))
def logout(as_json: AsJson = False) -> None:
    """Close the session and forget its tokens."""
    with work(as_json) as job:
        closed = job.api.sign_out()
        job.out.result({"signed_out": closed})
        job.out.say("signed out" if closed else "nobody was signed in")


@commands.command(epilog=examples("assay whoami", "assay whoami --json"))
def whoami(as_json: AsJson = False) -> None:
    """Show who you are, in which organisation, with which permissions."""
    with work(as_json) as job:
        show_identity(job.out, job.api.get("/v1/me"), job.api.credentials.url)


def show_identity(out: Output, me: dict[str, Any], url: str) -> None:
    """The caller."""
    out.result(me)
    organisation = me.get("organisation")
    who = me.get("email") or me.get("name") or me["subject"]
    where = f"{organisation['slug']} ({organisation['id']})" if organisation else "none: `assay org use SLUG`"
    out.facts(
        ("who", f"[bold]{escape(who)}[/] ({escape(me['kind'].replace('_', ' '))})"),
        ("organisation", escape(where)),
        ("gateway", escape(url)),
        ("permissions", escape(", ".join(me["permissions"])) or "none"),
    )
