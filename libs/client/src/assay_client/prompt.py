"""A prompt's version as a program uses it: what it says, how sure that is, and its variables filled in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from assay_client.errors import MissingVariables
from assay_client.models import ChatMessage, Version

if TYPE_CHECKING:
    from jinja2 import Template


@dataclass(frozen=True, slots=True)
class Prompt:
    """One version of a prompt, and how old that knowledge is."""

    version: Version
    """As the API says it."""
    confirmed_at: datetime
    """When the gateway last said that this is the version."""
    age_seconds: float
    """Since then."""
    is_stale: bool
    """Older than the cache keeps things fresh: another version may stand there by now."""

    @property
    def name(self) -> str:
        """Of the prompt."""
        return self.version["prompt_name"]

    @property
    def number(self) -> int:
        """Of the version."""
        return self.version["number"]

    @property
    def text(self) -> str | None:
        """What it says, with `{{ variables }}`; None for a conversation."""
        return self.version["content"]["text"]

    @property
    def messages(self) -> list[ChatMessage]:
        """The conversation, with `{{ variables }}`; a text is one message of the user."""
        content = self.version["content"]
        if content["chat"] is not None:
            return [{"role": each["role"], "content": each["content"]} for each in content["chat"]["messages"]]
        return [{"role": "user", "content": content["text"] or ""}]

    @property
    def variables(self) -> list[str]:
        """What it must be given to be rendered."""
        return self.version["variables"]

    def render(self, values: Mapping[str, Any] | None = None, **more: Any) -> list[ChatMessage]:
        """The messages with their variables filled in, as the service does it, without asking it.

        Texts are taken as they are, any other value as compact JSON. Raises MissingVariables.
        """
        given = {**(values or {}), **more}
        missing = tuple(name for name in self.variables if name not in given)
        if missing:
            raise MissingVariables(missing)
        texts = {name: _text(given[name]) for name in self.variables}
        return [{**each, "content": _compiled(each["content"]).render(texts)} for each in self.messages]


@lru_cache(maxsize=256)
def _compiled(source: str) -> Template:
    # Jinja takes longer to import than most programs need for all else here.
    from jinja2 import StrictUndefined  # noqa: PLC0415
    from jinja2.sandbox import ImmutableSandboxedEnvironment  # noqa: PLC0415

    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True)
    environment.globals.clear()
    return environment.from_string(source)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(_with_integers(value), ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _with_integers(value: Any) -> Any:
    """Whole numbers without a fraction: JSON makes no difference between 2 and 2.0, and the service writes 2."""
    match value:
        case Mapping():
            return {name: _with_integers(item) for name, item in value.items()}
        case list() | tuple():
            return [_with_integers(item) for item in value]
        case float() if value.is_integer():
            return int(value)
        case _:
            return value
