"""audit: is this code sound?"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from io import FileIO
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

import typer
from rich.markup import escape

from assay_cli.command import AsJson, Work, examples, work
from assay_cli.errors import ExitCode, WrongUsage
from assay_cli.git import name_from, snapshot
from assay_cli.output import NOTHING, Json, Output, count, number
from assay_cli.progress import Bar, bar, until_finished
from assay_client import Assay, Problem
from assay_client.models import NewAudit, Repository

commands = typer.Typer(rich_markup_mode=None)

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
        started = job.client.audits.start_audit(body)
        trace_id = job.client.transport.trace_id
        if not wait:
            job.out.result({**started, "trace_id": trace_id, "worst_findings": []})
            job.out.say(f"audit {started['id']} of {escape(started['repository_name'])} goes on without you")
            return
        ended = _watch(job.client, job.out, started)
        worst = list(job.client.audits.iterate_findings(ended["id"], limit=findings))
        if sarif is not None:
            sarif.write_bytes(job.client.audits.export_sarif(ended["id"]))
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


def show_audit(out: Output, ended: Json, worst: Sequence[Json]) -> None:
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


def _send(job: Work, target: str, ref: str, name: str | None) -> NewAudit:
    """Bring the code to Assay; the body that starts its audit."""
    if "://" in target:
        return _register_url(job.client, target, ref, name)
    taken = snapshot(Path(target), ref)
    if taken.uncommitted:
        job.out.hint(f"{taken.uncommitted} uncommitted changes are not audited.")
    repository = name or taken.name
    _ensure_repository(job.client, repository, None)
    with tempfile.TemporaryDirectory(prefix="assay-") as folder:
        bundle = Path(folder) / "repository.bundle"
        taken.write_bundle(bundle)
        with (
            bar(job.out.errors, f"sending {repository}", "kB", steady=False) as progress,
            _Watched(bundle, progress) as file,
        ):
            job.client.repositories.upload_bundle(repository, file, "application/x-git-bundle", commit=taken.commit)
    return {"repository": repository, "commit": taken.commit}


def _register_url(client: Assay, url: str, ref: str, name: str | None) -> NewAudit:
    repository = name or name_from(urlsplit(url).path.rstrip("/").rpartition("/")[2])
    known = _ensure_repository(client, repository, url)
    if known["url"] != url:
        raise WrongUsage(
            f"The repository {repository} is known with another address ({known['url'] or 'none'}); choose --name."
        )
    return {"repository": repository, "commit": None if ref == "HEAD" else ref}


def _ensure_repository(client: Assay, name: str, url: str | None) -> Repository:
    try:
        return client.repositories.get_repository(name)
    except Problem as problem:
        if problem.status != 404:
            raise
        return client.repositories.create_repository({"name": name, "url": url})


class _Watched(FileIO):
    """A file that tells how far it was read; the client takes its length from it."""

    def __init__(self, file: Path, progress: Bar) -> None:
        super().__init__(file)
        self._size = file.stat().st_size
        self._progress = progress
        self._read = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """The next piece."""
        piece = super().read(size) or b""
        self._read += len(piece)
        self._progress(-(-self._read // 1000), -(-self._size // 1000))
        return piece


def _watch(client: Assay, out: Output, started: Json) -> Json:
    with bar(out.errors, f"auditing {started['repository_name']}", "audits", steady=False) as progress:

        def show_progress(current: Json) -> None:
            running = [each["kind"] for each in current["audits"] if each["status"] == "running"]
            ended = sum(each["status"] in _ENDED for each in current["audits"])
            progress(ended, len(current["audits"]), ", ".join(running))

        return until_finished(lambda: client.audits.get_audit(started["id"]), show_progress, time.sleep)


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
