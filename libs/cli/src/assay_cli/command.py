"""What all commands have in common."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated

import typer

from assay_cli.credentials import Credentials
from assay_cli.errors import CliError, told
from assay_cli.output import Output
from assay_client import Assay, AssayError, CachePolicy

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on standard output, nothing else.")]
Limit = Annotated[int, typer.Option(min=1, help="At most so many.")]


@dataclass(frozen=True, slots=True)
class Work:
    """What a command works with."""

    client: Assay
    credentials: Credentials
    out: Output


@contextmanager
def work(as_json: bool, credentials: Credentials | None = None) -> Iterator[Work]:
    """A client and an output. What goes wrong inside is shown, and ends the program with its exit code."""
    out = Output(as_json)
    whose = credentials or Credentials.of_this_user()
    try:
        try:
            with _client(whose) as client:
                yield Work(client, whose, out)
        except AssayError as error:
            raise told(error, whose.url, has_key=whose.api_key is not None) from error
    except CliError as error:
        out.problem(error)
        raise typer.Exit(int(error.exit_code)) from error
    except KeyboardInterrupt:
        out.errors.print("\nstopped")
        raise typer.Exit(130) from None


def _client(credentials: Credentials) -> Assay:
    # Every command asks first, and has the newest copy where nobody answers.
    cache = CachePolicy(fresh_seconds=0, stale_seconds=0, folder=credentials.cache)
    return Assay(credentials.url, api_key=credentials.api_key, session=credentials, cache=cache)


def group(name: str, words: str) -> typer.Typer:
    """A group of commands."""
    return typer.Typer(name=name, help=words, no_args_is_help=True, rich_markup_mode=None)


def examples(*lines: str) -> str:
    """The end of a command's help."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)
