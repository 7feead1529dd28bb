"""Add a person to an organisation."""

from dataclasses import dataclass, field
from uuid import UUID

from assay_auth.application.accounts.password_rules import PasswordRules
from assay_auth.application.ports import PasswordHasher, Transaction, UnitOfWork
from assay_auth.application.standing import FindStanding
from assay_auth.domain.errors import AccountDeactivated
from assay_auth.domain.events import MemberAdded
from assay_auth.domain.members import Member, User, check_joining
from assay_auth.domain.roles import MEMBERS_WRITE, Role
from assay_auth.domain.text import (
    email_violations,
    name_violations,
    normal_email,
    normal_password,
    refuse,
)
from assay_common.clock import Clock
from assay_common.identity import Principal
from assay_common.ids import new_id


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Who is to join; name and password count only for a person whom the installation does not know."""

    email: str
    role: Role
    name: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class AddMember:
    """Let a person join by their e-mail address; one whom nobody knew before is created."""

    uow: UnitOfWork
    rules: PasswordRules
    hasher: PasswordHasher
    find_standing: FindStanding
    clock: Clock

    async def __call__(self, caller: Principal, org_id: UUID, newcomer: Newcomer) -> Member:
        """The new member.

        Raises InvalidArgument, PermissionLost, OwnershipReserved, AlreadyMember, AccountDeactivated.
        """
        email = normal_email(newcomer.email)
        refuse(*email_violations("email", email), *name_violations("name", newcomer.name, required=False))
        now = self.clock()
        async with self.uow.system() as tx:  # people belong to no organisation
            await tx.organisations.lock(org_id)
            actor = await self.find_standing(tx, caller, org_id)
            actor.require(MEMBERS_WRITE)
            check_joining(actor, newcomer.role)
            user = await self._person(tx, email, newcomer)
            await tx.members.add(org_id, user.id, newcomer.role, now)
            await tx.record(MemberAdded(org_id, user.id, newcomer.role))
        return Member(user.id, user.email, user.name, newcomer.role, now)

    async def _person(self, tx: Transaction, email: str, newcomer: Newcomer) -> User:
        known = await tx.users.credentials(email)
        if known is not None:
            if not known.is_active:
                raise AccountDeactivated("the account of this person was closed")
            return known.user
        refuse(*await self.rules("password", newcomer.password, email, newcomer.name))
        user = User(new_id(), email, newcomer.name.strip() or email.partition("@")[0], self.clock())
        password_hash = await self.hasher.hash(normal_password(newcomer.password))
        if await tx.users.add(user, password_hash):
            return user
        return await self._person(tx, email, newcomer)  # somebody added them meanwhile
