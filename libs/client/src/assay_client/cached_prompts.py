"""Prompts from a cache, for many threads: each is asked for by one of them at a time."""

from __future__ import annotations

import threading
from concurrent.futures import Future

from assay_client.errors import AssayError
from assay_client.prompt import Prompt
from assay_client.shelf import Ask, Selector, Shelf
from assay_client.transport import Transport


class CachedPrompts:
    """Serves a program's reads of prompts."""

    def __init__(self, transport: Transport, shelf: Shelf) -> None:
        self._transport = transport
        self._shelf = shelf
        self._turn = threading.Lock()
        self._flights: dict[Selector, Future[Prompt]] = {}

    def get(self, prompt: str, label: str | None, version: int | None) -> Prompt:
        """The version; raises Problem, and where nothing is known of it Unreachable or NotSignedIn."""
        selector = Selector(self._transport.identity.scope(), prompt, label, version)
        with self._turn:
            found = self._shelf.look(selector)
            if found.prompt is not None and found.ask is Ask.NO:
                return found.prompt
            flight = self._flights.get(selector)
            is_first = flight is None
            if flight is None:
                flight = self._flights[selector] = Future()
        if found.prompt is not None and found.ask is Ask.BEHIND:
            if is_first:
                threading.Thread(target=self._ask, args=(selector, flight), name="assay-prompt", daemon=True).start()
            return found.prompt
        if is_first:
            self._ask(selector, flight)
        return flight.result()

    def _ask(self, selector: Selector, flight: Future[Prompt]) -> None:
        try:
            flight.set_result(self._answer(selector))
        except BaseException as error:
            flight.set_exception(error)  # Whoever waits for it raises it.
            if not isinstance(error, Exception):
                raise
        finally:
            with self._turn:
                del self._flights[selector]

    def _answer(self, selector: Selector) -> Prompt:
        with self._turn:
            call = self._shelf.call(selector)
        try:
            answer = self._transport.send(call)
        except AssayError as error:
            with self._turn:
                return self._shelf.failed(selector, error)
        with self._turn:
            return self._shelf.answered(selector, answer)
