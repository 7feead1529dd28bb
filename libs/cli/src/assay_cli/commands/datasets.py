"""dataset: labelled examples."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Final, Literal

import typer
from rich.markup import escape

from assay_cli.command import AsJson, Limit, examples, group, work
from assay_cli.errors import WrongUsage
from assay_cli.output import NOTHING, Json, Output, moment, short
from assay_client import Problem

commands = group("dataset", "Datasets: labelled examples that prompts are measured on.")

Name = Annotated[str, typer.Argument(metavar="DATASET", help="Name or id.")]

MEDIA_TYPES: Final[dict[str, Literal["application/x-ndjson", "text/csv"]]] = {
    "jsonl": "application/x-ndjson",
    "csv": "text/csv",
}
_SUFFIXES: Final = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv"}


@commands.command(epilog=examples("assay dataset create messages"))
def create(
    name: Annotated[str, typer.Argument(help="Lower-case letters, digits, '-', '_' and '.'.")],
    description: str = "",
    as_json: AsJson = False,
) -> None:
    """Create an empty dataset."""
    with work(as_json) as job:
        made = job.client.datasets.create_dataset({"name": name, "description": description})
        job.out.result(made)
        job.out.say(f"created [bold]{escape(made['name'])}[/] ({made['id']})")
        job.out.hint(f"next: assay dataset import {escape(made['name'])} FILE")


@commands.command(
    "import",
    epilog=examples(
        "assay dataset import messages messages.jsonl",
        "assay dataset import messages messages.csv --skip-invalid",
        "cat messages.jsonl | assay dataset import messages - --format jsonl",
    ),
)
def import_items(
    dataset: Name,
    file: Annotated[
        str,
        typer.Argument(
            help='JSON lines ({"inputs": {…}, "expected": "…"}) or CSV with a column `expected`; - is stdin.'
        ),
    ],
    file_format: Annotated[
        str | None, typer.Option("--format", metavar="jsonl|csv", help="By default what the file's name ends in.")
    ] = None,
    skip_invalid: Annotated[
        bool, typer.Option("--skip-invalid", help="Import the good rows where others are broken.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Read a file into a new version of the dataset: all of it, or nothing."""
    with work(as_json) as job:
        content = _read(file)
        media_type = MEDIA_TYPES[_format_of(file, file_format)]
        try:
            report = job.client.datasets.import_items(dataset, content, media_type, skip_invalid=skip_invalid or None)
        except Problem as error:
            if error.reason == "INVALID_ROWS" and not as_json:
                broken = [(each["pointer"].rpartition("/")[2], each["detail"]) for each in error.errors]
                _show_row_errors(job.out, broken)
                error.document["errors"] = []
                error.document["detail"] = f"{error.detail}. Mend them, or import the others with --skip-invalid."
            raise
        job.out.result(report)
        _show_row_errors(job.out, [(str(each["line"]), each["message"]) for each in report["errors"]])
        job.out.say(
            f"[bold]{escape(dataset)}[/] version [bold]{report['version']}[/]: "
            f"{report['imported']} items imported, {report['rejected']} rejected"
        )


@commands.command("list", epilog=examples("assay dataset list"))
def list_datasets(limit: Limit = 50, as_json: AsJson = False) -> None:
    """List the datasets, newest first."""
    with work(as_json) as job:
        found = list(job.client.datasets.iterate_datasets(limit=limit))
        job.out.result({"items": found})
        rows = (
            [escape(each["name"]), str(each["latest_version"]), str(each["item_count"]), moment(each["updated_at"])]
            for each in found
        )
        job.out.table(["name", ">versions", ">items", "changed"], rows, empty="none yet: `assay dataset create NAME`")


@commands.command(epilog=examples("assay dataset show messages", "assay dataset show messages --version 1 --limit 100"))
def show(
    dataset: Name,
    version: Annotated[int | None, typer.Option(min=1, help="By default the newest.")] = None,
    limit: Limit = 10,
    as_json: AsJson = False,
) -> None:
    """Show a dataset and its first items."""
    with work(as_json) as job:
        found = job.client.datasets.get_dataset(dataset)
        is_empty = found["latest_version"] == 0
        items = [] if is_empty else list(job.client.datasets.iterate_items(dataset, version=version, limit=limit))
        job.out.result({**found, "items": items})
        job.out.facts(
            ("dataset", f"[bold]{escape(found['name'])}[/] ({found['id']})"),
            ("description", escape(found["description"])),
            ("versions", str(found["latest_version"])),
            ("items", str(found["item_count"])),
        )
        empty = f"no items yet: `assay dataset import {escape(found['name'])} FILE`"
        job.out.table([">index", "inputs", "expected"], (_row(each) for each in items), empty=empty)


def _row(item: Json) -> list[str]:
    inputs = json.dumps(item["inputs"], ensure_ascii=False)
    return [str(item["index"]), short(inputs), short(item["expected"]) if item["expected"] is not None else NOTHING]


def _show_row_errors(out: Output, errors: list[tuple[str, str]]) -> None:
    if errors:
        out.table([">line", "what is wrong"], ([line, escape(message)] for line, message in errors))


def _read(file: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise WrongUsage(f"{file} cannot be read: {error.strerror}.") from error


def _format_of(file: str, given: str | None) -> str:
    found = given or _SUFFIXES.get(Path(file).suffix.lower())
    if found not in MEDIA_TYPES:
        raise WrongUsage(f"Is {file} jsonl or csv? Say so with --format.")
    return found
