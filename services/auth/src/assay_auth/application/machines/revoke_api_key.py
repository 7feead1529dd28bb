"""Revoke an API key."""

from dataclasses import dataclass
from uuid import UUID

from assay_auth.application.ports import UnitOfWork
from assay_auth.application.standing import FindStanding
from assay_auth.domain.api_keys import ApiKey
from assay_auth.domain.errors import ApiKeyNotFound
from assay_auth.domain.events import ApiKeyRevoked
from assay_auth.domain.roles import API_KEYS_WRITE
from assay_auth.domain.text import missing, parsed_id, refuse
from assay_common.clock import Clock
from assay_common.identity import Principal


@dataclass(frozen=True, slots=True)
class RevokeApiKey:
    """Make a key stop working for good; doing it twice changes nothing more."""

    uow: UnitOfWork
    find_standing: FindStanding
    clock: Clock

    async def __call__(self, caller: Principal, org_id: UUID, wanted: str) -> ApiKey:
        """The revoked key; raises InvalidArgument, PermissionLost, ApiKeyNotFound."""
        refuse(*missing("id", wanted))
        key_id = parsed_id(wanted)
        if key_id is None:
            raise ApiKeyNotFound("the organisation has no such API key")
        async with self.uow(org_id) as tx:
            actor = await self.find_standing(tx, caller, org_id)
            actor.require(API_KEYS_WRITE)
            key = await tx.api_keys.get_for_change(org_id, key_id)
            revoked = key.revoked(self.clock())
            if revoked is not key:
                await tx.api_keys.save(revoked)
                await tx.record(ApiKeyRevoked(org_id, key.id))
        return revoked
