"""Batches of ids: what reads many things at once, for whoever would else ask for one after the other."""

from collections.abc import Iterable
from typing import Final, TypeVar
from uuid import UUID

from assay_common.errors import InvalidArgument, Violation

T = TypeVar("T")

MAX_BATCH: Final = 200


class BatchTooLarge(InvalidArgument):
    """More was asked for at once than is answered at once."""


def distinct(field: str, values: Iterable[T]) -> list[T]:
    """The different ones of what was asked for, in their order.

    Raises:
        BatchTooLarge: there are more than MAX_BATCH of them.
    """
    asked = list(dict.fromkeys(values))
    if len(asked) > MAX_BATCH:
        problem = Violation(field, f"{len(asked)} are too many")
        raise BatchTooLarge(f"at most {MAX_BATCH} are answered at once; ask again for the rest", problem)
    return asked


def ids_in(field: str, values: Iterable[str]) -> list[UUID]:
    """The different ids among these texts; what is no id is the id of nothing, and left out.

    Raises:
        BatchTooLarge: there are more than MAX_BATCH of them.
    """
    return [found for found in map(id_in, distinct(field, values)) if found is not None]


def id_in(text: str) -> UUID | None:
    """The id that a text is, if it is one."""
    try:
        return UUID(text)
    except ValueError:
        return None
