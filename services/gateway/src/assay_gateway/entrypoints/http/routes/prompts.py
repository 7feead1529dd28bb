"""Prompts, versions, labels, rendering and history."""

from __future__ import annotations

from typing import Annotated

from fastapi import Header, Path, Query, Response

from assay.prompt.v1 import prompts_pb2 as pb
from assay_common.errors import InvalidArgument, Violation
from assay_common.identity import principal, tenant
from assay_gateway.domain.prompts import Selector
from assay_gateway.entrypoints.http.error_handlers import RequestProblem
from assay_gateway.entrypoints.http.etags import IfMatch
from assay_gateway.entrypoints.http.gateway import TheGateway, TheServices
from assay_gateway.entrypoints.http.hot_read import PERMISSION, answer
from assay_gateway.entrypoints.http.pages import Page, page
from assay_gateway.entrypoints.http.parameters import InLabel, InPrompt
from assay_gateway.entrypoints.http.problems import Problem, pointer_to
from assay_gateway.entrypoints.http.routing import api_router, problems
from assay_gateway.entrypoints.http.schemas.prompts import (
    HistoryPage,
    Label,
    NewContent,
    NewLabel,
    NewPrompt,
    NewVersion,
    Prompt,
    PromptChange,
    PromptPage,
    Rendered,
    RenderRequest,
    Version,
    VersionPage,
)
from assay_gateway.entrypoints.http.schemas.words import LABEL_NAME, VersionNumber
from assay_gateway.entrypoints.http.visibilities import number_of_visibility
from assay_gateway.messages import Json, struct, to_json

router = api_router("/v1/prompts", "prompts")


class LabelOrVersion(InvalidArgument):
    """A read names both a label and a version."""


@router.post("", status_code=201, response_model=Prompt, responses=problems(400, 409, 413, 415))
async def create_prompt(body: NewPrompt, services: TheServices) -> Json:
    """Create a prompt without versions."""
    request = pb.CreatePromptRequest(
        name=body.name,
        description=body.description,
        visibility=number_of_visibility(body.visibility),
    )
    return to_json(await services.prompts.CreatePrompt(request))


@router.get("", response_model=PromptPage)
async def list_prompts(
    services: TheServices, part: Page, name_prefix: Annotated[str, Query(description="How names shall start.")] = ""
) -> Json:
    """The organisation's prompts, newest first."""
    found = await services.prompts.ListPrompts(
        pb.ListPromptsRequest(page_size=part.page_size, page_token=part.page_token, name_prefix=name_prefix)
    )
    return page(found.prompts, found.next_page_token)


@router.get("/{prompt}", response_model=Prompt)
async def get_prompt(prompt: InPrompt, services: TheServices) -> Json:
    """One prompt, by id or name."""
    return to_json(await services.prompts.GetPrompt(pb.GetPromptRequest(prompt=prompt)))


@router.patch("/{prompt}", response_model=Prompt, responses=problems(400, 412, 413, 415))
async def update_prompt(
    prompt: InPrompt, body: PromptChange, services: TheServices, gateway: TheGateway, if_match: IfMatch
) -> Json:
    """Change a prompt's description or who may see it."""
    request = pb.UpdatePromptRequest(
        prompt=prompt,
        description=body.description,
        visibility=number_of_visibility(body.visibility),
        etag=if_match,
    )
    updated = await services.prompts.UpdatePrompt(request)
    gateway.resolve_prompt.forget(tenant(), updated.id)
    return to_json(updated)


@router.post("/{prompt}/versions", status_code=201, response_model=Version, responses=problems(400, 409, 413, 415))
async def publish_version(prompt: InPrompt, body: NewVersion, services: TheServices, gateway: TheGateway) -> Json:
    """Append an immutable version; content equal to the newest version's is refused."""
    request = pb.PublishVersionRequest(
        prompt=prompt, content=_content(body.content), commit_message=body.commit_message
    )
    version = await services.prompts.PublishVersion(request)
    gateway.resolve_prompt.forget(tenant(), version.prompt_id)
    return to_json(version)


@router.get("/{prompt}/versions", response_model=VersionPage)
async def list_versions(prompt: InPrompt, services: TheServices, part: Page) -> Json:
    """The versions of a prompt, newest first."""
    found = await services.prompts.ListVersions(
        pb.ListVersionsRequest(prompt=prompt, page_size=part.page_size, page_token=part.page_token)
    )
    return page(found.versions, found.next_page_token)


@router.put("/{prompt}/labels/{label}", response_model=Label, responses=problems(400, 409, 412, 413, 415))
async def set_label(
    prompt: InPrompt,
    label: Annotated[InLabel, Path(pattern=LABEL_NAME)],
    body: NewLabel,
    services: TheServices,
    gateway: TheGateway,
    if_match: IfMatch,
) -> Json:
    """Point a label at a version."""
    request = pb.SetLabelRequest(prompt=prompt, label=label, version=body.version, etag=if_match)
    moved = await services.prompts.SetLabel(request)
    gateway.resolve_prompt.forget(tenant(), prompt)
    return to_json(moved)


@router.delete("/{prompt}/labels/{label}", status_code=204, responses=problems(412))
async def remove_label(
    prompt: InPrompt, label: InLabel, services: TheServices, gateway: TheGateway, if_match: IfMatch
) -> None:
    """Take a label away."""
    await services.prompts.RemoveLabel(pb.RemoveLabelRequest(prompt=prompt, label=label, etag=if_match))
    gateway.resolve_prompt.forget(tenant(), prompt)


@router.get(
    "/{prompt}/resolve",
    response_model=Version,
    responses={304: {"description": "The client has this version already."}},
)
async def resolve_prompt(
    prompt: InPrompt,
    gateway: TheGateway,
    label: Annotated[str, Query(description="Absent = see version.", examples=["production"])] = "",
    version: Annotated[VersionNumber | None, Query(description="Absent, without a label = the newest.")] = None,
    if_none_match: Annotated[str, Header(description="ETag of the answer the client has.")] = "",
) -> Response:
    """The version that a label, a number or nothing (the newest) stands for: the read for programs that use prompts.

    Answered from the gateway's memory, which follows every change of the prompt.
    """
    caller = principal()
    if label and version is not None:
        problem = "name a label or a version, not both"
        raise LabelOrVersion(problem, Violation("label", problem))
    selector = Selector(tenant(), prompt, label, version or 0)
    # Who may not read must not learn from the cache; the service says so in its own words.
    if PERMISSION in caller.permissions:
        document = await gateway.resolve_prompt(selector, caller)
    else:
        document = await gateway.resolve_prompt.past_the_cache(selector)
    return answer(document, if_none_match.encode("latin-1"))


@router.post("/{prompt}/render", response_model=Rendered, responses=problems(400, 413, 415))
async def render_prompt(prompt: InPrompt, body: RenderRequest, services: TheServices) -> Json:
    """Fill a version's variables in; a missing one is a problem that names it (MISSING_VARIABLES)."""
    request = pb.RenderVersionRequest(
        prompt=prompt, label=body.label or "", version=body.version or 0, variables=[struct(body.variables)]
    )
    answered = await services.prompts.RenderVersion(request)
    rendering = answered.renderings[0]
    if rendering.missing_variables:
        raise RequestProblem(_missing(list(rendering.missing_variables)))
    return {"version": to_json(answered.version), "messages": [to_json(each) for each in rendering.messages]}


@router.get("/{prompt}/history", response_model=HistoryPage)
async def list_history(prompt: InPrompt, services: TheServices, part: Page) -> Json:
    """What happened to a prompt, oldest first."""
    found = await services.prompts.ListHistory(
        pb.ListHistoryRequest(prompt=prompt, page_size=part.page_size, page_token=part.page_token)
    )
    return page(found.entries, found.next_page_token)


def _content(content: NewContent) -> pb.Content:
    if content.chat is None:
        return pb.Content(text=content.text or "")
    messages = [pb.ChatMessage(role=message.role, content=message.content) for message in content.chat.messages]
    return pb.Content(chat=pb.Chat(messages=messages))


def _missing(names: list[str]) -> Problem:
    return Problem(
        status=422,
        reason="MISSING_VARIABLES",
        detail=f"no value for {', '.join(names)}",
        errors=tuple({"pointer": pointer_to(("variables", name)), "detail": "has no value"} for name in names),
        extra={"missing_variables": names},
    )
