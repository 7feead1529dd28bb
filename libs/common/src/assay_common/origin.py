"""Where a request came from: the client's network address and what it calls itself, carried from service to service."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

ADDRESS_METADATA: Final = "x-client-address"
USER_AGENT_METADATA: Final = "x-client-user-agent"
MAX_CHARS: Final = 200


@dataclass(frozen=True, slots=True)
class Origin:
    """The client at the far end; empty = not known."""

    address: str = ""
    user_agent: str = ""

    def to_metadata(self) -> list[tuple[str, str]]:
        """gRPC metadata, which takes printable ASCII only."""
        named = ((ADDRESS_METADATA, self.address), (USER_AGENT_METADATA, self.user_agent))
        return [(name, _printable(value)) for name, value in named if value]

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str]) -> "Origin":
        """What the calling service said."""
        return cls(metadata.get(ADDRESS_METADATA, "")[:MAX_CHARS], metadata.get(USER_AGENT_METADATA, "")[:MAX_CHARS])


UNKNOWN: Final = Origin()

_current: ContextVar[Origin] = ContextVar("origin", default=UNKNOWN)


def origin() -> Origin:
    """Where the current work comes from."""
    return _current.get()


def originate(value: Origin) -> None:
    """Make `value` the origin of the rest of the current task; for servers, which run each request as a task."""
    _current.set(value)


@contextmanager
def originating(value: Origin) -> Iterator[None]:
    """Make `value` the origin of everything inside the block."""
    token = _current.set(value)
    try:
        yield
    finally:
        _current.reset(token)


def _printable(text: str) -> str:
    return "".join(character if " " <= character <= "~" else "?" for character in text)[:MAX_CHARS]
