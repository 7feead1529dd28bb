"""Create the first person of an installation, who founds the first organisation."""

from dataclasses import dataclass

from assay_auth.application.accounts.password_rules import PasswordRules
from assay_auth.application.ports import PasswordHasher, UnitOfWork
from assay_auth.domain.members import User
from assay_auth.domain.text import normal_email, normal_password, refuse
from assay_common.clock import Clock
from assay_common.ids import new_id

NAME = "Administrator"


@dataclass(frozen=True, slots=True)
class CreateBootstrapAdmin:
    """Add the configured person unless there is anybody; replicas that start at once add one between them."""

    uow: UnitOfWork
    rules: PasswordRules
    hasher: PasswordHasher
    clock: Clock

    async def __call__(self, email: str, password: str) -> bool:
        """Whether the person was created; raises InvalidArgument for a password that anybody would guess."""
        async with self.uow.system() as tx:
            await tx.users.lock()
            if await tx.users.exist():
                return False
            refuse(*await self.rules("ASSAY_BOOTSTRAP_ADMIN__PASSWORD", password, email))
            user = User(new_id(), normal_email(email), NAME, self.clock())
            return await tx.users.add(user, await self.hasher.hash(normal_password(password)))
