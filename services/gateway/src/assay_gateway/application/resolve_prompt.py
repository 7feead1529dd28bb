"""The hot read: which version a prompt's label stands for, answered from memory and invalidated by events."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from assay_common.identity import Principal
from assay_gateway.application.metrics import PROMPT_CACHE, PROMPT_CACHE_BYTES, PROMPT_CACHE_ENTRIES
from assay_gateway.application.ports import PromptSource
from assay_gateway.domain.prompts import Document, ResolvedPrompt, Selector

ENTRY_OVERHEAD: Final = 1024
"""Bytes that an answer is reckoned to take beside its body."""

_HIT: Final = PROMPT_CACHE.labels("hit")
_MISS: Final = PROMPT_CACHE.labels("miss")
_SHARED: Final = PROMPT_CACHE.labels("shared")


@dataclass(slots=True)
class _Entry:
    prompt: ResolvedPrompt
    expires_at: float

    @property
    def size(self) -> int:
        return len(self.prompt.document.body) + ENTRY_OVERHEAD


@dataclass(slots=True, eq=False)
class _Flight:
    """A question on its way to the prompt service; `stale` once the prompt may have changed meanwhile."""

    task: asyncio.Task[ResolvedPrompt]
    stale: bool = False


class ResolvePrompt:
    """Answers reads of prompts from memory.

    An answer is kept for `ttl` seconds or until `forget` names its prompt, whichever comes first; `max_bytes` bounds
    the whole. It is kept for an organisation and is the same for all its callers, so the permission to read must be
    checked before; a private prompt is not kept, and a key that is limited to other prompts gets nothing from here.
    Requests of one caller for the same thing at the same time share one question. An answer that was on its way when
    its prompt changed is given to who asked for it before, and not kept.
    """

    def __init__(
        self, source: PromptSource, *, ttl: float, max_bytes: int, steady: Callable[[], float] = time.monotonic
    ) -> None:
        self._source = source
        self._ttl = ttl
        self._max_bytes = max_bytes
        self._steady = steady
        self._entries: OrderedDict[Selector, _Entry] = OrderedDict()
        self._selectors: dict[tuple[UUID, str] | str, set[Selector]] = {}
        """By organisation and name or id, and by id alone: a public prompt is read in other organisations too."""
        self._flights: dict[tuple[Selector, UUID], _Flight] = {}
        self._bytes = 0

    def at_once(self, selector: Selector, caller: Principal) -> Document | None:
        """The answer if it is remembered, and not kept from this caller."""
        entry = self._entries.get(selector)
        if entry is None or not caller.may_touch_prompt(entry.prompt.prompt_id, entry.prompt.prompt_name):
            return None
        if entry.expires_at <= self._steady():
            self._drop(selector)
            return None
        self._entries.move_to_end(selector)
        _HIT.inc()
        return entry.prompt.document

    async def __call__(self, selector: Selector, caller: Principal) -> Document:
        """The answer; raises what the prompt service answered instead."""
        remembered = self.at_once(selector, caller)
        if remembered is not None:
            return remembered
        flight = self._flights.get((selector, caller.subject))
        if flight is None or flight.stale:
            _MISS.inc()
            flight = self._ask(selector, caller.subject)
        else:
            _SHARED.inc()
        return (await asyncio.shield(flight.task)).document

    async def past_the_cache(self, selector: Selector) -> Document:
        """Ask the prompt service in any case, for a caller who may not be answered from memory."""
        return (await self._source.resolve(selector)).document

    def forget(self, org_id: UUID, prompt: str) -> None:
        """A prompt (id or name) of an organisation has changed: nothing known before is given out, in none."""
        named = {self._entries[selector].prompt.prompt_id for selector in self._selectors.get((org_id, prompt), ())}
        for prompt_id in named | {prompt}:
            for selector in list(self._selectors.get(prompt_id, ())):
                self._drop(selector)
        for (selector, _), flight in self._flights.items():
            flight.stale = flight.stale or selector.org_id == org_id or selector.prompt == prompt

    def forget_all(self) -> None:
        """Events may have been missed: everything is asked for again."""
        for selector in list(self._entries):
            self._drop(selector)
        for flight in self._flights.values():
            flight.stale = True

    def _ask(self, selector: Selector, caller: UUID) -> _Flight:
        flight = _Flight(asyncio.create_task(self._source.resolve(selector)))
        self._flights[selector, caller] = flight

        def landed(done: asyncio.Task[ResolvedPrompt]) -> None:
            if self._flights.get((selector, caller)) is flight:
                del self._flights[selector, caller]
            if not done.cancelled() and done.exception() is None and not flight.stale:
                self._keep(selector, done.result())

        flight.task.add_done_callback(landed)
        return flight

    def _keep(self, selector: Selector, prompt: ResolvedPrompt) -> None:
        self._drop(selector)
        entry = _Entry(prompt, self._steady() + self._ttl)
        if not prompt.shared or entry.size > self._max_bytes:
            return
        self._entries[selector] = entry
        self._bytes += entry.size
        for name in _names(selector, prompt):
            self._selectors.setdefault(name, set()).add(selector)
        while self._bytes > self._max_bytes:
            self._drop(next(iter(self._entries)))
        self._measure()

    def _drop(self, selector: Selector) -> None:
        entry = self._entries.pop(selector, None)
        if entry is None:
            return
        self._bytes -= entry.size
        for name in _names(selector, entry.prompt):
            selectors = self._selectors.get(name)
            if selectors is not None:
                selectors.discard(selector)
                if not selectors:
                    del self._selectors[name]
        self._measure()

    def _measure(self) -> None:
        PROMPT_CACHE_ENTRIES.set(len(self._entries))
        PROMPT_CACHE_BYTES.set(self._bytes)


def _names(selector: Selector, prompt: ResolvedPrompt) -> tuple[tuple[UUID, str] | str, ...]:
    return (selector.org_id, prompt.prompt_id), (selector.org_id, prompt.prompt_name), prompt.prompt_id
