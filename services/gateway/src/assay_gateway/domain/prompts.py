"""What a read of a prompt names, and the answer that is kept for it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Selector:
    """A version of a prompt as a caller names it; neither label nor version = the newest."""

    org_id: UUID
    prompt: str
    """Id or name."""
    label: str = ""
    version: int = 0


def matches(etag: bytes, if_none_match: bytes) -> bool:
    """Whether an If-None-Match names the tag (weak comparison, RFC 9110, section 13.1.2)."""
    if if_none_match == etag:
        return True
    candidates = (tag.strip().removeprefix(b"W/") for tag in if_none_match.split(b","))
    return any(tag in (b"*", etag) for tag in candidates)


@dataclass(frozen=True, slots=True)
class Document:
    """A finished HTTP answer."""

    body: bytes
    etag: bytes
    """A strong entity tag with its quotes (RFC 9110, section 8.8.3)."""

    def matches(self, if_none_match: bytes) -> bool:
        """Whether a client that sends this If-None-Match already has the body."""
        return matches(self.etag, if_none_match)


@dataclass(frozen=True, slots=True)
class ResolvedPrompt:
    """The version that a selector stood for when it was asked, and the prompt it belongs to."""

    prompt_id: str
    prompt_name: str
    document: Document
    shared: bool
    """Whether everybody in the organisation who may read prompts may have it; a private one is its creator's."""
