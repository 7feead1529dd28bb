"""Waiting for long work: a live bar on a terminal, a line now and then elsewhere. All of it on standard error."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from assay_cli.output import Json

FIRST_PAUSE: Final = 0.15
LONGEST_PAUSE: Final = 1.0
_GROWTH: Final = 1.25
_SECONDS_BETWEEN_LINES: Final = 2.0


class Bar(Protocol):
    """Told how far the work is."""

    def __call__(self, done: int, total: int, words: str = "") -> None:
        """`done` of `total`, and what is to be said beside it."""


@contextmanager
def bar(console: Console, name: str, unit: str, *, steady: bool = True) -> Iterator[Bar]:
    """A progress bar, for `steady` work with rate and time left; where no terminal is, lines."""
    with (_live if console.is_terminal else _lines)(console, name, unit, steady) as show:
        yield show


@contextmanager
def _live(console: Console, name: str, unit: str, steady: bool) -> Iterator[Bar]:
    rate = (_Rate(unit), TimeRemainingColumn(compact=True, elapsed_when_finished=True))
    columns: tuple[ProgressColumn, ...] = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        *(rate if steady else (TimeElapsedColumn(),)),
        TextColumn("[dim]{task.fields[words]}[/]"),
    )
    with Progress(*columns, console=console, refresh_per_second=8) as progress:
        task = progress.add_task(name, total=None, words="")

        def show(done: int, total: int, words: str = "") -> None:
            progress.update(task, completed=done, total=total or None, words=words)

        yield show


@contextmanager
def _lines(console: Console, name: str, unit: str, steady: bool) -> Iterator[Bar]:
    started = said_at = time.monotonic()
    said = -1

    def show(done: int, total: int, words: str = "") -> None:
        nonlocal said, said_at
        now = time.monotonic()
        is_end = total > 0 and done >= total
        if done == said or (now - said_at < _SECONDS_BETWEEN_LINES and not is_end):
            return
        said, said_at = done, now
        speed = _speed(done, total, now - started, unit) if steady else ""
        console.print(f"{name}: {done}/{total} {unit}{speed} {words}".rstrip(), markup=False)

    yield show


def _speed(done: int, total: int, seconds: float, unit: str) -> str:
    if not done or not seconds:
        return ""
    rate = done / seconds
    left = f", {(total - done) / rate:.0f} s left" if done < total else f", took {seconds:.1f} s"
    return f", {rate:.1f} {unit}/s{left}"


class _Rate(ProgressColumn):
    """How many a second."""

    def __init__(self, unit: str) -> None:
        super().__init__()
        self._unit = unit

    def render(self, task: Task) -> Text:
        """The mean rate at the end, the recent one before."""
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:.1f} {self._unit}/s", style="progress.data.speed")


def until_finished(read: Callable[[], Json], show: Callable[[Json], None], pause: Callable[[float], None]) -> Json:
    """Read until the thing has a `finished_at`, each time a little later, and show every reading."""
    seconds = FIRST_PAUSE
    while True:
        thing = read()
        show(thing)
        if thing["finished_at"] is not None:
            return thing
        pause(seconds)
        seconds = min(seconds * _GROWTH, LONGEST_PAUSE)
