"""CloudEvents attributes as Kafka headers (the Kafka protocol binding of CloudEvents 1.0, binary mode)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

CONTENT_TYPE: Final = "application/protobuf"
SPEC_VERSION: Final = "1.0"

ADDRESSEE: Final = "for_consumer_group"
"""Header of a message that is meant for one consumer group, because the others have handled it before."""

Headers = tuple[tuple[str, bytes], ...]
"""Kafka headers: an ordered list of names and raw values; a name may repeat."""


class MalformedHeaders(ValueError):
    """The headers do not describe an event of ours; the message names the header."""


def addressee(headers: Iterable[tuple[str, bytes | None]]) -> str | None:
    """The only consumer group that a message is meant for; None = all of them."""
    for name, value in headers:
        if name == ADDRESSEE and value:
            return value.decode(errors="replace")
    return None


@dataclass(frozen=True, slots=True)
class CloudEvent:
    """Who says what about whom, and when; the message itself travels as the record's value."""

    id: UUID
    type: str
    """Full protobuf name of the message."""
    source: str
    """The service that published it."""
    time: datetime
    subject: str
    """The id of the aggregate it is about."""
    org_id: UUID | None = None
    traceparent: str | None = None
    request_id: str | None = None
    actor: str | None = None
    client_address: str | None = None
    """Network address of the client whose request caused it."""
    private_to: UUID | None = None
    """Who alone may be told, beside the organisation's owners and administrators; None = who may read such things."""

    def to_headers(self) -> Headers:
        """The Kafka headers that carry this event; attributes that are None are left out."""
        attributes = {
            "ce_specversion": SPEC_VERSION,
            "ce_id": str(self.id),
            "ce_type": self.type,
            "ce_source": self.source,
            "ce_time": self.time.isoformat(),
            "ce_subject": self.subject,
            "ce_orgid": str(self.org_id) if self.org_id else None,
            "ce_actor": self.actor,
            "ce_clientaddress": self.client_address,
            "ce_privateto": str(self.private_to) if self.private_to else None,
            "traceparent": self.traceparent,
            "request_id": self.request_id,
            "content-type": CONTENT_TYPE,
        }
        return tuple((name, value.encode()) for name, value in attributes.items() if value is not None)

    @classmethod
    def from_headers(cls, headers: Iterable[tuple[str, bytes | None]]) -> "CloudEvent":
        """Read the event back; raises MalformedHeaders when an attribute is missing or unreadable."""
        found = _Attributes(headers)
        if found.required("content-type") != CONTENT_TYPE:
            raise MalformedHeaders(f"content-type is {found.required('content-type')!r}, not {CONTENT_TYPE}")
        return cls(
            id=_uuid("ce_id", found.required("ce_id")),
            type=found.required("ce_type"),
            source=found.required("ce_source"),
            time=_time("ce_time", found.required("ce_time")),
            subject=found.required("ce_subject"),
            org_id=_uuid("ce_orgid", org) if (org := found.optional("ce_orgid")) else None,
            traceparent=found.optional("traceparent"),
            request_id=found.optional("request_id"),
            actor=found.optional("ce_actor"),
            client_address=found.optional("ce_clientaddress"),
            private_to=_uuid("ce_privateto", person) if (person := found.optional("ce_privateto")) else None,
        )


class _Attributes:
    """Headers as text by name; of a name that repeats, the last counts."""

    def __init__(self, headers: Iterable[tuple[str, bytes | None]]) -> None:
        self._raw = {name: value for name, value in headers if value is not None}

    def required(self, name: str) -> str:
        value = self.optional(name)
        if value is None:
            raise MalformedHeaders(f"header {name} is missing")
        return value

    def optional(self, name: str) -> str | None:
        value = self._raw.get(name)
        if value is None:
            return None
        try:
            return value.decode()
        except UnicodeDecodeError as error:
            raise MalformedHeaders(f"header {name} is not UTF-8") from error


def _uuid(name: str, text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise MalformedHeaders(f"header {name} is not a UUID: {text!r}") from error


def _time(name: str, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise MalformedHeaders(f"header {name} is not an RFC 3339 time: {text!r}") from error
    if moment.tzinfo is None:
        raise MalformedHeaders(f"header {name} has no time zone: {text!r}")
    return moment
