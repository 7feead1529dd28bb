"""How long the current RPC may still take, so that the calls it makes do not outlive it."""

import asyncio
from contextvars import ContextVar

_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)


def set_deadline(seconds: float | None) -> None:
    """Say, at the start of an RPC, how many seconds it has (None: no limit)."""
    _deadline.set(None if seconds is None else asyncio.get_running_loop().time() + seconds)


def time_left() -> float | None:
    """Seconds left for the current RPC (never negative), or None outside an RPC and in one without a deadline."""
    deadline = _deadline.get()
    return None if deadline is None else max(0.0, deadline - asyncio.get_running_loop().time())
