"""login, logout, whoami, and the sessions that are open."""

from __future__ import annotations

import os
import platform
import sys
import webbrowser
from typing import Annotated

import typer
from rich.markup import escape

from assay_cli.command import AsJson, Limit, Work, examples, group, work
from assay_cli.credentials import Credentials
from assay_cli.errors import ApiError, WrongUsage
from assay_cli.output import Json, Output, moment
from assay_client import Problem

commands = typer.Typer(rich_markup_mode=None)
_sessions = group("sessions", "Where you are signed in.")
commands.add_typer(_sessions)


@commands.command(
    epilog=examples(
        "assay login",
        "assay login --url https://assay.example.com --no-browser",
        "pass show assay | assay login --email ada@example.org --password-stdin",
    )
)
def login(
    email: Annotated[str | None, typer.Option(help="Sign in here, with this address and its password.")] = None,
    password_stdin: Annotated[bool, typer.Option("--password-stdin", help="Read it from standard input.")] = False,
    one_time_code: Annotated[str | None, typer.Option(help="Of your authenticator, or a recovery code.")] = None,
    organisation: Annotated[str | None, typer.Option(help="Id or slug of the one to act in.")] = None,
    url: Annotated[str | None, typer.Option(help="Of the gateway; by default ASSAY_URL, or the last one.")] = None,
    browser: Annotated[
        bool | None, typer.Option("--browser/--no-browser", help="Open it; by default where there is a display.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Sign in: you approve it in a browser, here or on another device, and no password is asked for here.

    With --email you are asked for the password instead. The tokens stay in a file that only you can read.
    """
    credentials = Credentials.with_environment({**os.environ, "ASSAY_URL": url}) if url else Credentials.of_this_user()
    with work(as_json, credentials) as job:
        if email is not None:
            _with_password(job, email, password_stdin, organisation, one_time_code)
        elif password_stdin:
            raise WrongUsage("--password-stdin needs --email.")
        else:
            _on_device(job, _has_display() if browser is None else browser)
            if organisation is not None:
                job.client.act_in(organisation)
        if credentials.api_key is not None:
            job.out.hint("ASSAY_API_KEY is set and wins over this sign-in.")
        show_identity(job.out, job.client.sessions.get_me(), credentials.url)


@commands.command(epilog=examples("assay logout"))
def logout(as_json: AsJson = False) -> None:
    """Close the session and forget its tokens."""
    with work(as_json) as job:
        closed = job.client.sign_out()
        job.out.result({"signed_out": closed})
        job.out.say("signed out" if closed else "nobody was signed in")


@commands.command(epilog=examples("assay whoami", "assay whoami --json"))
def whoami(as_json: AsJson = False) -> None:
    """Show who you are, in which organisation, with which permissions."""
    with work(as_json) as job:
        show_identity(job.out, job.client.sessions.get_me(), job.credentials.url)


@_sessions.command("list", epilog=examples("assay sessions list"))
def list_sessions(limit: Limit = 50, as_json: AsJson = False) -> None:
    """List your open sessions, newest first."""
    with work(as_json) as job:
        found = list(job.client.sessions.iterate_sessions(limit=limit))
        job.out.result({"items": found})
        rows = (
            [
                each["id"] + (" [green](this one)[/]" if each["current"] else ""),
                escape(each["method"]),
                escape(each["user_agent"]),
                escape(each["address"]),
                moment(each["created_at"]),
                moment(each["last_used_at"]),
            ]
            for each in found
        )
        job.out.table(["id", "signed in by", "with", "from", "since", "last used"], rows)


@_sessions.command(epilog=examples("assay sessions revoke SESSION", "assay sessions revoke --others"))
def revoke(
    session_id: Annotated[str | None, typer.Argument(metavar="[SESSION]", help="Its id.")] = None,
    others: Annotated[bool, typer.Option("--others", help="All of yours but the one used here.")] = False,
    as_json: AsJson = False,
) -> None:
    """Close a session of yours: its tokens stop working."""
    with work(as_json) as job:
        if others == (session_id is not None):
            raise WrongUsage("Name either a session or --others.")
        if session_id is not None:
            job.client.sessions.close_session(session_id)
        else:
            job.client.sessions.close_other_sessions()
        job.out.result({"revoked": session_id or "others"})
        job.out.say(f"closed {escape(session_id) if session_id else 'all other sessions'}")


def show_identity(out: Output, me: Json, url: str) -> None:
    """The caller."""
    out.result(me)
    organisation = me.get("organisation")
    who = me.get("email") or me.get("name") or me["subject"]
    where = f"{organisation['slug']} ({organisation['id']})" if organisation else "none: `assay org use SLUG`"
    out.facts(
        ("who", f"[bold]{escape(who)}[/] ({escape(me['kind'].replace('_', ' '))})"),
        ("organisation", escape(where)),
        ("role", escape(me.get("role") or "none")),
        ("gateway", escape(url)),
        ("permissions", escape(", ".join(me["permissions"])) or "none"),
    )


def _with_password(
    job: Work, email: str, from_stdin: bool, organisation: str | None, one_time_code: str | None
) -> None:
    password = sys.stdin.readline().rstrip("\n") if from_stdin else _asked("Password")
    try:
        try:
            job.client.sign_in(email, password, organisation=organisation, one_time_code=one_time_code)
        except Problem as problem:
            if problem.reason != "SECOND_FACTOR_NEEDED" or from_stdin or one_time_code is not None:
                raise
            code = _asked("One-time code")
            job.client.sign_in(email, password, organisation=organisation, one_time_code=code)
    except Problem as problem:
        # Whatever API key may be set, it was not asked for.
        raise ApiError(problem.status, problem.document) from problem


def _on_device(job: Work, opens_browser: bool) -> None:
    device = job.client.begin_device_sign_in(f"assay on {platform.node() or 'a device'}")
    # Not a part of the result, and needed with --json too.
    job.out.errors.print(f"Open {escape(device.verification_uri)} and enter the code [bold]{device.user_code}[/]")
    if opens_browser and webbrowser.open(device.verification_uri_complete):
        job.out.errors.print("[dim]Your browser should show it now.[/]")
    job.out.errors.print("[dim]waiting for somebody to approve it (ctrl-C gives up)[/]")
    job.client.finish_device_sign_in(device)


def _asked(question: str) -> str:
    answer: str = typer.prompt(question, hide_input=True, err=True)
    return answer


def _has_display() -> bool:
    """Whether a browser could be seen; one that runs in the terminal would be in the way."""
    if sys.platform in ("darwin", "win32"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
