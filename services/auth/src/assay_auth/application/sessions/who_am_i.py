"""Say who the caller is."""

from dataclasses import dataclass

from assay_auth.application.ports import Transaction, UnitOfWork
from assay_auth.domain.errors import SubjectUnknown
from assay_auth.domain.organisations import Organisation
from assay_common.clock import Clock
from assay_common.identity import Principal


@dataclass(frozen=True, slots=True)
class Identity:
    """A caller, as the token and the database know it."""

    caller: Principal
    email: str
    name: str
    organisation: Organisation | None


@dataclass(frozen=True, slots=True)
class WhoAmI:
    """Look up the names behind the ids of a token."""

    uow: UnitOfWork
    clock: Clock

    async def __call__(self, caller: Principal) -> Identity:
        """The caller's identity; raises SubjectUnknown, ApiKeyRevoked, ApiKeyExpired."""
        async with self.uow.system() as tx:
            email, name = await self._names(tx, caller)
            organisation = await tx.organisations.find(caller.org_id) if caller.org_id else None
        return Identity(caller, email, name, organisation)

    async def _names(self, tx: Transaction, caller: Principal) -> tuple[str, str]:
        if caller.kind == "api_key":
            key = await tx.api_keys.find(caller.subject)
            if key is not None:
                key.check_usable(self.clock())
                return "", key.name
        else:
            user = await tx.users.find(caller.subject)
            if user is not None:
                return user.email, user.name
        raise SubjectUnknown("the token speaks for nobody who is known here")
