"""Say what an invitation's link stands for."""

from dataclasses import dataclass

from assay_auth.application.ports import UnitOfWork
from assay_auth.domain.errors import InvitationNotFound
from assay_auth.domain.invitations import Invitation, digest_of
from assay_auth.domain.organisations import Organisation
from assay_auth.domain.text import missing, refuse
from assay_common.clock import Clock


@dataclass(frozen=True, slots=True)
class InvitationOffer:
    """What whoever holds the link may know."""

    invitation: Invitation
    organisation: Organisation


@dataclass(frozen=True, slots=True)
class DescribeInvitation:
    """Look an open invitation up by its link's token, for somebody who may have no account yet."""

    uow: UnitOfWork
    clock: Clock

    async def __call__(self, token: str) -> InvitationOffer:
        """The offer; raises InvalidArgument, InvitationNotFound, InvitationNotOpen."""
        refuse(*missing("token", token))
        async with self.uow.system() as tx:
            invitation = await tx.invitations.find_by_digest(digest_of(token))
            if invitation is None:
                raise InvitationNotFound("there is no such invitation")
            invitation.check_open(self.clock())
            return InvitationOffer(invitation, await tx.organisations.get(invitation.org_id))
