"""Prompts, their versions, labels and history."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, JsonValue, model_validator

from assay_gateway.entrypoints.http.schemas.base import Body, JsonObject, PageOf, Part, Shown, VersionNumber

_CHAT: JsonValue = {"chat": {"messages": [{"role": "user", "content": "{{ question }}"}]}}


class Label(Shown):
    """A name that points at a version."""

    name: str
    version: int
    updated_at: datetime | None


class Prompt(Shown):
    """A named prompt."""

    id: str
    name: str
    description: str
    latest_version: Annotated[int, Field(description="0 = no version yet.")]
    labels: list[Label]
    created_at: datetime | None
    updated_at: datetime | None
    created_by: str


class PromptPage(PageOf[Prompt]):
    """Prompts of the organisation, newest first."""


class NewPrompt(Body):
    """The prompt to create."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "support-triage"}]})

    name: Annotated[str, Field(description="Lower-case letters, digits, '-', '_' and '.'; unique in the organisation.")]
    description: str = ""


class ChatMessage(Shown):
    """One message of a conversation."""

    role: str
    content: str


class Chat(Shown):
    """A conversation."""

    messages: list[ChatMessage]


class Content(Shown):
    """What is sent to a language model, with {{ variables }}; one of the two is null."""

    text: Annotated[str | None, Field(description="One text, sent as the user's message.")]
    chat: Chat | None


class NewChatMessage(Part):
    """One message of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


class NewChat(Part):
    """A conversation."""

    messages: list[NewChatMessage]


class NewContent(Part):
    """What is sent to a language model, with {{ variables }}: either text or chat."""

    text: str | None = None
    chat: NewChat | None = None

    @model_validator(mode="after")
    def _is_one_of_the_two(self) -> NewContent:
        if (self.text is None) == (self.chat is None):
            raise ValueError("must have either text or chat")
        return self


class NewVersion(Body):
    """The version to append."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"content": {"text": "Answer in one word: {{ question }}"}, "commit_message": "Ask for one word"},
                {"content": _CHAT, "commit_message": "Make it a conversation"},
            ]
        }
    )

    content: NewContent
    commit_message: str = ""


class Version(Shown):
    """One immutable version of a prompt."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "prompt_id": "0199f3d2-8b1e-7c4a-9d35-2f6c1e7a8b90",
                    "prompt_name": "support-triage",
                    "number": 2,
                    "content": {"text": "Answer in one word: {{ question }}", "chat": None},
                    "content_hash": "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                    "commit_message": "Ask for one word",
                    "variables": ["question"],
                    "created_at": "2026-03-01T09:30:00Z",
                    "created_by": "0199f3d2-7a10-7e0c-8d55-6a1b5c3d2e1f",
                    "labels": ["production"],
                }
            ]
        }
    )

    prompt_id: str
    prompt_name: str
    number: int
    content: Content
    content_hash: Annotated[str, Field(description="sha256: and the digest of the canonical content (RFC 8785).")]
    commit_message: str
    variables: list[str]
    created_at: datetime | None
    created_by: str
    labels: Annotated[list[str], Field(description="The labels that point here now.")]


class VersionPage(PageOf[Version]):
    """Versions of a prompt, newest first."""


class NewLabel(Body):
    """The version that a label shall point at."""

    version: VersionNumber


class RenderRequest(Body):
    """A version, by label or number or neither (the newest), and values for its variables."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"label": "production", "variables": {"question": "Is water wet?"}}]}
    )

    label: str | None = None
    version: VersionNumber | None = None
    variables: JsonObject = Field(default_factory=dict)

    @model_validator(mode="after")
    def _names_one_version(self) -> RenderRequest:
        if self.label is not None and self.version is not None:
            raise ValueError("name a label or a version, not both")
        return self


class Rendered(Shown):
    """The messages to send."""

    version: Version
    messages: list[ChatMessage]


class HistoryEntry(Shown):
    """One event of a prompt."""

    event_id: str
    type: Annotated[str, Field(examples=["assay.prompt.v1.VersionPublished"])]
    occurred_at: datetime | None
    actor: str
    data: dict[str, Any] | None


class HistoryPage(PageOf[HistoryEntry]):
    """What happened to a prompt, oldest first."""
