"""audit: is this code sound?"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

import typer
from rich.markup import escape

from assay_cli.api import Api, Json, at
from assay_cli.command import AsJson, Work, examples, work
from assay_cli.errors import ApiError, ExitCode, WrongUsage
from assay_cli.git import name_from, snapshot
from assay_cli.output import NOTHING, Output, count, number
from assay_cli.progress import Bar, bar, until_finished

commands = typer.Typer(rich_markup_mode=None)

_PIECE: Final = 256 * 1024
_ENDED: Final = frozenset({"completed", "not_measured", "failed"})
_COLOURS: Final = {"error": "red", "warning": "yellow", "note": "dim"}
_STATUSES: Final = {
    "completed": "[green]measured[/]",
    "not_measured": "[dim]not measured yet[/]",
    "failed": "[red]failed[/]",
}


@commands.command(
    epilog=examples(
        "assay audit .",
        "assay audit . --ref main --sarif findings.sarif",
        "assay audit . --fail-under 70",
        "assay audit https://github.com/encode/httpx",
    )
)
def audit(
    target: Annotated[
        str, typer.Argument(metavar="PATH|URL", help="A repository here, or an https URL to clone from.")
    ] = ".",
    ref: Annotated[str, typer.Option(help="The commit to audit; for a URL only a full commit id.")] = "HEAD",
    name: Annotated[str | None, typer.Option(help="Of the repository in Assay; by default the folder's.")] = None,
    findings: Annotated[int, typer.Option(min=0, help="Show so many of the worst.")] = 10,
    sarif: Annotated[Path | None, typer.Option(dir_okay=False, help="Write all findings there as SARIF 2.1.0.")] = None,
    fail_under: Annotated[
        float | None, typer.Option(min=0, max=100, metavar="SCORE", help="Exit code 1 when the health is lower.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Until the audit has ended.")] = True,
    as_json: AsJson = False,
) -> None:
    """Audit a git repository: it is sent as a bundle, read, and nothing in it is ever run."""
    with work(as_json) as job:
        if not wait and (sarif is not None or fail_under is not None):
            raise WrongUsage("--sarif and --fail-under need the audit's end; leave --no-wait out.")
        body = _send(job, target, ref, name)
        started = job.api.post("/v1/audits", body)
        trace_id = job.api.trace_id
        if not wait:
            job.out.result({**started, "trace_id": trace_id, "worst_findings": []})
            job.out.say(f"audit {started['id']} of {escape(started['repository_name'])} goes on without you")
            return
        ended = _watch(job.api, job.out, started)
        worst = job.api.items(at("audits", ended["id"], "findings"), findings) if findings else []
        if sarif is not None:
            sarif.write_bytes(job.api.download(at("audits", ended["id"], "sarif")))
        job.out.result({**ended, "trace_id": trace_id, "worst_findings": worst})
        show_audit(job.out, ended, worst)
        if sarif is not None:
            job.out.say(f"all findings: {escape(str(sarif))}")
        job.out.say(f"[dim]trace {trace_id}[/]")
        if ended["status"] != "completed":
            raise typer.Exit(int(ExitCode.API_ERROR))
        if fail_under is not None and (ended["health"] is None or ended["health"] < fail_under):
            job.out.hint(f"The health is under {fail_under:g}.")
            raise typer.Exit(int(ExitCode.REFUSED))


def show_audit(out: Output, ended: Json, worst: list[Json]) -> None:
    """An audit run for people."""
    out.say(
        f"[bold]{escape(ended['repository_name'])}[/] at {ended['commit'][:12]}: "
        f"{count(ended['files'])} files, {count(ended['lines_of_code'])} lines of code"
    )
    out.say("")
    out.table(["audit", "status", ">score", ">findings", "notes"], map(_audit_row, ended["audits"]))
    for skipped in ended["skipped"]:
        out.say(f"[dim]{skipped['files']} files left out: {escape(skipped['reason'])}[/]")
    if worst:
        out.say("")
        out.table(["severity", "where", "rule", "what"], map(_finding_row, worst))
        more = ended["findings"] - len(worst)
        if more > 0:
            out.say(f"[dim]and {more:,} more: --findings N, or --sarif FILE for all[/]")
    out.say("")
    if ended["status"] == "failed":
        out.say(f"[red]failed[/]: {escape(ended['reason'])}")
    else:
        out.say(f"overall health [bold]{number(ended['health'], 1)}[/] of 100")


def _send(job: Work, target: str, ref: str, name: str | None) -> Json:
    """Bring the code to Assay; the body that starts its audit."""
    if "://" in target:
        return _register_url(job.api, target, ref, name)
    taken = snapshot(Path(target), ref)
    if taken.uncommitted:
        job.out.hint(f"{taken.uncommitted} uncommitted changes are not audited.")
    repository = name or taken.name
    _ensure_repository(job.api, repository, None)
    with tempfile.TemporaryDirectory(prefix="assay-") as folder:
        bundle = Path(folder) / "repository.bundle"
        taken.write_bundle(bundle)
        size = bundle.stat().st_size
        with bar(job.out.errors, f"sending {repository}", "kB", steady=False) as progress:
            job.api.upload(
                at("repositories", repository, "bundles"), _pieces(bundle, size, progress), "application/x-git-bundle",
                size, commit=taken.commit,
            )  # fmt: skip
    return {"repository": repository, "commit": taken.commit}


def _register_url(api: Api, url: str, ref: str, name: str | None) -> Json:
    repository = name or name_from(urlsplit(url).path.rstrip("/").rpartition("/")[2])
    known = _ensure_repository(api, repository, url)
    if known["url"] != url:
        raise WrongUsage(
            f"The repository {repository} is known with another address ({known['url'] or 'none'}); choose --name."
        )
    return {"repository": repository, "commit": None if ref == "HEAD" else ref}


def _ensure_repository(api: Api, name: str, url: str | None) -> Json:
    try:
        found: Json = api.get(at("repositories", name))
    except ApiError as error:
        if error.status != 404:
            raise
        found = api.post("/v1/repositories", {"name": name, "url": url})
    return found


def _pieces(file: Path, size: int, progress: Bar) -> Iterator[bytes]:
    sent = 0
    with file.open("rb") as bundle:
        while piece := bundle.read(_PIECE):
            yield piece
            sent += len(piece)
            progress(-(-sent // 1000), -(-size // 1000))


def _watch(api: Api, out: Output, started: Json) -> Json:
    with bar(out.errors, f"auditing {started['repository_name']}", "audits", steady=False) as progress:

        def show_progress(current: Json) -> None:
            running = [each["kind"] for each in current["audits"] if each["status"] == "running"]
            ended = sum(each["status"] in _ENDED for each in current["audits"])
            progress(ended, len(current["audits"]), ", ".join(running))

        return until_finished(lambda: api.get(at("audits", started["id"])), show_progress, time.sleep)


def _audit_row(row: Json) -> list[str]:
    measured = row["status"] == "completed"
    return [
        f"[bold]{row['kind']}[/]",
        _STATUSES.get(row["status"], str(row["status"])),
        number(row["score"], 1) if measured else NOTHING,
        count(row["findings"]) if measured else NOTHING,
        f"[dim]{escape(row['reason'])}[/]",
    ]


def _finding_row(row: Json) -> list[str]:
    where = (row["path"] or "the repository") + (f":{row['line']}" if row["line"] else "")
    colour = _COLOURS.get(row["severity"], "")
    severity = f"[{colour}]{row['severity']}[/]" if colour else str(row["severity"])
    return [severity, escape(where), escape(row["rule"]), escape(row["message"].partition("\n")[0])]
