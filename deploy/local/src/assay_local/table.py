"""The processes of the suite, as data. A seventh service is one more entry."""

from dataclasses import dataclass
from typing import Literal

Role = Literal["serve", "work"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One process of a service."""

    name: str
    service: str
    """Names its schema, its login and its gRPC target."""
    module: str
    role: Role = "serve"
    needs: tuple[str, ...] = ()
    """Components, and the services that it calls."""
    stateless: bool = False
    """Owns no schema: nothing to migrate."""


TOPICS_MODULE = "assay_common.kafka.topics"
"""Makes the topics of the contracts; run once Kafka is ready, before the first service."""

_STORE = ("postgres", "kafka")

SUITE = (
    Entry("auth", "auth", "assay_auth", needs=_STORE),
    Entry("prompt", "prompt", "assay_prompt", needs=(*_STORE, "auth")),
    Entry("evaluation", "evaluation", "assay_evaluation", needs=(*_STORE, "model", "auth", "prompt")),
    Entry("evaluation-work", "evaluation", "assay_evaluation", "work", needs=(*_STORE, "model", "auth", "prompt")),
    Entry("audit", "audit", "assay_audit", needs=(*_STORE, "auth")),
    Entry("audit-work", "audit", "assay_audit", "work", needs=(*_STORE, "auth")),
    Entry("analytics", "analytics", "assay_analytics", needs=(*_STORE, "auth")),
    Entry(
        "gateway",
        "gateway",
        "assay_gateway",
        needs=("kafka", "valkey", "auth", "prompt", "evaluation", "audit", "analytics"),
        stateless=True,
    ),
)


def with_needs(names: set[str], table: tuple[Entry, ...]) -> set[str]:
    """The names and, transitively, all they need.

    Raises:
        KeyError: a name is neither in the table nor needed by an entry of it.
    """
    entries = {entry.name: entry for entry in table}
    known = set(entries) | {need for entry in table for need in entry.needs}
    if unknown := names - known:
        raise KeyError(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(sorted(known))}")
    wanted = set(names)
    while more := {need for name in wanted if name in entries for need in entries[name].needs} - wanted:
        wanted |= more
    return wanted
