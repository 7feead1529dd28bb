"""The prompt service, asked in the name of the caller."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import grpc.aio
from google.protobuf.struct_pb2 import Struct

from assay.prompt.v1 import prompts_pb2, prompts_pb2_grpc
from assay_common.visibility import Visibility
from assay_evaluation.application.ports import PromptVersion, Rendering
from assay_evaluation.domain.access import SharedPrompt
from assay_evaluation.domain.runs import Message
from assay_evaluation.messages import visibility_from


class PromptService:
    """Resolves and renders by gRPC. Refusals of the service pass to the caller as it said them."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = prompts_pb2_grpc.PromptServiceStub(channel)

    async def shared(self, prompt_id: UUID) -> SharedPrompt:
        """Whose prompt it is, and how widely it is shared. Raises grpc.aio.AioRpcError."""
        found = await self._stub.GetPrompt(prompts_pb2.GetPromptRequest(prompt=str(prompt_id)))
        return SharedPrompt(
            UUID(found.id),
            found.name,
            UUID(found.organisation_id),
            UUID(found.created_by),
            visibility_from(found.visibility) or Visibility.ORGANISATION,
        )

    async def resolve(self, prompt: str, label: str, version: int) -> PromptVersion:
        """The version meant. Raises grpc.aio.AioRpcError."""
        request = prompts_pb2.ResolveVersionRequest(prompt=prompt, label=label, version=version)
        found = await self._stub.ResolveVersion(request)
        return PromptVersion(
            UUID(found.prompt_id),
            found.prompt_name,
            found.number,
            visibility_from(found.visibility) or Visibility.ORGANISATION,
            found.content.ByteSize(),
        )

    async def render(self, version: PromptVersion, sets: Sequence[Mapping[str, Any]]) -> list[Rendering]:
        """One rendering per set of values. Raises grpc.aio.AioRpcError."""
        request = prompts_pb2.RenderVersionRequest(
            prompt=str(version.prompt_id), version=version.number, variables=map(_struct, sets)
        )
        answer = await self._stub.RenderVersion(request)
        return [
            Rendering(
                tuple(Message(message.role, message.content) for message in rendering.messages),
                tuple(rendering.missing_variables),
            )
            for rendering in answer.renderings
        ]


def _struct(values: Mapping[str, Any]) -> Struct:
    struct = Struct()
    struct.update(dict(values))
    return struct
