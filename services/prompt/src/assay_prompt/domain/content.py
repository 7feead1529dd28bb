"""What is sent to a language model: one text, or a conversation."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import rfc8785

from assay_common.errors import Violation
from assay_prompt.domain import template
from assay_prompt.domain.errors import MalformedPrompt

MAX_CONTENT_BYTES = 256 * 1024
MAX_MESSAGES = 100

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation; its content may name variables."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Content:
    """Immutable content of a version. A text prompt is one user message, and remembers that it was a text."""

    messages: tuple[Message, ...]
    is_text: bool

    @classmethod
    def text(cls, text: str) -> Content:
        """A prompt of one text, sent as the user's message. Raises as `chat`."""
        return cls._checked((Message("user", text),), is_text=True)

    @classmethod
    def chat(cls, messages: tuple[tuple[str, str], ...]) -> Content:
        """A prompt of several messages, each a role and a text.

        Raises:
            MalformedPrompt: nothing in it, an unknown role, too many messages or bytes.
            UnsupportedTemplateSyntax: a message does more than name variables.
        """
        roles = get_args(Role)
        wrong = [
            Violation(f"content.chat.messages[{place}].role", f"{role!r} is none of {', '.join(roles)}")
            for place, (role, _) in enumerate(messages)
            if role not in roles
        ]
        if wrong:
            raise MalformedPrompt("a message has an unknown role", *wrong)
        return cls._checked(tuple(Message(role, text) for role, text in messages), is_text=False)  # type: ignore[arg-type]

    @classmethod
    def _checked(cls, messages: tuple[Message, ...], *, is_text: bool) -> Content:
        content = cls(messages, is_text)
        problems = content._problems()
        if problems:
            raise MalformedPrompt("the content cannot be published", *problems)
        content.variables()
        return content

    def _problems(self) -> list[Violation]:
        problems = []
        if not self.messages:
            problems.append(Violation("content", "has no message"))
        if len(self.messages) > MAX_MESSAGES:
            problems.append(Violation("content.chat.messages", f"more than {MAX_MESSAGES} messages"))
        if sum(len(message.content.encode()) for message in self.messages) > MAX_CONTENT_BYTES:
            problems.append(Violation("content", f"larger than {MAX_CONTENT_BYTES} bytes"))
        problems += [
            Violation(self._field(place), "is empty")
            for place, message in enumerate(self.messages)
            if not message.content.strip()
        ]
        return problems

    def _field(self, place: int) -> str:
        return "content.text" if self.is_text else f"content.chat.messages[{place}].content"

    def variables(self) -> tuple[str, ...]:
        """The variables it names, sorted. Raises UnsupportedTemplateSyntax."""
        named = [template.variables_of(message.content, self._field(i)) for i, message in enumerate(self.messages)]
        return tuple(sorted(frozenset().union(*named)))

    def as_json(self) -> dict[str, Any]:
        """The canonical form, as it is stored and hashed."""
        if self.is_text:
            return {"text": self.messages[0].content}
        return {"chat": [{"role": message.role, "content": message.content} for message in self.messages]}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Content:
        """Read `as_json` back; what was stored was checked when it was published."""
        if "text" in stored:
            return cls((Message("user", stored["text"]),), is_text=True)
        return cls(tuple(Message(item["role"], item["content"]) for item in stored["chat"]), is_text=False)

    def hash(self) -> str:
        """ "sha256:" and the hex digest of the canonical JSON (RFC 8785)."""
        return f"sha256:{hashlib.sha256(rfc8785.dumps(self.as_json())).hexdigest()}"

    def render(self, values: Mapping[str, Any]) -> tuple[Message, ...]:
        """Fill the variables in; every one of them must be among `values`."""
        return tuple(Message(message.role, template.render(message.content, values)) for message in self.messages)
