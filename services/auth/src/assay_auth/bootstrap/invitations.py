"""Wires invitations."""

from assay.auth.v1.invitations_pb2_grpc import add_InvitationServiceServicer_to_server
from assay_auth.application.organisations.accept_invitation import AcceptInvitation
from assay_auth.application.organisations.create_invitation import CreateInvitation
from assay_auth.application.organisations.describe_invitation import DescribeInvitation
from assay_auth.application.organisations.list_invitations import ListInvitations
from assay_auth.application.organisations.revoke_invitation import RevokeInvitation
from assay_auth.bootstrap.parts import Parts
from assay_auth.entrypoints.grpc.invitations import InvitationServicer
from assay_common.rpc.server import Servicer


def invitation_service(parts: Parts) -> Servicer:
    """InvitationService."""
    return add_InvitationServiceServicer_to_server, InvitationServicer(
        create_invitation=CreateInvitation(parts.uow, parts.find_standing, parts.clock, parts.public_url),
        list_invitations=ListInvitations(parts.uow, parts.clock),
        revoke_invitation=RevokeInvitation(parts.uow, parts.find_standing, parts.clock),
        describe_invitation=DescribeInvitation(parts.uow, parts.clock),
        accept_invitation=AcceptInvitation(parts.uow, parts.clock),
        clock=parts.clock,
    )
