"""Reads an evaluator's configuration strictly: a wrong type or an unknown name is an error that says so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class ConfigError(ValueError):
    """What is wrong with a configuration, in words for whoever wrote it."""


class Config:
    """Hands out settings by name; `done` refuses the names that nobody asked for."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._left = dict(values)

    def flag(self, name: str, *, default: bool) -> bool:
        """A boolean."""
        value = self._left.pop(name, default)
        if not isinstance(value, bool):
            raise ConfigError(f"{name} must be true or false")
        return value

    def text(self, name: str, *, longest: int) -> str | None:
        """A text that is not empty, or None when it is absent."""
        value = self._left.pop(name, None)
        if value is None:
            return None
        if not isinstance(value, str) or not value:
            raise ConfigError(f"{name} must be a text that is not empty")
        if len(value) > longest:
            raise ConfigError(f"{name} is longer than {longest} characters")
        return value

    def mapping(self, name: str) -> dict[str, Any] | None:
        """An object, or None when it is absent."""
        value = self._left.pop(name, None)
        if value is not None and not isinstance(value, dict):
            raise ConfigError(f"{name} must be an object")
        return value

    def done(self) -> None:
        """Refuse what is left."""
        if self._left:
            raise ConfigError(f"unknown settings: {', '.join(sorted(self._left))}")
