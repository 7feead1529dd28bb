"""What the domain knows, as the messages of the contract: for answers and for events alike."""

from __future__ import annotations

from typing import Final

from google.protobuf.message import Message

from assay.prompt.v1 import events_pb2, prompts_pb2
from assay.type.v1 import visibility_pb2
from assay_common.visibility import Visibility
from assay_prompt.application.ports import HistoryEntry
from assay_prompt.domain.content import Content
from assay_prompt.domain.prompt import (
    Event,
    Label,
    LabelMoved,
    LabelRemoved,
    Prompt,
    PromptCreated,
    PromptUpdated,
    Version,
    VersionPublished,
)
from assay_prompt.domain.rendering import Rendering

VISIBILITIES: Final = {
    Visibility.PRIVATE: visibility_pb2.VISIBILITY_PRIVATE,
    Visibility.ORGANISATION: visibility_pb2.VISIBILITY_ORGANISATION,
    Visibility.PUBLIC: visibility_pb2.VISIBILITY_PUBLIC,
}
"""How the contract spells each visibility."""


def event_message(prompt: Prompt, event: Event) -> Message:
    """The message that announces an event of a prompt."""
    prompt_id = str(prompt.id)
    match event:
        case PromptCreated():
            return events_pb2.PromptCreated(
                prompt_id=prompt_id,
                name=event.name,
                description=event.description,
                visibility=VISIBILITIES[event.visibility],
            )
        case VersionPublished():
            return events_pb2.VersionPublished(
                prompt_id=prompt_id, name=prompt.name, version=version_message(event.version)
            )
        case LabelMoved():
            return events_pb2.LabelMoved(
                prompt_id=prompt_id,
                name=prompt.name,
                label=event.label.name,
                version=event.label.version,
                previous_version=event.previous_version,
                gate_decision_id=str(event.gate_decision_id or ""),
            )
        case LabelRemoved():
            return events_pb2.LabelRemoved(
                prompt_id=prompt_id, name=prompt.name, label=event.label, version=event.version
            )
        case PromptUpdated():
            return events_pb2.PromptUpdated(
                prompt_id=prompt_id, description=event.description, visibility=VISIBILITIES[event.visibility]
            )


def version_message(version: Version) -> prompts_pb2.Version:
    """A version as the contract's message."""
    message = prompts_pb2.Version(
        prompt_id=str(version.prompt_id),
        prompt_name=version.prompt_name,
        number=version.number,
        content=content_message(version.content),
        content_hash=version.content_hash,
        commit_message=version.commit_message,
        variables=version.variables,
        created_by=str(version.created_by),
        labels=version.labels,
        visibility=VISIBILITIES[version.visibility],
    )
    message.created_at.FromDatetime(version.created_at)
    return message


def content_message(content: Content) -> prompts_pb2.Content:
    """A content as the contract's message."""
    if content.is_text:
        return prompts_pb2.Content(text=content.messages[0].content)
    messages = [prompts_pb2.ChatMessage(role=item.role, content=item.content) for item in content.messages]
    return prompts_pb2.Content(chat=prompts_pb2.Chat(messages=messages))


def prompt_message(prompt: Prompt) -> prompts_pb2.Prompt:
    """A prompt as the contract's message."""
    message = prompts_pb2.Prompt(
        id=str(prompt.id),
        name=prompt.name,
        description=prompt.description,
        latest_version=prompt.latest_version,
        labels=[label_message(label) for _, label in sorted(prompt.labels.items())],
        created_by=str(prompt.created_by),
        visibility=VISIBILITIES[prompt.visibility],
        etag=prompt.etag,
        organisation_id=str(prompt.org_id),
    )
    message.created_at.FromDatetime(prompt.created_at)
    message.updated_at.FromDatetime(prompt.updated_at)
    return message


def label_message(label: Label) -> prompts_pb2.Label:
    """A label as the contract's message."""
    message = prompts_pb2.Label(name=label.name, version=label.version, etag=label.etag)
    message.updated_at.FromDatetime(label.updated_at)
    return message


def rendering_message(rendering: Rendering) -> prompts_pb2.Rendering:
    """A rendering as the contract's message."""
    messages = [prompts_pb2.ChatMessage(role=item.role, content=item.content) for item in rendering.messages]
    return prompts_pb2.Rendering(messages=messages, missing_variables=rendering.missing)


def history_message(entry: HistoryEntry) -> prompts_pb2.HistoryEntry:
    """An event of a prompt's history as the contract's message."""
    message = prompts_pb2.HistoryEntry(
        event_id=str(entry.event_id), type=entry.type, actor="" if entry.actor is None else str(entry.actor)
    )
    message.occurred_at.FromDatetime(entry.occurred_at)
    message.data.update(entry.data)
    return message
