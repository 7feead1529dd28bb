"""What datasets and labels may be called, and how a request refers to one."""

from __future__ import annotations

import re
from uuid import UUID

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
_LABEL = re.compile(r"[a-z0-9][a-z0-9._-]{0,49}")
_RESERVED_LABELS = frozenset({"latest"})


def problem_with_name(name: str) -> str | None:
    """Why a thing cannot be called so, in words, or None when it can."""
    if not _NAME.fullmatch(name):
        return _form(100)
    if as_id(name) is not None:
        return "looks like an id; choose a name that does not"
    return None


def problem_with_label(label: str) -> str | None:
    """Why a label of a prompt cannot be called so, in words, or None when it can."""
    if not _LABEL.fullmatch(label):
        return _form(50)
    if label in _RESERVED_LABELS:
        return f"{label!r} is reserved"
    return None


def as_id(reference: str) -> UUID | None:
    """The id that a reference spells, or None when it is a name."""
    try:
        return UUID(reference)
    except ValueError:
        return None


def _form(length: int) -> str:
    return f"1 to {length} lower-case letters, digits, '-', '_' and '.', beginning with a letter or a digit"
