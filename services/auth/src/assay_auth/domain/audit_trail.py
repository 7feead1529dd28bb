"""The audit trail: who did what to what, from where, as one chain of hashes for each organisation."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import rfc8785

GENESIS: Final = bytes(32)
"""What the first entry's hash is built on."""

_TARGETS: Final[dict[str, str]] = {
    "assay.prompt.": "prompt",
    "assay.evaluation.v1.Dataset": "dataset",
    "assay.evaluation.v1.Run": "run",
    "assay.evaluation.v1.Comparison": "comparison",
    "assay.evaluation.v1.Gate": "gate_decision",
    "assay.evaluation.": "evaluation",
    "assay.audit.v1.Repository": "repository",
    "assay.audit.": "audit",
    "assay.auth.v1.ApiKey": "api_key",
    "assay.auth.v1.Invitation": "invitation",
    "assay.auth.v1.Team": "team",
    "assay.auth.v1.ServiceAccount": "service_account",
    "assay.auth.v1.Session": "session",
    "assay.auth.v1.Organisation": "organisation",
    "assay.auth.v1.Ownership": "organisation",
    "assay.auth.v1.Member": "organisation",
    "assay.auth.": "user",
}
"""What an event is about, by the start of its name; the longest counts."""


class ActorKind(StrEnum):
    """What sort of somebody did it."""

    USER = "user"
    API_KEY = "api_key"
    SYSTEM = "system"
    """The installation itself, or somebody who was not signed in."""


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that somebody did, not yet in a chain."""

    id: UUID
    """The event's id: a fact is in a chain once."""
    occurred_at: datetime
    actor: UUID | None
    actor_kind: ActorKind
    action: str
    """Name of the event."""
    target: str
    address: str
    request_id: str
    data: dict[str, Any]

    @property
    def target_kind(self) -> str:
        """What kind of thing it was done to."""
        return target_kind_of(self.action)


@dataclass(frozen=True, slots=True)
class Link:
    """The end of a chain: how many entries it has, and the hash of the last."""

    sequence: int
    hash: bytes


START: Final = Link(0, GENESIS)


@dataclass(frozen=True, slots=True)
class Entry:
    """A fact at its place in the chain of an organisation."""

    org_id: UUID
    sequence: int
    fact: Fact
    hash: bytes

    @property
    def link(self) -> Link:
        """The end of the chain that this entry makes."""
        return Link(self.sequence, self.hash)


class Problem(StrEnum):
    """What is wrong with a chain."""

    CHANGED = "changed"
    MISSING = "missing"
    TRUNCATED = "truncated"


@dataclass(frozen=True, slots=True)
class Verification:
    """What a look at a whole chain has found."""

    entries: int
    head_hash: bytes
    first_broken: int = 0
    problem: Problem | None = None


def target_kind_of(action: str) -> str:
    """What kind of thing an event is about."""
    starts = [start for start in _TARGETS if action.startswith(start)]
    return _TARGETS[max(starts, key=len)] if starts else "unknown"


def appended(org_id: UUID, end: Link, fact: Fact) -> Entry:
    """The entry that follows the chain's end."""
    sequence = end.sequence + 1
    return Entry(org_id, sequence, fact, hash_of(org_id, sequence, fact, end.hash))


def hash_of(org_id: UUID, sequence: int, fact: Fact, previous: bytes) -> bytes:
    """SHA-256 over the hash of the entry before and the entry in canonical JSON (RFC 8785)."""
    return hashlib.sha256(previous + canonical({"organisation": str(org_id), **as_json(sequence, fact)})).digest()


def as_json(sequence: int, fact: Fact) -> dict[str, Any]:
    """An entry as JSON shows it, without its hash."""
    return {
        "sequence": sequence,
        "id": str(fact.id),
        "occurred_at": fact.occurred_at.isoformat().replace("+00:00", "Z"),
        "actor": str(fact.actor) if fact.actor else "",
        "actor_kind": fact.actor_kind.value,
        "action": fact.action,
        "target_kind": fact.target_kind,
        "target": fact.target,
        "address": fact.address,
        "request_id": fact.request_id,
        "data": fact.data,
    }


def canonical(document: dict[str, Any]) -> bytes:
    """JSON of which there is one form only (RFC 8785)."""
    return bytes(rfc8785.dumps(document))


class ChainCheck:
    """Goes along a chain from its first entry and remembers the first thing that is wrong."""

    def __init__(self) -> None:
        self._end = START
        self._entries = 0
        self._found: tuple[int, Problem] | None = None

    def take(self, entry: Entry) -> None:
        """Look at the next entry that is stored."""
        self._entries += 1
        if self._found is None:
            expected = self._end.sequence + 1
            if entry.sequence != expected:
                self._found = (expected, Problem.MISSING)
            elif entry.hash != hash_of(entry.org_id, entry.sequence, entry.fact, self._end.hash):
                self._found = (entry.sequence, Problem.CHANGED)
        self._end = entry.link

    def result(self, head: Link) -> Verification:
        """What was found, given the end that was noted apart from the entries."""
        if self._found is None and head.sequence > self._end.sequence:
            self._found = (self._end.sequence + 1, Problem.TRUNCATED)
        if self._found is None and head != self._end:
            self._found = (self._end.sequence, Problem.CHANGED)
        if self._found is None:
            return Verification(self._entries, self._end.hash)
        return Verification(self._entries, self._end.hash, *self._found)
