"""PromptService: translate in, call one use case, translate out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from google.protobuf import json_format
from google.protobuf.empty_pb2 import Empty
from grpc.aio import ServicerContext

from assay.prompt.v1 import prompts_pb2, prompts_pb2_grpc
from assay.type.v1 import visibility_pb2
from assay_common.batches import distinct, id_in, ids_in
from assay_common.errors import Violation
from assay_common.identity import principal
from assay_common.postgres.pages import cursor, cut, page_size
from assay_common.visibility import Visibility
from assay_prompt.application.create_prompt import CreatePrompt
from assay_prompt.application.ports import VersionName
from assay_prompt.application.publish_version import PublishVersion
from assay_prompt.application.read_prompts import (
    BatchGetPrompts,
    BatchGetVersions,
    GetPrompt,
    ListHistory,
    ListPrompts,
    ListVersions,
    RenderVersion,
    ResolveVersion,
    VersionReference,
)
from assay_prompt.application.set_label import RemoveLabel, SetLabel
from assay_prompt.application.update_prompt import UpdatePrompt
from assay_prompt.domain.content import Content
from assay_prompt.domain.errors import MalformedPrompt
from assay_prompt.messages import (
    VISIBILITIES,
    history_message,
    label_message,
    prompt_message,
    rendering_message,
    version_message,
)

Context = ServicerContext[Any, Any]

_BY_NUMBER = {number: visibility for visibility, number in VISIBILITIES.items()}


@dataclass(frozen=True, slots=True)
class PromptServicer(prompts_pb2_grpc.PromptServiceServicer):
    """The RPCs of assay.prompt.v1.PromptService; the proto says what each is for."""

    create_prompt: CreatePrompt
    get_prompt: GetPrompt
    list_prompts: ListPrompts
    batch_get_prompts: BatchGetPrompts
    batch_get_versions: BatchGetVersions
    update_prompt: UpdatePrompt
    publish_version: PublishVersion
    list_versions: ListVersions
    set_label: SetLabel
    remove_label: RemoveLabel
    resolve_version: ResolveVersion
    render_version: RenderVersion
    list_history: ListHistory

    async def CreatePrompt(self, request: prompts_pb2.CreatePromptRequest, context: Context) -> prompts_pb2.Prompt:
        """Create a prompt without versions."""
        visibility = _visibility(request.visibility) or Visibility.ORGANISATION
        return prompt_message(await self.create_prompt(principal(), request.name, request.description, visibility))

    async def GetPrompt(self, request: prompts_pb2.GetPromptRequest, context: Context) -> prompts_pb2.Prompt:
        """One prompt, by id or name."""
        return prompt_message(await self.get_prompt(principal(), _named(request.prompt)))

    async def ListPrompts(
        self, request: prompts_pb2.ListPromptsRequest, context: Context
    ) -> prompts_pb2.ListPromptsResponse:
        """A page of prompts, newest first."""
        size = page_size(request.page_size)
        after = cursor(request.page_token, UUID)
        found = await self.list_prompts(principal(), name_prefix=request.name_prefix, after=after, size=size)
        page, token = cut(found, size, lambda prompt: {"after": str(prompt.id)})
        return prompts_pb2.ListPromptsResponse(prompts=map(prompt_message, page), next_page_token=token)

    async def BatchGetPrompts(
        self, request: prompts_pb2.BatchGetPromptsRequest, context: Context
    ) -> prompts_pb2.BatchGetPromptsResponse:
        """Those of the prompts that the caller may see."""
        found = await self.batch_get_prompts(principal(), ids_in("ids", request.ids))
        return prompts_pb2.BatchGetPromptsResponse(prompts=map(prompt_message, found))

    async def BatchGetVersions(
        self, request: prompts_pb2.BatchGetVersionsRequest, context: Context
    ) -> prompts_pb2.BatchGetVersionsResponse:
        """Those of the versions that the caller may see."""
        found = await self.batch_get_versions(principal(), _version_names(request))
        return prompts_pb2.BatchGetVersionsResponse(versions=map(version_message, found))

    async def UpdatePrompt(self, request: prompts_pb2.UpdatePromptRequest, context: Context) -> prompts_pb2.Prompt:
        """Change description or visibility."""
        prompt = await self.update_prompt(
            principal(),
            _named(request.prompt),
            description=request.description if request.HasField("description") else None,
            visibility=_visibility(request.visibility),
            etag=request.etag,
        )
        return prompt_message(prompt)

    async def PublishVersion(self, request: prompts_pb2.PublishVersionRequest, context: Context) -> prompts_pb2.Version:
        """Append an immutable version."""
        version = await self.publish_version(
            principal(), _named(request.prompt), _content(request.content), request.commit_message
        )
        return version_message(version)

    async def ListVersions(
        self, request: prompts_pb2.ListVersionsRequest, context: Context
    ) -> prompts_pb2.ListVersionsResponse:
        """A page of versions, newest first."""
        size = page_size(request.page_size)
        below = cursor(request.page_token, int)
        found = await self.list_versions(principal(), _named(request.prompt), below=below, size=size)
        page, token = cut(found, size, lambda version: {"after": str(version.number)})
        return prompts_pb2.ListVersionsResponse(versions=map(version_message, page), next_page_token=token)

    async def SetLabel(self, request: prompts_pb2.SetLabelRequest, context: Context) -> prompts_pb2.Label:
        """Point a label at a version."""
        label = await self.set_label(
            principal(), _named(request.prompt), request.label, request.version, etag=request.etag
        )
        return label_message(label)

    async def RemoveLabel(self, request: prompts_pb2.RemoveLabelRequest, context: Context) -> Empty:
        """Take a label away."""
        await self.remove_label(principal(), _named(request.prompt), request.label, etag=request.etag)
        return Empty()

    async def ResolveVersion(self, request: prompts_pb2.ResolveVersionRequest, context: Context) -> prompts_pb2.Version:
        """The version that a label, a number or nothing stands for."""
        return version_message(await self.resolve_version(principal(), _reference(request)))

    async def RenderVersion(
        self, request: prompts_pb2.RenderVersionRequest, context: Context
    ) -> prompts_pb2.RenderVersionResponse:
        """A version with its variables filled in."""
        sets = [_with_integers(json_format.MessageToDict(values)) for values in request.variables]
        version, renderings = await self.render_version(principal(), _reference(request), sets)
        return prompts_pb2.RenderVersionResponse(
            version=version_message(version), renderings=map(rendering_message, renderings)
        )

    async def ListHistory(
        self, request: prompts_pb2.ListHistoryRequest, context: Context
    ) -> prompts_pb2.ListHistoryResponse:
        """A page of what happened to a prompt, oldest first."""
        size = page_size(request.page_size)
        after = cursor(request.page_token, int) or 0
        found = await self.list_history(principal(), _named(request.prompt), after=after, size=size)
        page, token = cut(found, size, lambda entry: {"after": str(entry.position)})
        return prompts_pb2.ListHistoryResponse(entries=map(history_message, page), next_page_token=token)


def _named(prompt: str) -> str:
    if not prompt:
        raise MalformedPrompt("which prompt is meant?", Violation("prompt", "is empty; name a prompt by id or name"))
    return prompt


def _version_names(request: prompts_pb2.BatchGetVersionsRequest) -> list[VersionName]:
    """The versions that are named; one of what is no id is the version of nothing, and left out."""
    names = distinct("names", ((name.prompt_id, name.number) for name in request.names))
    return [VersionName(prompt_id, number) for text, number in names if (prompt_id := id_in(text)) is not None]


def _visibility(number: visibility_pb2.Visibility.ValueType) -> Visibility | None:
    """None = not said."""
    if number == visibility_pb2.VISIBILITY_UNSPECIFIED:
        return None
    visibility = _BY_NUMBER.get(number)
    if visibility is None:
        raise MalformedPrompt("which visibility is meant?", Violation("visibility", f"{number} is none"))
    return visibility


def _reference(request: prompts_pb2.ResolveVersionRequest | prompts_pb2.RenderVersionRequest) -> VersionReference:
    return VersionReference(_named(request.prompt), request.label, request.version)


def _content(content: prompts_pb2.Content) -> Content:
    match content.WhichOneof("kind"):
        case "text":
            return Content.text(content.text)
        case "chat":
            return Content.chat(tuple((message.role, message.content) for message in content.chat.messages))
        case _:
            raise MalformedPrompt("the version has no content", Violation("content", "give a text or a chat"))


def _with_integers(value: Any) -> Any:
    """Give whole numbers back their form: a Struct knows floating-point numbers only, so 2 arrives as 2.0."""
    match value:
        case dict():
            return {name: _with_integers(item) for name, item in value.items()}
        case list():
            return [_with_integers(item) for item in value]
        case float() if value.is_integer():
            return int(value)
        case _:
            return value
