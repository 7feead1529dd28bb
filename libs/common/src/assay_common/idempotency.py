"""A call that is repeated takes effect once: its key is stored in the transaction of its effect.

The gateway names a request by a key (gRPC metadata `x-idempotency-key`). An RPC that may not simply be called twice
puts the key into the inbox together with the first thing that it writes; where it is there already, nothing is done.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final
from uuid import UUID, uuid5

from assay_common.errors import Aborted
from assay_common.identity import current_principal

KEY_METADATA: Final = "x-idempotency-key"
MAX_CHARS: Final = 200

_NAMESPACE: Final = UUID("6d1d7f0e-3f0b-4b8e-9d43-5e0f3a1c7a55")


class IdempotentRequestDone(Aborted):
    """The same request was done before and its answer was lost; read the resource to see what it did."""


@dataclass(slots=True)
class Once:
    """The RPC that is being handled, and the key that it was called with."""

    rpc: str
    """Its path, `/package.Service/Method`."""
    key: str
    is_noted: bool = False
    """Whether the key was committed with an effect of this very call."""

    @property
    def consumer(self) -> str:
        """Under which name the inbox keeps the key."""
        return f"idempotency:{self.rpc}"

    @property
    def id(self) -> UUID:
        """The key of this caller; another caller's is another, whatever it reads."""
        caller = current_principal()
        owner = "" if caller is None else f"{caller.org_id}/{caller.subject}"
        return uuid5(_NAMESPACE, f"{owner}/{self.key}")


_calling: ContextVar[str | None] = ContextVar("idempotency_key", default=None)
_handling: ContextVar[Once | None] = ContextVar("once", default=None)


def key_of_calls() -> str | None:
    """The key that calls made now carry; None = none."""
    return _calling.get()


@contextmanager
def calling_once(key: str) -> Iterator[None]:
    """Let every call inside the block carry the key."""
    token = _calling.set(key)
    try:
        yield
    finally:
        _calling.reset(token)


def current_once() -> Once | None:
    """What the current RPC may do only once; None when it may be repeated or nobody asked."""
    return _handling.get()


def handle_once(value: Once | None) -> None:
    """Say so for the rest of the current task; for servers, which run each request as a task."""
    _handling.set(value)
