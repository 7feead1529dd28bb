"""Wires organisations and their members."""

from assay.auth.v1.organisations_pb2_grpc import add_OrganisationServiceServicer_to_server
from assay_auth.application.organisations.add_member import AddMember
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
from assay_auth.bootstrap.parts import Parts
from assay_auth.entrypoints.grpc.organisations import OrganisationServicer
from assay_common.rpc.server import Servicer


def organisation_service(parts: Parts) -> Servicer:
    """OrganisationService."""
    return add_OrganisationServiceServicer_to_server, OrganisationServicer(
        create_organisation=CreateOrganisation(parts.uow, parts.clock),
        list_organisations=ListOrganisations(parts.uow),
        get_organisation=GetOrganisation(parts.uow),
        update_organisation=UpdateOrganisation(parts.uow, parts.find_standing),
        transfer_ownership=TransferOwnership(parts.uow, parts.find_standing),
        leave_organisation=LeaveOrganisation(parts.uow, parts.clock),
        get_member=GetMember(parts.uow),
        add_member=AddMember(parts.uow, parts.password_rules, parts.hasher, parts.find_standing, parts.clock),
        list_members=ListMembers(parts.uow),
        change_role=ChangeRole(parts.uow, parts.find_standing),
        remove_member=RemoveMember(parts.uow, parts.find_standing, parts.clock),
    )
