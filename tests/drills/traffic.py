"""Work that goes on while a drill does harm, and what of it was answered."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from assay_testing.api import Api, eventually

PAUSE_SECONDS = 0.05
PATIENCE_SECONDS = 300.0
"""A machine that does other work at the same time is slow, not broken."""
_WORDS = ("blue", "river", "stone", "apple")
_LONG = 60
"""Items of the long run, as many as take a while."""


@dataclass(frozen=True, slots=True)
class Write:
    """A prompt that was created, as far as the caller knows."""

    name: str
    answered_at: datetime


class Traffic:
    """One person who creates a prompt after the other, and every now and then a run; each in its order."""

    def __init__(self, api: Api, *, run_every: int = 40) -> None:
        self.api = api
        self.writes: list[Write] = []
        self.runs: dict[str, int] = {}
        """How many items each has, by its id."""
        self.failed = 0
        self._run_every = run_every
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._go_on, daemon=True)
        api.prompt("echo", "Repeat the word: {{ word }}\nWord:")
        api.dataset("words", _lines(_WORDS))

    def start(self) -> None:
        """Go on until `stop`."""
        self._thread.start()

    def stop(self) -> None:
        """Return when the last request is answered."""
        self._stop.set()
        self._thread.join()

    def finished(self, run_id: str) -> Any:
        """The run, once it has ended."""
        path = f"/v1/runs/{run_id}"
        return eventually(lambda: self.api.get(path), lambda run: run["finished_at"] is not None, PATIENCE_SECONDS)

    def run(self) -> Any:
        """Begin a run of four items."""
        return self._run_over("words", len(_WORDS))

    def long_run(self) -> Any:
        """Begin a run that is still going on when the next thing happens."""
        self.api.dataset("more-words", _lines(f"{_WORDS[n % 4]} {n}" for n in range(_LONG)))
        return self._run_over("more-words", _LONG)

    def _run_over(self, dataset: str, items: int) -> Any:
        run = self.api.post(
            "/v1/runs",
            {
                "prompt": "echo",
                "version": 1,
                "dataset": dataset,
                "model": "local/smollm2",
                "parameters": {"max_tokens": 3, "temperature": 0},
                "evaluators": [{"kind": "contains"}],
            },
        )
        self.runs[run["id"]] = items
        return run

    def _go_on(self) -> None:
        while not self._stop.is_set():
            name = f"write-{len(self.writes) + self.failed}"
            try:
                self.api.post("/v1/prompts", {"name": name})
                self.writes.append(Write(name, datetime.now(UTC)))
                if len(self.writes) % self._run_every == 1:
                    self.run()
            except (httpx.HTTPError, AssertionError):
                self.failed += 1
            time.sleep(PAUSE_SECONDS)


def _lines(words: Iterable[str]) -> str:
    return "\n".join(json.dumps({"inputs": {"word": word}, "expected": word}) for word in words)
