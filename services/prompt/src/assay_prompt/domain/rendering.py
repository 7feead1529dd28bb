"""Filling a version's variables in, for many sets of values at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay_common.errors import InvalidArgument, Violation
from assay_prompt.domain.content import Message
from assay_prompt.domain.prompt import Version

MAX_SETS = 1_000


class TooManyRenderings(InvalidArgument):
    """More sets of values than one request may bring."""


@dataclass(frozen=True, slots=True)
class Rendering:
    """The messages to send, or the variables that were missing (then there are no messages)."""

    messages: tuple[Message, ...] = ()
    missing: tuple[str, ...] = ()


def render_all(version: Version, sets: Sequence[Mapping[str, Any]]) -> list[Rendering]:
    """One rendering per set of values, in the same order.

    Raises:
        TooManyRenderings: more than MAX_SETS sets.
    """
    if len(sets) > MAX_SETS:
        problem = Violation("variables", f"{len(sets)} sets; at most {MAX_SETS} in one request")
        raise TooManyRenderings("too many sets of values", problem)
    return [_render(version, values) for values in sets]


def _render(version: Version, values: Mapping[str, Any]) -> Rendering:
    missing = tuple(name for name in version.variables if name not in values)
    if missing:
        return Rendering(missing=missing)
    return Rendering(messages=version.content.render(values))
