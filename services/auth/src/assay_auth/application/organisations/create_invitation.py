"""Invite somebody into an organisation."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode
from uuid import UUID

from assay_auth.application.ports import Transaction, UnitOfWork
from assay_auth.application.standing import FindStanding
from assay_auth.domain.errors import AlreadyMember
from assay_auth.domain.events import InvitationCreated, InvitationRevoked
from assay_auth.domain.invitations import ENTROPY_BYTES, LIFETIME, MAX_TEAMS, Invitation, digest_of, token_from
from assay_auth.domain.members import check_joining
from assay_auth.domain.roles import MEMBERS_WRITE, Role
from assay_auth.domain.text import email_violations, normal_email, refuse
from assay_common.clock import Clock
from assay_common.errors import Violation
from assay_common.identity import Principal
from assay_common.ids import new_id

_SUBJECT = "You are invited to {organisation}"
_TEXT = """\
You are invited to join {organisation} on Assay as {role}.

To accept, open this link and sign in, or sign up with this address:

{link}

The link works once, until {until:%d %B %Y, %H:%M} UTC. If you did not expect it, ignore this message.
"""


@dataclass(frozen=True, slots=True)
class CreateInvitation:
    """Send a link to an address; whoever follows it joins. An open invitation of the same address is replaced."""

    uow: UnitOfWork
    find_standing: FindStanding
    clock: Clock
    public_url: str
    """Where links begin, without a slash at the end."""

    async def __call__(
        self, caller: Principal, org_id: UUID, email: str, role: Role, teams: Sequence[str] = ()
    ) -> Invitation:
        """The invitation; the mail goes out after the commit.

        Raises InvalidArgument, PermissionLost, OwnershipReserved, AlreadyMember, TeamNotFound, MailNotConfigured.
        """
        email = normal_email(email)
        refuse(*email_violations("email", email))
        if len(teams) > MAX_TEAMS:
            refuse(Violation("teams", f"must have at most {MAX_TEAMS} entries"))
        token = token_from(secrets.token_bytes(ENTROPY_BYTES))
        now = self.clock()
        async with self.uow.system() as tx:  # whether the address is a member's, and the mail: both are the system's
            await tx.organisations.lock(org_id)
            actor = await self.find_standing(tx, caller, org_id)
            actor.require(MEMBERS_WRITE)
            check_joining(actor, role)
            await self._check_stranger(tx, org_id, email)
            joins = dict.fromkeys([(await tx.teams.get(org_id, team)).id for team in teams])
            replaced = await tx.invitations.open_of(org_id, email, now)
            for old in replaced:
                await tx.invitations.save(old.revoked(now))
            invitation = Invitation(new_id(), org_id, email, role, tuple(joins), caller.subject, now, now + LIFETIME)
            await tx.invitations.add(invitation, digest_of(token))
            await tx.record(
                *(InvitationRevoked(org_id, old.id) for old in replaced),
                InvitationCreated(org_id, invitation.id, email, role),
            )
            await self._send(tx, invitation, token)
        return invitation

    @staticmethod
    async def _check_stranger(tx: Transaction, org_id: UUID, email: str) -> None:
        known = await tx.users.credentials(email)
        if known is not None and await tx.members.role_of(org_id, known.user.id) is not None:
            raise AlreadyMember("this person is a member already", user_id=str(known.user.id))

    async def _send(self, tx: Transaction, invitation: Invitation, token: str) -> None:
        organisation = await tx.organisations.get(invitation.org_id)
        await tx.mails.add(
            invitation.email,
            _SUBJECT.format(organisation=organisation.name),
            _TEXT.format(
                organisation=organisation.name,
                role=invitation.role.value,
                link=f"{self.public_url}/accept-invitation?{urlencode({'token': token})}",
                until=invitation.expires_at,
            ),
        )
