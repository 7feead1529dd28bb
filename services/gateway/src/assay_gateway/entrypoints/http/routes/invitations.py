"""Asking people by e-mail to join the organisation."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from assay.auth.v1 import invitations_pb2 as pb
from assay.auth.v1.organisations_pb2 import Role
from assay_gateway.entrypoints.http.gateway import TheServices
from assay_gateway.entrypoints.http.pages import Page, page
from assay_gateway.entrypoints.http.parameters import InId
from assay_gateway.entrypoints.http.routing import api_router, problems, public_router
from assay_gateway.entrypoints.http.schemas.organisations import (
    Invitation,
    InvitationLink,
    InvitationOffer,
    InvitationPage,
    InvitationStatus,
    Member,
    NewInvitation,
)
from assay_gateway.messages import Json, numbers_of, to_json

router = api_router("/v1/invitations", "invitations")
offers = public_router("/v1/invitations", "invitations")

_ROLES = numbers_of(Role)
_STATUSES = numbers_of(pb.InvitationStatus)


@router.post("", status_code=201, response_model=Invitation, responses=problems(400, 409, 413, 415))
async def create_invitation(body: NewInvitation, services: TheServices) -> Json:
    """Invite an address by e-mail; an open invitation of the same address is replaced."""
    request = pb.CreateInvitationRequest(email=body.email, role=_ROLES[body.role], teams=body.teams)
    return to_json(await services.invitations.CreateInvitation(request))


@router.get("", response_model=InvitationPage)
async def list_invitations(
    services: TheServices,
    part: Page,
    status: Annotated[InvitationStatus | None, Query(description="Only invitations that stand so.")] = None,
) -> Json:
    """The organisation's invitations, newest first."""
    request = pb.ListInvitationsRequest(
        page_size=part.page_size,
        page_token=part.page_token,
        status=_STATUSES[status] if status else pb.INVITATION_STATUS_UNSPECIFIED,
    )
    found = await services.invitations.ListInvitations(request)
    return page(found.invitations, found.next_page_token)


@router.delete("/{invitation_id}", status_code=204, responses=problems(409))
async def revoke_invitation(invitation_id: InId, services: TheServices) -> None:
    """Take an open invitation back."""
    await services.invitations.RevokeInvitation(pb.RevokeInvitationRequest(id=invitation_id))


@offers.post("/describe", response_model=InvitationOffer, responses=problems(400, 404, 409, 413, 415))
async def describe_invitation(body: InvitationLink, services: TheServices) -> Json:
    """What a link stands for, for somebody who may have no account yet."""
    return to_json(await services.invitations.DescribeInvitation(pb.DescribeInvitationRequest(token=body.token)))


@router.post("/accept", response_model=Member, responses=problems(400, 409, 413, 415))
async def accept_invitation(body: InvitationLink, services: TheServices) -> Json:
    """Join the organisation. The caller's address must be the invited one."""
    return to_json(await services.invitations.AcceptInvitation(pb.AcceptInvitationRequest(token=body.token)))
