"""Batches of ids: what reads many things at once, for whoever would else ask for one after the other."""

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from assay_common.errors import InvalidArgument, Violation

MAX_BATCH: Final = 200


class BatchTooLarge(InvalidArgument):
    """More was asked for at once than is answered at once."""


def ids_in(field: str, values: Iterable[str]) -> list[UUID]:
    """The different ids among these texts; what is no id is the id of nothing, and left out.

    Raises:
        BatchTooLarge: there are more than MAX_BATCH of them.
    """
    asked = list(dict.fromkeys(values))
    if len(asked) > MAX_BATCH:
        problem = Violation(field, f"{len(asked)} are too many")
        raise BatchTooLarge(f"at most {MAX_BATCH} are answered at once; ask again for the rest", problem)
    return [found for found in map(_id, asked) if found is not None]


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
