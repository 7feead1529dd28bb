"""An answer that is kept for a request which may come again under the same Idempotency-Key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

NOT_KEPT: Final = frozenset({408, 429})
"""Refusals that say nothing about the request itself: it may be tried again under its key."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A finished HTTP answer, without the headers that belong to one exchange only."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def is_final(self) -> bool:
        """Whether a repetition must be given this answer rather than be tried anew."""
        return self.status < 500 and self.status not in NOT_KEPT
