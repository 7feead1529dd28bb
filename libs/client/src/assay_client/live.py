"""The live feed: the organisation's events as they happen, by server-sent events (WHATWG HTML, section 9.2).

Here is what both clients have in common: where a stream goes on, and what its messages mean.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final

import httpx
from httpx_sse import EventSource, ServerSentEvent

from assay_client.call import Call
from assay_client.errors import AssayError, Problem, Unreachable
from assay_client.transport import Transport

log = logging.getLogger("assay_client")

_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 30.0


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened."""

    cursor: str
    """The place in the feed behind it; a feed that begins `after` it neither loses nor repeats anything."""
    id: str
    type: str
    """For instance `assay.prompt.v1.LabelMoved`."""
    source: str
    time: datetime
    subject: str
    """Id of what it is about."""
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Gap:
    """Events were missed that cannot be told any more: what is shown must be read again."""

    cursor: str
    detail: str


class Following:
    """A listener's place in the feed, over all its connections."""

    def __init__(self, topics: Sequence[str], after: str | None) -> None:
        self._topics = ",".join(topics) or None
        self._cursor = after
        self._pause = 0.0
        self._has_begun = False

    def call(self) -> Call:
        """The request for what comes next."""
        return Call(
            "GET",
            "/v1/live",
            query={"topics": self._topics},
            more_headers={"accept": "text/event-stream", **({"last-event-id": self._cursor} if self._cursor else {})},
            stream=True,
        )

    def hear(self, said: ServerSentEvent) -> Event | Gap | None:
        """What a message tells; None when it is nothing for the listener."""
        self._has_begun = True
        self._pause = 0.0
        if said.id:
            self._cursor = said.id
        if not said.data:
            return None
        words = said.json()
        match said.event:
            case "message":
                return _event(said.id, words)
            case "gap":
                return Gap(said.id, words["detail"])
            case "end":
                log.debug("the live feed ends and is asked for again: %s", words)
        return None

    def pause_after(self, error: Exception | None) -> float:
        """Seconds before the feed is asked for again, since it has ended or failed. Raises errors that will stay."""
        if isinstance(error, AssayError) and not self._may_pass(error):
            raise error
        if error is not None:
            log.log(
                logging.DEBUG if self._pause else logging.WARNING, "the live feed broke off (%s); it will go on", error
            )
        self._pause = min(max(self._pause * 2, _FIRST_PAUSE), _LONGEST_PAUSE)
        return random.uniform(self._pause / 2, self._pause)  # noqa: S311

    def _may_pass(self, error: AssayError) -> bool:
        """Whether a failure may be over later; a feed that never began is not waited for."""
        if isinstance(error, Problem):
            return error.status >= HTTPStatus.INTERNAL_SERVER_ERROR or error.status == HTTPStatus.TOO_MANY_REQUESTS
        return isinstance(error, Unreachable) and self._has_begun


def follow(transport: Transport, topics: Sequence[str], after: str | None) -> Iterator[Event | Gap]:
    """Everything from now on, or from `after` on, whatever becomes of the connection."""
    following = Following(topics, after)
    while True:
        failure: Exception | None = None
        try:
            with closing(transport.send(following.call())) as answer:
                for said in EventSource(answer).iter_sse():
                    heard = following.hear(said)
                    if heard is not None:
                        yield heard
        except (AssayError, httpx.TransportError) as error:
            failure = error
        transport.wait(following.pause_after(failure))


def _event(cursor: str, words: dict[str, Any]) -> Event:
    moment = datetime.fromisoformat(words["time"])
    return Event(cursor, words["id"], words["type"], words["source"], moment, words["subject"], words["data"])
