"""Who may see a thing, as messages say it."""

from __future__ import annotations

from assay.type.v1 import visibility_pb2 as pb
from assay_gateway.entrypoints.http.schemas.words import Visibility
from assay_gateway.messages import numbers_of

_NUMBERS = numbers_of(pb.Visibility)


def number_of_visibility(word: Visibility | None) -> pb.Visibility.ValueType:
    """The number of a word; unspecified for none, which leaves it as it is."""
    return pb.VISIBILITY_UNSPECIFIED if word is None else _NUMBERS[word]
