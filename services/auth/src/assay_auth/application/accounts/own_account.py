"""A person's own account: read it, change it."""

from dataclasses import dataclass

from assay_auth.application.ports import Credentials, Transaction, UnitOfWork
from assay_auth.application.sessions.own_sessions import require_person
from assay_auth.domain.errors import SubjectUnknown
from assay_auth.domain.text import name_violations, refuse
from assay_common.etags import ensure_unchanged
from assay_common.identity import Principal


@dataclass(frozen=True, slots=True)
class Account:
    """A person as they see themselves."""

    credentials: Credentials
    second_factor: bool
    recovery_codes: int


@dataclass(frozen=True, slots=True)
class GetAccount:
    """Read the caller's own account."""

    uow: UnitOfWork

    async def __call__(self, caller: Principal) -> Account:
        """The account; raises PersonNeeded, SubjectUnknown."""
        require_person(caller)
        async with self.uow.system() as tx:
            return await _account(tx, await own_credentials(tx, caller))


@dataclass(frozen=True, slots=True)
class UpdateAccount:
    """Change the caller's name."""

    uow: UnitOfWork

    async def __call__(self, caller: Principal, name: str, etag: str = "") -> Account:
        """The account under its new name; raises InvalidArgument, PersonNeeded, SubjectUnknown, EtagMismatch."""
        require_person(caller)
        refuse(*name_violations("name", name))
        async with self.uow.system() as tx:
            known = await own_credentials(tx, caller)
            ensure_unchanged(etag, known.etag)
            await tx.users.rename(known.user.id, name.strip())
            return await _account(tx, await own_credentials(tx, caller))


async def own_credentials(tx: Transaction, caller: Principal) -> Credentials:
    """The caller's own, locked until the transaction ends; raises SubjectUnknown."""
    known = await tx.users.credentials_for_change(caller.subject)
    if known is None or not known.is_active:
        raise SubjectUnknown("the token speaks for nobody who is known here")
    return known


async def _account(tx: Transaction, known: Credentials) -> Account:
    factor = await tx.second_factors.find(known.user.id)
    is_on = factor is not None and factor.is_on
    return Account(known, is_on, await tx.second_factors.count_codes(known.user.id) if is_on else 0)
