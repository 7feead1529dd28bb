"""What all commands have in common."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated

import typer

from assay_cli.api import Api
from assay_cli.credentials import Credentials
from assay_cli.errors import CliError
from assay_cli.output import Output

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on standard output, nothing else.")]
Limit = Annotated[int, typer.Option(min=1, help="At most so many.")]


@dataclass(frozen=True, slots=True)
class Work:
    """What a command works with."""

    api: Api
    out: Output


@contextmanager
def work(as_json: bool) -> Iterator[Work]:
    """A client and an output. What goes wrong inside is shown, and ends the program with its exit code."""
    out = Output(as_json)
    try:
        with Api(Credentials.of_this_user()) as api:
            yield Work(api, out)
    except CliError as error:
        out.problem(error)
        raise typer.Exit(int(error.exit_code)) from error
    except KeyboardInterrupt:
        out.errors.print("\nstopped")
        raise typer.Exit(130) from None


def group(name: str, words: str) -> typer.Typer:
    """A group of commands."""
    return typer.Typer(name=name, help=words, no_args_is_help=True, rich_markup_mode=None)


def examples(*lines: str) -> str:
    """The end of a command's help."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)
