"""Close an account for good."""

from dataclasses import dataclass
from uuid import UUID

from assay_auth.application.accounts.own_account import own_credentials
from assay_auth.application.organisations.end_membership import end_membership
from assay_auth.application.ports import Transaction, UnitOfWork
from assay_auth.application.sessions.authenticate import Authenticate
from assay_auth.application.sessions.own_sessions import require_person
from assay_auth.application.sessions.session import end_sessions
from assay_auth.domain.errors import AccountNotFound
from assay_auth.domain.events import RevocationReason, UserDeactivated
from assay_auth.domain.members import check_leaving
from assay_auth.domain.text import missing, normal_email, refuse
from assay_common.clock import Clock
from assay_common.identity import Principal


@dataclass(frozen=True, slots=True)
class Deactivate:
    """End a person's memberships with their keys, their sessions, and then the account, in one transaction.

    The row stays: the address is never given to somebody else, who would inherit its history.
    """

    uow: UnitOfWork
    clock: Clock

    async def __call__(self, user_id: UUID) -> None:
        """Close the account; raises LastOwner, and then nothing has changed."""
        async with self.uow.system() as tx:
            await self._end_memberships(tx, user_id)
            now = self.clock()
            await end_sessions(tx, user_id, now, RevocationReason.ACCOUNT_DEACTIVATED)
            await tx.second_factors.remove(user_id)
            await tx.account_links.forget_of(user_id)
            await tx.users.deactivate(user_id, now)
            await tx.record(UserDeactivated(user_id))

    async def _end_memberships(self, tx: Transaction, user_id: UUID) -> None:
        for membership in await tx.members.memberships_of(user_id):  # in the order of their ids, as locks want it
            org_id = membership.org_id
            await tx.organisations.lock(org_id)
            member = await tx.members.get(org_id, user_id)
            check_leaving(member, await tx.members.count_owners(org_id))
            await end_membership(tx, org_id, user_id, self.clock())


@dataclass(frozen=True, slots=True)
class DeactivateOwnAccount:
    """Close the caller's account, once they have proved that it is they."""

    uow: UnitOfWork
    authenticate: Authenticate
    deactivate: Deactivate

    async def __call__(self, caller: Principal, password: str = "", code: str = "") -> None:
        """Close it; a person without a password is asked for a code only, and that if there is a second factor.

        Raises InvalidArgument, PersonNeeded, SubjectUnknown, LastOwner, and as Authenticate.
        """
        require_person(caller)
        async with self.uow.system() as tx:
            known = await own_credentials(tx, caller)
        if known.password_hash is not None:
            refuse(*missing("password", password))
            await self.authenticate(known.user.email, password, code)
        else:
            await self.authenticate.second_factor_only(known, code)
        await self.deactivate(known.user.id)


@dataclass(frozen=True, slots=True)
class DeactivateByAddress:
    """Close somebody's account for the operator."""

    uow: UnitOfWork
    deactivate: Deactivate

    async def __call__(self, email: str) -> UUID:
        """The id of the person whose account was closed; raises AccountNotFound, LastOwner."""
        async with self.uow.system() as tx:
            known = await tx.users.credentials(normal_email(email))
        if known is None or not known.is_active:
            raise AccountNotFound(f"nobody has the address {email}, or the account is closed already")
        await self.deactivate(known.user.id)
        return known.user.id
