"""assay.auth.v1.InvitationService."""

from dataclasses import dataclass
from typing import Any

from assay.auth.v1 import invitations_pb2, invitations_pb2_grpc, organisations_pb2
from assay_auth.application.organisations.accept_invitation import AcceptInvitation
from assay_auth.application.organisations.create_invitation import CreateInvitation
from assay_auth.application.organisations.describe_invitation import DescribeInvitation
from assay_auth.application.organisations.list_invitations import ListInvitations
from assay_auth.application.organisations.revoke_invitation import RevokeInvitation
from assay_auth.entrypoints.grpc.messages import (
    invitation_message,
    member_message,
    next_page_token,
    offer_message,
    page_request,
    role_from,
    status_wanted,
)
from assay_common.clock import Clock
from assay_common.identity import principal, tenant


@dataclass(frozen=True, slots=True)
class InvitationServicer(invitations_pb2_grpc.InvitationServiceServicer):
    """Asking people to join."""

    create_invitation: CreateInvitation
    list_invitations: ListInvitations
    revoke_invitation: RevokeInvitation
    describe_invitation: DescribeInvitation
    accept_invitation: AcceptInvitation
    clock: Clock

    async def CreateInvitation(
        self, request: invitations_pb2.CreateInvitationRequest, context: Any
    ) -> invitations_pb2.Invitation:
        """Invite an address."""
        invitation = await self.create_invitation(
            principal(), tenant(), request.email, role_from(request.role), tuple(request.teams)
        )
        return invitation_message(invitation, self.clock())

    async def ListInvitations(
        self, request: invitations_pb2.ListInvitationsRequest, context: Any
    ) -> invitations_pb2.ListInvitationsResponse:
        """List the invitations of the caller's organisation."""
        asked = page_request(request.page_size, request.page_token)
        page = await self.list_invitations(tenant(), asked, status_wanted(request.status))
        now = self.clock()
        return invitations_pb2.ListInvitationsResponse(
            invitations=[invitation_message(invitation, now) for invitation in page.items],
            next_page_token=next_page_token(page),
        )

    async def RevokeInvitation(
        self, request: invitations_pb2.RevokeInvitationRequest, context: Any
    ) -> invitations_pb2.Invitation:
        """Take an invitation back."""
        return invitation_message(await self.revoke_invitation(principal(), tenant(), request.id), self.clock())

    async def DescribeInvitation(
        self, request: invitations_pb2.DescribeInvitationRequest, context: Any
    ) -> invitations_pb2.InvitationOffer:
        """Say what a link stands for."""
        offer = await self.describe_invitation(request.token)
        return offer_message(offer.invitation, offer.organisation)

    async def AcceptInvitation(
        self, request: invitations_pb2.AcceptInvitationRequest, context: Any
    ) -> organisations_pb2.Member:
        """Join by a link."""
        return member_message(await self.accept_invitation(principal(), request.token))
