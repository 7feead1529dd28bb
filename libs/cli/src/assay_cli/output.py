"""What the user sees: tables and words for people, one JSON document for programs.

Results go to standard output, everything else (progress, errors, hints) to standard error.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from assay_cli.errors import ApiError, CliError

Json: TypeAlias = Mapping[str, Any]
"""A thing as the API says it."""

_WIDE: Final = 10_000
NOTHING: Final = "–"
"""Stands for a value that does not exist."""


class Output:
    """One command's output. Colour is used on a terminal only, and never when NO_COLOR is set."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        # A pipe is as wide as it needs to be: nothing is folded that a program may look for.
        self.console = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else _WIDE)
        self.errors = Console(stderr=True, highlight=False, soft_wrap=True)

    def result(self, document: Any) -> None:
        """The result for programs; people get theirs by `say` and `table`."""
        if self.as_json:
            sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")

    def say(self, markup: str) -> None:
        """A line for people. Values in it must be escaped."""
        if not self.as_json:
            self.console.print(markup)

    def text(self, plain: str) -> None:
        """Text for people, exactly as it is."""
        if not self.as_json:
            sys.stdout.write(plain if plain.endswith("\n") else plain + "\n")

    def hint(self, markup: str) -> None:
        """A line for people that is no part of the result."""
        if not self.as_json:
            self.errors.print(f"[dim]{markup}[/]")

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[str]], *, empty: str = "nothing yet") -> None:
        """A table whose cells are markup. A column's name that begins with > is aligned to the right."""
        if self.as_json:
            return
        found = list(rows)
        if not found:
            self.console.print(f"[dim]{empty}[/]")
            return
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
        for name in columns:
            table.add_column(name.lstrip(">"), justify="right" if name.startswith(">") else "left", overflow="fold")
        for row in found:
            table.add_row(*row)
        self.console.print(table, soft_wrap=False)

    def facts(self, *pairs: tuple[str, str]) -> None:
        """Names and values, one pair a line; values are markup."""
        longest = max(len(name) for name, _ in pairs)
        for name, value in pairs:
            self.say(f"[dim]{name:<{longest}}[/]  {value}")

    def warning(self, words: str, **details: Any) -> None:
        """Something that the user must know of a result that is there all the same: on standard error."""
        if self.as_json:
            sys.stderr.write(json.dumps({"warning": words, **details}, ensure_ascii=False) + "\n")
        else:
            self.errors.print(f"[yellow]warning:[/] {escape(words)}")

    def problem(self, error: CliError) -> None:
        """An error: on standard error, as words or as JSON."""
        if self.as_json:
            sys.stderr.write(json.dumps(error.document(), ensure_ascii=False) + "\n")
            return
        if not isinstance(error, ApiError):
            self.errors.print(f"[red]error:[/] {escape(str(error))}")
            return
        self.errors.print(f"[red]{escape(error.title)}[/] [dim](HTTP {error.status})[/]")
        if error.detail:
            self.errors.print(escape(error.detail))
        for pointer, detail in error.parts:
            self.errors.print(f"  [bold]{escape(pointer) or '/'}[/]  {escape(detail)}")
        if permission := error.problem.get("permission"):
            self.errors.print(f"You need the permission [bold]{escape(str(permission))}[/].")
        if request_id := error.problem.get("request_id"):
            self.errors.print(f"[dim]request {escape(str(request_id))} (the logs have it)[/]")


def number(value: float | None, digits: int = 3) -> str:
    """A measured value, or a dash where there is none."""
    return NOTHING if value is None else f"{value:,.{digits}f}"


def count(value: int | None) -> str:
    """A whole number with separators."""
    return NOTHING if value is None else f"{value:,}"


def dollars(value: float | None) -> str:
    """A cost in US dollars; tokens are cheap, so small amounts keep six digits."""
    if value is None:
        return NOTHING
    return f"${value:,.2f}" if value == 0 or value >= 1 else f"${value:.6f}"


def moment(value: str | None) -> str:
    """A time of the API in the user's own time zone, to the second."""
    if not value:
        return NOTHING
    return datetime.fromisoformat(value).replace(tzinfo=UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def short(identifier: str | None) -> str:
    """A value's first line, for a table."""
    first = (identifier or "").partition("\n")[0]
    return escape(first if len(first) <= 60 else first[:59] + "…")
