"""What a caller may do now, asked of the database in the transaction that acts on it."""

from dataclasses import dataclass
from uuid import UUID

from assay_auth.application.ports import Transaction
from assay_auth.domain.api_keys import ApiKey
from assay_auth.domain.errors import ApiKeyOwnerGone
from assay_auth.domain.members import NO_STANDING, Standing
from assay_auth.domain.roles import PermissionModel, Role
from assay_common.clock import Clock
from assay_common.identity import Principal


@dataclass(frozen=True, slots=True)
class FindStanding:
    """Find what is left of a token's permissions, some minutes after it was issued."""

    model: PermissionModel
    clock: Clock

    async def __call__(self, tx: Transaction, caller: Principal, org_id: UUID) -> Standing:
        """The caller's standing; raises ApiKeyRevoked or ApiKeyExpired for a key that works no more."""
        if caller.kind == "api_key":
            return await self._of_key(tx, caller)
        role = await tx.members.role_of(org_id, caller.subject)
        if role is None:
            return NO_STANDING
        return Standing(caller.permissions & self.model.of(role), role, is_owner=role is Role.OWNER)

    async def _of_key(self, tx: Transaction, caller: Principal) -> Standing:
        key = await tx.api_keys.find(caller.subject)
        if key is None:
            return NO_STANDING
        key.check_usable(self.clock())
        role = await owner_role(tx, key)
        return Standing(caller.permissions.intersection(key.permissions(self.model, role)), role)


async def owner_role(tx: Transaction, key: ApiKey) -> Role:
    """What the owner of a key is to the organisation now; raises ApiKeyOwnerGone."""
    role = (
        await tx.service_accounts.role_of(key.org_id, key.owner.id)
        if key.owner.is_service_account
        else await tx.members.role_of(key.org_id, key.owner.id)
    )
    if role is None:
        raise ApiKeyOwnerGone("whoever this API key belongs to is not in the organisation any more")
    return role
