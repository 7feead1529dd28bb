"""assay.auth.v1.OrganisationService."""

from dataclasses import dataclass
from typing import Any

from google.protobuf.empty_pb2 import Empty

from assay.auth.v1 import organisations_pb2, organisations_pb2_grpc
from assay_auth.application.organisations.add_member import AddMember, Newcomer
from assay_auth.application.organisations.change_role import ChangeRole
from assay_auth.application.organisations.create_organisation import CreateOrganisation
from assay_auth.application.organisations.get_member import GetMember
from assay_auth.application.organisations.get_organisation import GetOrganisation
from assay_auth.application.organisations.leave_organisation import LeaveOrganisation
from assay_auth.application.organisations.list_members import ListMembers
from assay_auth.application.organisations.list_organisations import ListOrganisations
from assay_auth.application.organisations.remove_member import RemoveMember
from assay_auth.application.organisations.transfer_ownership import TransferOwnership
from assay_auth.application.organisations.update_organisation import UpdateOrganisation
from assay_auth.entrypoints.grpc.messages import (
    member_message,
    next_page_token,
    organisation_message,
    page_request,
    role_from,
)
from assay_common.identity import principal, tenant


@dataclass(frozen=True, slots=True)
class OrganisationServicer(organisations_pb2_grpc.OrganisationServiceServicer):
    """Organisations and the people in them."""

    create_organisation: CreateOrganisation
    list_organisations: ListOrganisations
    get_organisation: GetOrganisation
    update_organisation: UpdateOrganisation
    transfer_ownership: TransferOwnership
    leave_organisation: LeaveOrganisation
    add_member: AddMember
    get_member: GetMember
    list_members: ListMembers
    change_role: ChangeRole
    remove_member: RemoveMember

    async def CreateOrganisation(
        self, request: organisations_pb2.CreateOrganisationRequest, context: Any
    ) -> organisations_pb2.Organisation:
        """Found an organisation."""
        return organisation_message(await self.create_organisation(principal(), request.slug, request.name))

    async def ListOrganisations(
        self, request: organisations_pb2.ListOrganisationsRequest, context: Any
    ) -> organisations_pb2.ListOrganisationsResponse:
        """List the caller's organisations."""
        page = await self.list_organisations(principal(), page_request(request.page_size, request.page_token))
        return organisations_pb2.ListOrganisationsResponse(
            organisations=map(organisation_message, page.items), next_page_token=next_page_token(page)
        )

    async def GetOrganisation(
        self, request: organisations_pb2.GetOrganisationRequest, context: Any
    ) -> organisations_pb2.Organisation:
        """Show the caller's organisation."""
        return organisation_message(await self.get_organisation(tenant(), request.id))

    async def UpdateOrganisation(
        self, request: organisations_pb2.UpdateOrganisationRequest, context: Any
    ) -> organisations_pb2.Organisation:
        """Rename the caller's organisation."""
        return organisation_message(
            await self.update_organisation(principal(), tenant(), request.id, request.name, request.etag)
        )

    async def TransferOwnership(
        self, request: organisations_pb2.TransferOwnershipRequest, context: Any
    ) -> organisations_pb2.Member:
        """Hand the ownership over."""
        return member_message(await self.transfer_ownership(principal(), tenant(), request.user_id))

    async def LeaveOrganisation(self, request: organisations_pb2.LeaveOrganisationRequest, context: Any) -> Empty:
        """Leave the organisation that the token names."""
        await self.leave_organisation(principal(), tenant())
        return Empty()

    async def GetMember(self, request: organisations_pb2.GetMemberRequest, context: Any) -> organisations_pb2.Member:
        """Show a member."""
        return member_message(await self.get_member(tenant(), request.user_id))

    async def AddMember(self, request: organisations_pb2.AddMemberRequest, context: Any) -> organisations_pb2.Member:
        """Add a person."""
        newcomer = Newcomer(request.email, role_from(request.role), request.name, request.password)
        return member_message(await self.add_member(principal(), tenant(), newcomer))

    async def ListMembers(
        self, request: organisations_pb2.ListMembersRequest, context: Any
    ) -> organisations_pb2.ListMembersResponse:
        """List the members of the caller's organisation."""
        page = await self.list_members(tenant(), page_request(request.page_size, request.page_token))
        return organisations_pb2.ListMembersResponse(
            members=map(member_message, page.items), next_page_token=next_page_token(page)
        )

    async def ChangeRole(self, request: organisations_pb2.ChangeRoleRequest, context: Any) -> organisations_pb2.Member:
        """Give a member another role."""
        role = role_from(request.role)
        return member_message(await self.change_role(principal(), tenant(), request.user_id, role, request.etag))

    async def RemoveMember(self, request: organisations_pb2.RemoveMemberRequest, context: Any) -> Empty:
        """Remove a member."""
        await self.remove_member(principal(), tenant(), request.user_id, request.etag)
        return Empty()
