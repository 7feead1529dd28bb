"""Prompts, their versions, labels and history."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, JsonValue, model_validator

from assay_gateway.entrypoints.http.schemas.base import Body, JsonObject, PageOf, Part, Shown
from assay_gateway.entrypoints.http.schemas.words import (
    VISIBILITY,
    Description,
    Digest,
    Etag,
    GivenDescription,
    GivenLabelName,
    GivenResourceName,
    Id,
    LabelName,
    ResourceName,
    UserId,
    VersionNumber,
    Visibility,
)

_CHAT: JsonValue = {"chat": {"messages": [{"role": "user", "content": "{{ question }}"}]}}


class Label(Shown):
    """A name that points at a version."""

    name: LabelName
    version: int
    updated_at: datetime | None
    etag: Etag


class Prompt(Shown):
    """A named prompt."""

    id: Id
    name: ResourceName
    description: Description
    latest_version: Annotated[int, Field(description="0 = no version yet.")]
    labels: list[Label]
    created_at: datetime | None
    updated_at: datetime | None
    created_by: UserId
    visibility: Annotated[Visibility | None, Field(description=VISIBILITY, examples=["organisation"])]
    etag: Annotated[Etag, Field(description="Changes with description, visibility, versions and labels.")]
    organisation_id: Annotated[Id, Field(description="Not the caller's when the prompt is another's and public.")]


class PromptPage(PageOf[Prompt]):
    """Prompts of the organisation, newest first."""


class NewPrompt(Body):
    """The prompt to create."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"name": "support-triage"}, {"name": "support-triage", "visibility": "private"}]
        }
    )

    name: GivenResourceName
    description: GivenDescription = ""
    visibility: Annotated[Visibility | None, Field(description=f"{VISIBILITY} Absent = the organisation.")] = None


class PromptChange(Body):
    """What shall change; what is absent stays."""

    description: GivenDescription | None = None
    visibility: Annotated[Visibility | None, Field(description=VISIBILITY)] = None


class ChatMessage(Shown):
    """One message of a conversation."""

    role: Annotated[str, Field(examples=["user"])]
    content: Annotated[str, Field(examples=["Is water wet?"])]


class Chat(Shown):
    """A conversation."""

    messages: list[ChatMessage]


class Content(Shown):
    """What is sent to a language model, with {{ variables }}; one of the two is null."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"text": "Answer in one word: {{ question }}", "chat": None}]}
    )

    text: Annotated[str | None, Field(description="One text, sent as the user's message.")]
    chat: Chat | None


class NewChatMessage(Part):
    """One message of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: Annotated[str, Field(examples=["{{ question }}"])]


class NewChat(Part):
    """A conversation."""

    messages: Annotated[list[NewChatMessage], Field(min_length=1, max_length=100)]


class NewContent(Part):
    """What is sent to a language model, with {{ variables }}: either text or chat."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "Answer in one word: {{ question }}"}, _CHAT]})

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
    commit_message: Annotated[str, Field(max_length=2_000)] = ""


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
                    "visibility": "organisation",
                }
            ]
        }
    )

    prompt_id: Id
    prompt_name: ResourceName
    number: int
    content: Content
    content_hash: Annotated[Digest, Field(description="sha256: and the digest of the canonical content (RFC 8785).")]
    commit_message: str
    variables: list[str]
    created_at: datetime | None
    created_by: UserId
    labels: Annotated[list[LabelName], Field(description="The labels that point here now.")]
    visibility: Annotated[Visibility | None, Field(description="The prompt's.")]


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

    label: GivenLabelName | None = None
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

    event_id: Id
    type: Annotated[str, Field(examples=["assay.prompt.v1.VersionPublished"])]
    occurred_at: datetime | None
    actor: UserId
    data: Annotated[dict[str, Any] | None, Field(examples=[{"label": "production", "version": 2}])]


class HistoryPage(PageOf[HistoryEntry]):
    """What happened to a prompt, oldest first."""
