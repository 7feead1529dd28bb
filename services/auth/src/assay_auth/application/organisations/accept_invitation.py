"""Take an invitation up."""

from dataclasses import dataclass

from assay_auth.application.ports import Transaction, UnitOfWork
from assay_auth.domain.errors import InvitationNotFound, PersonNeeded, SubjectUnknown
from assay_auth.domain.events import EmailVerified, InvitationAccepted, MemberAdded, TeamMemberAdded
from assay_auth.domain.invitations import digest_of
from assay_auth.domain.members import Member, User
from assay_auth.domain.text import missing, refuse
from assay_common.clock import Clock
from assay_common.identity import Principal


@dataclass(frozen=True, slots=True)
class AcceptInvitation:
    """Join an organisation by a link that was sent to the caller's address, which it verifies too."""

    uow: UnitOfWork
    clock: Clock

    async def __call__(self, caller: Principal, token: str) -> Member:
        """The new member.

        Raises InvalidArgument, PersonNeeded, InvitationNotFound, InvitationNotOpen, AddressNotInvited, AlreadyMember.
        """
        if caller.kind != "user":
            raise PersonNeeded("an invitation is for a person, not for an API key")
        refuse(*missing("token", token))
        async with self.uow.system() as tx:  # the caller is not in the organisation yet
            user = await tx.users.find(caller.subject)
            if user is None:
                raise SubjectUnknown("the token speaks for nobody who is known here")
            return await self.in_transaction(tx, user, token)

    async def in_transaction(self, tx: Transaction, user: User, token: str) -> Member:
        """Let a person join in a system transaction that is open, for instance the one in which they signed up.

        Raises InvitationNotFound, InvitationNotOpen, AddressNotInvited, AlreadyMember.
        """
        now = self.clock()
        found = await tx.invitations.find_by_digest(digest_of(token))
        if found is None:
            raise InvitationNotFound("there is no such invitation")
        org_id = found.org_id
        await tx.organisations.lock(org_id)
        invitation = (await tx.invitations.get_for_change(org_id, found.id)).accepted(user.email, now)
        verified = await tx.users.verify_email(user.id, now)  # the link came by mail to that address
        await tx.members.add(org_id, user.id, invitation.role, now)
        await tx.invitations.save(invitation)
        teams = await tx.teams.existing(org_id, invitation.teams)
        for team_id in teams:
            await tx.teams.add_member(org_id, team_id, user.id, now)
        await tx.record(
            *((EmailVerified(user.id),) if verified else ()),
            InvitationAccepted(org_id, invitation.id, user.id),
            MemberAdded(org_id, user.id, invitation.role),
            *(TeamMemberAdded(org_id, team_id, user.id) for team_id in teams),
        )
        return Member(user.id, user.email, user.name, invitation.role, now)
