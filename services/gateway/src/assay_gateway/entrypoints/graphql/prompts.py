"""Prompts and their versions."""

from __future__ import annotations

from typing import Annotated, Any

import strawberry

from assay.prompt.v1 import prompts_pb2 as pb
from assay_gateway.entrypoints.graphql.connections import (
    DEFAULT_FIRST,
    After,
    Connection,
    First,
    connection,
    page_arguments,
)
from assay_gateway.entrypoints.graphql.context import Info
from assay_gateway.entrypoints.graphql.scalars import DateTime, Visibility
from assay_gateway.messages import to_json

Root = strawberry.Parent[Any]


@strawberry.type(description="One message of a conversation.")
class ChatMessage:
    role: str
    content: str


@strawberry.type(description="A conversation.")
class Chat:
    messages: list[ChatMessage]


@strawberry.type(description="What is sent to a language model: a text or a chat.")
class Content:
    text: str | None
    chat: Chat | None


@strawberry.type(description="One immutable version of a prompt.")
class Version:
    prompt_id: strawberry.ID
    prompt_name: str
    number: int
    content: Content
    content_hash: str
    commit_message: str
    variables: list[str]
    labels: list[str]
    created_at: DateTime
    created_by: strawberry.ID


@strawberry.type(description="A name that points at a version.")
class Label:
    name: str
    version: int
    updated_at: DateTime


@strawberry.type(description="A named prompt.")
class Prompt:
    id: strawberry.ID
    name: str
    description: str
    visibility: Visibility
    labels: list[Label]
    created_at: DateTime
    updated_at: DateTime
    created_by: strawberry.ID

    @strawberry.field(description="The newest version; null when there is none yet.")
    async def latest_version(parent: Root, info: Info) -> Version | None:
        """By the loader."""
        if not parent["latest_version"]:
            return None
        return await info.context.loaders.versions.load((parent["id"], parent["latest_version"]))  # type: ignore[return-value]

    @strawberry.field(description="The version that a label points at; null when there is no such label.")
    async def labelled(parent: Root, info: Info, label: str) -> Version | None:
        """By the loader."""
        numbers = {each["name"]: each["version"] for each in parent["labels"]}
        if label not in numbers:
            return None
        return await info.context.loaders.versions.load((parent["id"], numbers[label]))  # type: ignore[return-value]


IdOrName = Annotated[str, strawberry.argument(description="Id or name.")]


@strawberry.type
class PromptQueries:
    @strawberry.field(description="One prompt.")
    async def prompt(self, info: Info, prompt: IdOrName) -> Prompt:
        """By the prompt service."""
        return to_json(await info.context.services.prompts.GetPrompt(pb.GetPromptRequest(prompt=prompt)))  # type: ignore[return-value]

    @strawberry.field(description="The organisation's prompts, newest first.")
    async def prompts(
        self, info: Info, name_prefix: str = "", first: First = DEFAULT_FIRST, after: After = None
    ) -> Connection[Prompt]:
        """By the prompt service."""
        request = pb.ListPromptsRequest(name_prefix=name_prefix, **page_arguments(first, after))
        found = await info.context.services.prompts.ListPrompts(request)
        return connection(found.prompts, found.next_page_token)  # type: ignore[no-any-return]

    @strawberry.field(description="A prompt's versions, newest first.")
    async def prompt_versions(
        self, info: Info, prompt: IdOrName, first: First = DEFAULT_FIRST, after: After = None
    ) -> Connection[Version]:
        """By the prompt service."""
        request = pb.ListVersionsRequest(prompt=prompt, **page_arguments(first, after))
        found = await info.context.services.prompts.ListVersions(request)
        return connection(found.versions, found.next_page_token)  # type: ignore[no-any-return]
