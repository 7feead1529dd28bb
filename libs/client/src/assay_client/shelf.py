"""The prompts that a program has read: how long they hold, and what is served while the gateway does not answer.

After RFC 5861 (stale-while-revalidate, stale-if-error). Nothing is sent from here, see `cached_prompts`; copies on disk
are small files.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import tempfile
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import httpx

from assay_client.call import Call
from assay_client.errors import AssayError, Problem, Unreachable
from assay_client.models import Version
from assay_client.prompt import Prompt

log = logging.getLogger("assay_client")

PAUSE_SECONDS: Final = 5.0
"""After a failure, the gateway is not asked again for the same prompt for so long."""
MAX_COPIES: Final = 1_000


@dataclass(frozen=True, slots=True)
class CachePolicy:
    """How `client.prompt` keeps what it has read."""

    fresh_seconds: float = 60
    """So long the gateway is not asked again."""
    stale_seconds: float = 600
    """So much longer a copy is served at once and asked for behind the caller's back; after that it is asked for first,
    and the copy is served only if the gateway does not answer."""
    folder: Path | None = None
    """Where copies are kept, so that a program that is started anew needs no gateway; None = nowhere."""


@dataclass(frozen=True, slots=True)
class Selector:
    """What a program asks for: the version with this number or label, or the newest."""

    scope: str
    """Whose question it is: others may not see the same."""
    prompt: str
    label: str | None
    version: int | None


class Ask(Enum):
    """Whether the gateway is to be asked."""

    NO = "no"
    BEHIND = "behind the caller's back"
    FIRST = "first"


@dataclass(frozen=True, slots=True)
class Found:
    """What is known, and what is to be done."""

    prompt: Prompt | None
    ask: Ask


@dataclass(slots=True)
class _Copy:
    version: Version
    etag: str
    confirmed_at: datetime
    pause_until: datetime = field(default=datetime.min.replace(tzinfo=UTC))


class Shelf:
    """The copies of one client. Not safe for threads: whoever uses it takes turns."""

    def __init__(self, url: str, policy: CachePolicy, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._url = url
        self._policy = policy
        self._now = now
        self._copies: OrderedDict[Selector, _Copy] = OrderedDict()
        self._is_away = False

    def look(self, selector: Selector) -> Found:
        """What is known of a prompt, here or on disk."""
        copy = self._copy_of(selector)
        if copy is None:
            return Found(None, Ask.FIRST)
        prompt = self._served(copy, is_stale=self._age(copy) >= self._policy.fresh_seconds)
        if not prompt.is_stale or self._now() < copy.pause_until:
            return Found(prompt, Ask.NO)
        may_wait = prompt.age_seconds < self._policy.fresh_seconds + self._policy.stale_seconds
        return Found(prompt, Ask.BEHIND if may_wait else Ask.FIRST)

    def call(self, selector: Selector) -> Call:
        """The question, with the tag of what is known; where something is, it is not asked for long."""
        copy = self._copies.get(selector)
        return Call(
            "GET",
            "/v1/prompts/{}/resolve",
            names=(selector.prompt,),
            query={"label": selector.label, "version": selector.version},
            more_headers={"if-none-match": copy.etag} if copy else {},
            attempts=2 if copy else 4,
        )

    def answered(self, selector: Selector, answer: httpx.Response) -> Prompt:
        """Keep what the gateway said."""
        known = self._copies.get(selector)
        if answer.status_code == HTTPStatus.NOT_MODIFIED and known is not None:
            copy = _Copy(known.version, known.etag, self._now())
        else:
            copy = _Copy(answer.json(), answer.headers.get("etag", ""), self._now())
        self._keep(selector, copy)
        self._write(selector, copy)
        if self._is_away:
            self._is_away = False
            log.info("the gateway answers again: prompts are fresh from now on")
        return self._served(copy, is_stale=False)

    def failed(self, selector: Selector, error: AssayError) -> Prompt:
        """The last good copy, while the gateway is away; raises the error where there is none, or it is an answer."""
        copy = self._copies.get(selector)
        if isinstance(error, Problem) and _is_final(error):
            self._copies.pop(selector, None)
            if (file := self._file(selector)) is not None:
                file.unlink(missing_ok=True)
            raise error
        if copy is None or not isinstance(error, Problem | Unreachable):
            raise error
        copy.pause_until = datetime.fromtimestamp(self._now().timestamp() + PAUSE_SECONDS, UTC)
        if not self._is_away:
            self._is_away = True
            log.warning("the gateway does not answer (%s): prompts are served as they were last read", error)
        return self._served(copy, is_stale=True)

    def _served(self, copy: _Copy, *, is_stale: bool) -> Prompt:
        return Prompt(copy.version, copy.confirmed_at, self._age(copy), is_stale)

    def _age(self, copy: _Copy) -> float:
        return max((self._now() - copy.confirmed_at).total_seconds(), 0.0)

    def _copy_of(self, selector: Selector) -> _Copy | None:
        copy = self._copies.get(selector) or self._read(selector)
        if copy is not None:
            self._keep(selector, copy)
        return copy

    def _keep(self, selector: Selector, copy: _Copy) -> None:
        self._copies[selector] = copy
        self._copies.move_to_end(selector)
        if len(self._copies) > MAX_COPIES:
            self._copies.popitem(last=False)

    def _file(self, selector: Selector) -> Path | None:
        if self._policy.folder is None:
            return None
        named = [self._url, selector.scope, selector.prompt, selector.label, selector.version]
        return self._policy.folder / f"{hashlib.sha256(json.dumps(named).encode()).hexdigest()}.json"

    def _read(self, selector: Selector) -> _Copy | None:
        file = self._file(selector)
        if file is None:
            return None
        try:
            kept: dict[str, Any] = json.loads(file.read_text("utf-8"))
            return _Copy(kept["version"], kept["etag"], datetime.fromisoformat(kept["confirmed_at"]))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.warning("the copy of prompt %s in %s cannot be read: %s", selector.prompt, file, error)
            return None

    def _write(self, selector: Selector, copy: _Copy) -> None:
        file = self._file(selector)
        if file is None:
            return
        kept = {"version": copy.version, "etag": copy.etag, "confirmed_at": copy.confirmed_at.isoformat()}
        try:
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # mkstemp makes files that only their owner can read: prompts may be private.
            handle, draft = tempfile.mkstemp(dir=file.parent, suffix=".draft")
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as opened:
                    json.dump(kept, opened, ensure_ascii=False)
                Path(draft).replace(file)
            except BaseException:
                with suppress(OSError):
                    Path(draft).unlink()
                raise
        except OSError as error:
            log.warning("prompt %s cannot be kept in %s: %s", selector.prompt, file, error)


def _is_final(problem: Problem) -> bool:
    """Whether the gateway gave an answer that is not to be doubted: no such prompt, or not for this caller."""
    return problem.status < HTTPStatus.INTERNAL_SERVER_ERROR and problem.status not in (
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_MANY_REQUESTS,
    )
