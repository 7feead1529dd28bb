"""The prompt service as the source of the prompt cache."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from assay.prompt.v1 import prompts_pb2 as pb
from assay.type.v1 import visibility_pb2
from assay_gateway.domain.prompts import ResolvedPrompt, Selector
from assay_gateway.messages import to_document

if TYPE_CHECKING:
    from assay.prompt.v1.prompts_pb2_grpc import PromptServiceAsyncStub


_SHARED: Final = (visibility_pb2.VISIBILITY_ORGANISATION, visibility_pb2.VISIBILITY_PUBLIC)


class PromptService:
    """`PromptSource` by RPC."""

    def __init__(self, prompts: PromptServiceAsyncStub) -> None:
        self._prompts = prompts

    async def resolve(self, selector: Selector) -> ResolvedPrompt:
        """Raises AioRpcError."""
        version = await self._prompts.ResolveVersion(
            pb.ResolveVersionRequest(prompt=selector.prompt, label=selector.label, version=selector.version)
        )
        shared = version.visibility in _SHARED
        return ResolvedPrompt(version.prompt_id, version.prompt_name, to_document(version), shared)
