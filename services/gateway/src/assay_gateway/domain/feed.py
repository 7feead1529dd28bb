"""The live feed: one event as clients see it, which of them somebody wants, and who may see it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final
from uuid import UUID

from assay_common.errors import InvalidArgument, Violation
from assay_common.identity import Principal
from assay_common.visibility import Action, Visibility, may, relations_of
from assay_gateway.domain.cursor import Cursor
from assay_protos import topics

TOPICS: Final = tuple(sorted((topic for topic in topics.ALL if topic.is_event_stream), key=lambda topic: topic.name))
"""The topics of the feed, in the order of the positions of a cursor."""

_NEEDED: Final[dict[str, str | None]] = {
    "assay.prompt.": "prompts:read",
    "assay.evaluation.v1.Dataset": "datasets:read",
    "assay.evaluation.": "evaluations:read",
    "assay.audit.v1.Repository": "repositories:read",
    "assay.audit.": "audits:read",
    "assay.auth.v1.ApiKey": "api-keys:read",
    "assay.auth.v1.Invitation": "members:read",
    "assay.auth.v1.Member": "members:read",
    "assay.auth.v1.Organisation": "organisations:read",
    "assay.auth.v1.OwnershipTransferred": "members:read",
    "assay.auth.v1.ServiceAccount": "service-accounts:read",
    "assay.auth.v1.Team": "teams:read",
}
"""The permission that reading the same fact by request would need, by the start of the type; the longest counts. What
happens to a person beside their organisations is nobody's to hear."""


def permission_to_see(event_type: str) -> str | None:
    """The permission that a listener needs; None for an event that nobody may see by this way."""
    starts = [start for start in _NEEDED if event_type.startswith(start)]
    return _NEEDED[max(starts, key=len)] if starts else None


_PERMISSIONS: Final = {message: permission_to_see(message) for topic in TOPICS for message in topic.messages}


@dataclass(frozen=True, slots=True)
class Place:
    """Where an event lies: the topic by its number in TOPICS, partition and offset."""

    topic: int
    partition: int
    offset: int


@dataclass(frozen=True)
class FeedEvent:
    """One event of one organisation. How it reads is worked out when the first listener is told, once for all."""

    org_id: UUID
    type: str
    """Full protobuf name of the message."""
    place: Place
    size: int
    """Bytes that it takes while it is kept, roughly."""
    show: Callable[[], dict[str, Any]] = field(repr=False)
    """Makes the JSON object that clients see."""
    write: Callable[[dict[str, Any]], bytes] = field(repr=False)
    """Writes JSON."""
    private_to: UUID | None = None
    """Who alone may be told, beside the organisation's owners and administrators."""
    prompt: frozenset[str] = frozenset()
    """Id and name of the prompt it is about, as far as it says so."""
    repository: frozenset[str] = frozenset()
    """Id and name of the repository it is about, as far as it says so."""

    @cached_property
    def shown(self) -> dict[str, Any]:
        """The JSON object that clients see."""
        return self.show()

    @cached_property
    def body(self) -> str:
        """The same as text."""
        return self.write(self.shown).decode()


class UnknownTopic(InvalidArgument):
    """Somebody wants to hear of something that does not exist."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which types of events a listener asked for; None = all."""

    types: frozenset[str] | None = None

    @classmethod
    def named(cls, names: Iterable[str]) -> Wanted:
        """The events of these topics ("prompt" or "assay.prompt.events") and of these types; none named = all.

        Raises UnknownTopic.
        """
        found = [_types(name) for name in names]
        return cls(frozenset().union(*found)) if found else cls()

    def __contains__(self, event_type: str) -> bool:
        return self.types is None or event_type in self.types

    def plus(self, other: Wanted) -> Wanted:
        """With the other; who never said what they want gets only what they say now."""
        return other if self.types is None or other.types is None else Wanted(self.types | other.types)

    def minus(self, other: Wanted) -> Wanted:
        """Without the other."""
        mine, theirs = (frozenset(_PERMISSIONS) if each.types is None else each.types for each in (self, other))
        return Wanted(mine - theirs)

    def names(self) -> list[str]:
        """In words: topics where all of their types are wanted, else the types."""
        if self.types is None:
            return [topic.owner for topic in TOPICS]
        named = []
        for topic in TOPICS:
            wanted = [message for message in topic.messages if message in self.types]
            named += [topic.owner] if len(wanted) == len(topic.messages) else wanted
        return named


_NAMED: Final[dict[str, frozenset[str]]] = {
    name: frozenset(topic.messages) for topic in TOPICS for name in (topic.name, topic.owner)
}


def _types(name: str) -> frozenset[str]:
    if name in _PERMISSIONS:
        return frozenset({name})
    types = _NAMED.get(name)
    if types is None:
        problem = f"no topic or event is called {name[:100]!r}"
        raise UnknownTopic(problem, Violation("topics", problem))
    return types


def may_see(event: FeedEvent, caller: Principal) -> bool:
    """Whether somebody may be told of `event`: as if they asked for the thing it is about.

    A key that is limited to prompts or repositories hears only of those, and of nothing that leaves open which one it
    is about.
    """
    if event.org_id != caller.org_id or _PERMISSIONS.get(event.type) not in caller.permissions:
        return False
    if caller.prompts is not None and event.prompt and not caller.may_touch_prompt(*event.prompt):
        return False
    if caller.repositories is not None and event.repository and not caller.may_touch_repository(*event.repository):
        return False
    if event.private_to is None:
        return True
    return may(relations_of(caller, event.org_id, event.private_to), Action.READ, Visibility.PRIVATE)


@dataclass(frozen=True, eq=False)
class Told:
    """What listeners are told: an event, and where who has heard it stands."""

    event: FeedEvent
    cursor: Cursor
