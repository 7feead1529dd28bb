"""Make an account."""

from dataclasses import dataclass
from datetime import datetime

from assay_auth.application.accounts.pace import FLOOR_SECONDS, at_pace
from assay_auth.application.accounts.password_rules import PasswordRules
from assay_auth.application.accounts.send_link import KNOWN_ALREADY, VERIFY, SendLink
from assay_auth.application.organisations.accept_invitation import AcceptInvitation
from assay_auth.application.ports import PasswordHasher, Transaction, UnitOfWork
from assay_auth.domain.errors import InvitationNotFound
from assay_auth.domain.events import UserSignedUp
from assay_auth.domain.invitations import digest_of
from assay_auth.domain.members import User
from assay_auth.domain.sign_up import SignUp
from assay_auth.domain.text import email_violations, name_violations, normal_email, normal_password, refuse
from assay_common.clock import Clock
from assay_common.ids import new_id


@dataclass(frozen=True, slots=True)
class SignUpPerson:
    """Create a person, who can sign in once their address is verified: by the link that is sent, or an invitation.

    Whoever asks learns nothing of whether the address was known; its owner does, by mail.
    """

    uow: UnitOfWork
    sign_up: SignUp
    rules: PasswordRules
    hasher: PasswordHasher
    send_link: SendLink
    accept_invitation: AcceptInvitation
    clock: Clock
    floor_seconds: float = FLOOR_SECONDS

    async def __call__(self, email: str, name: str, password: str, invitation_token: str = "") -> None:
        """Make the account, and accept the invitation if there is one.

        Raises InvalidArgument, SignUpClosed, InvitationNeeded, MailNotConfigured; InvitationNotFound,
        InvitationNotOpen, AddressNotInvited.
        """
        email = normal_email(email)
        refuse(
            *email_violations("email", email),
            *name_violations("name", name),
            *await self.rules("password", password, email, name),
        )
        self.sign_up.check(invited=bool(invitation_token))
        async with at_pace(self.floor_seconds):
            await self._check_invitation(email, invitation_token)
            password_hash = await self.hasher.hash(normal_password(password))
            now = self.clock()
            async with self.uow.system() as tx:
                await self._signed_up(tx, User(new_id(), email, name.strip(), now), password_hash, invitation_token)

    async def _check_invitation(self, email: str, token: str) -> None:
        """Look at the invitation before anything is known of the address; and that a mail could be sent at all."""
        async with self.uow.system() as tx:
            if not token:
                tx.mails.require()
                return
            invitation = await tx.invitations.find_by_digest(digest_of(token))
        if invitation is None:
            raise InvitationNotFound("there is no such invitation")
        invitation.accepted(email, self.clock())

    async def _signed_up(self, tx: Transaction, user: User, password_hash: str, invitation_token: str) -> None:
        now: datetime = user.created_at
        if not await tx.users.add(user, password_hash, is_verified=False):
            known = await tx.users.credentials(user.email)
            if known is not None and known.is_active and tx.mails.leave:
                await self.send_link(tx, known.user, KNOWN_ALREADY, now)
            return
        await tx.record(UserSignedUp(user.id))
        if invitation_token:
            await self.accept_invitation.in_transaction(tx, user, invitation_token)
        else:
            await self.send_link(tx, user, VERIFY, now)
