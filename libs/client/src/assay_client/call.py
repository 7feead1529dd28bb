"""One operation as it is to be sent, whoever sends it."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias
from urllib.parse import quote
from uuid import uuid4

import httpx

Content: TypeAlias = "bytes | Iterable[bytes] | AsyncIterable[bytes]"
"""A file: whole, or in pieces (of an asynchronous client, also in asynchronous pieces). Pieces cannot be sent twice."""

UPLOAD_TIMEOUT: Final = httpx.Timeout(900, connect=5)
STREAM_TIMEOUT: Final = httpx.Timeout(60, connect=5)
"""Between two pieces; the live feed says something every 15 seconds."""
_SAFE: Final = frozenset({"GET", "PUT", "DELETE"})
"""Methods that may be sent twice: the second time changes nothing (RFC 9110, section 9.2.2)."""


@dataclass(frozen=True, slots=True)
class Call:
    """An operation: method, path with a `{}` for each name, and what goes with it."""

    method: str
    path: str
    names: tuple[str, ...] = ()
    query: Mapping[str, Any] = field(default_factory=dict)
    """Parameters that are None are left out."""
    body: Any = None
    """Anything that JSON can say; None = no body."""
    content: Content | None = None
    media_type: str | None = None
    etag: str | None = None
    """The state a change was decided on; a resource that was changed meanwhile stays as it is (412)."""
    idempotency_key: str | None = None
    signed: bool = True
    """Whether the caller's token or key goes along."""
    form: Mapping[str, str] | None = None
    """The body as an HTML form has it, for OAuth."""
    more_headers: Mapping[str, str] = field(default_factory=dict)
    stream: bool = False
    """Whether the answer is read piece by piece; whoever sends the call closes it."""
    attempts: int = 4
    """How often it is sent at most."""

    @property
    def url(self) -> str:
        """The path, its names quoted."""
        return self.path.format(*(quote(name, safe="") for name in self.names))

    @property
    def can_be_sent_again(self) -> bool:
        """Whether its body is still there after an attempt."""
        return self.content is None or isinstance(self.content, bytes)

    @property
    def is_repeatable(self) -> bool:
        """Whether it may be sent again when nobody knows what became of it."""
        if not self.can_be_sent_again:
            return False
        return self.method in _SAFE or self.etag is not None or (self.method == "POST" and self.signed)

    def headers(self) -> dict[str, str]:
        """The headers of every attempt: a POST carries a key, so that it has its effect once."""
        headers = dict(self.more_headers)
        if self.media_type is not None:
            headers["content-type"] = self.media_type
        if self.etag is not None:
            headers["if-match"] = f'"{self.etag}"'
        if self.method == "POST" and self.signed:
            headers["idempotency-key"] = self.idempotency_key or uuid4().hex
        elif self.idempotency_key is not None:
            headers["idempotency-key"] = self.idempotency_key
        return headers

    def options(self) -> dict[str, Any]:
        """What httpx is told beside method, URL and headers."""
        present = {name: _text(value) for name, value in self.query.items() if value is not None}
        options: dict[str, Any] = {"params": present}
        if self.body is not None:
            options["json"] = self.body
        if self.form is not None:
            options["data"] = self.form
        if self.stream:
            options["timeout"] = STREAM_TIMEOUT
        if self.content is not None:
            options |= {"content": self.content, "timeout": UPLOAD_TIMEOUT}
        return options


def _text(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value
