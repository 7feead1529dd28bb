"""status: whether the gateway is well, and who the caller is."""

from __future__ import annotations

from typing import Any

import typer
from rich.markup import escape

from assay_cli.command import AsJson, examples, work
from assay_cli.errors import ExitCode
from assay_cli.output import Json
from assay_client import Assay, NotSignedIn, Problem
from assay_client.call import Call

commands = typer.Typer(rich_markup_mode=None)


@commands.command(epilog=examples("assay status", "assay status --json | jq .ready"))
def status(as_json: AsJson = False) -> None:
    """Ask the gateway whether it is ready, and who you are to it.

    Exit code 5 when it does not answer, 3 when it is not ready, 4 when it is and you are not signed in.
    """
    with work(as_json) as job:
        alive, _ = _asked(job.client, "/healthz")
        ready, readiness = _asked(job.client, "/readyz")
        me, why_not = None, ""
        try:
            me = job.client.sessions.get_me()
        except (NotSignedIn, Problem) as error:
            why_not = str(error)
        is_ready = ready == 200
        problems: dict[str, Any] = readiness.get("problems", {})
        job.out.result(
            {"url": job.credentials.url, "alive": alive == 200, "ready": is_ready, "problems": problems, "me": me}
        )
        who = me["email"] or me["name"] if me else why_not
        organisation = me["organisation"] if me else None
        job.out.facts(
            ("gateway", escape(job.credentials.url)),
            ("ready", "[green]yes[/]" if is_ready else "[red]no[/]"),
            *((f"  {escape(name)}", f"[red]{escape(str(problem))}[/]") for name, problem in problems.items()),
            ("you", escape(who)),
            ("organisation", escape(organisation["slug"] if organisation else "none")),
        )
    if not is_ready:
        raise typer.Exit(int(ExitCode.API_ERROR))
    if me is None:
        raise typer.Exit(int(ExitCode.NOT_SIGNED_IN))


def _asked(client: Assay, path: str) -> tuple[int, Json]:
    """Status and answer of a page about the gateway itself; no status is an error."""
    try:
        answer = client.transport.send(Call("GET", path, signed=False, attempts=1))
    except Problem as problem:
        return problem.status, problem.document
    return answer.status_code, answer.json()
