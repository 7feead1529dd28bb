"""Pages of a list, in the order of ids, which is the order of creation."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from uuid import UUID

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PageRequest:
    """At most `size` entries behind the id `after`."""

    size: int
    after: UUID | None = None

    @property
    def probe(self) -> int:
        """How many rows to read: one more than fit tells whether there is another page."""
        return self.size + 1


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some entries of a list, and the id behind which the next ones come (None at the end)."""

    items: Sequence[T]
    next_after: UUID | None = None


def page_of(probed: Sequence[T], request: PageRequest, id_of: Callable[[T], UUID]) -> Page[T]:
    """Make a page of at most `request.probe` rows that were read for it."""
    items = probed[: request.size]
    return Page(items, id_of(items[-1]) if len(probed) > len(items) else None)
