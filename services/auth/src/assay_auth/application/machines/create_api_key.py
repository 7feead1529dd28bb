"""Create an API key."""

import secrets
from dataclasses import dataclass, field
from uuid import UUID

from assay_auth.application.ports import UnitOfWork
from assay_auth.application.standing import FindStanding
from assay_auth.domain.api_keys import ENTROPY_BYTES, SHOWN, ApiKey, KeyWish, digest_of, secret_from
from assay_auth.domain.events import ApiKeyCreated
from assay_auth.domain.roles import API_KEYS_WRITE, PermissionModel
from assay_common.clock import Clock
from assay_common.identity import Principal
from assay_common.ids import new_id


@dataclass(frozen=True, slots=True)
class CreatedKey:
    """A key with its secret, which is known now and never again."""

    key: ApiKey
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CreateApiKey:
    """Draw a secret, keep its hash, and allow it no more than its creator may do now."""

    uow: UnitOfWork
    model: PermissionModel
    find_standing: FindStanding
    clock: Clock

    async def __call__(self, caller: Principal, org_id: UUID, wish: KeyWish) -> CreatedKey:
        """The key and its secret; raises InvalidArgument, PermissionLost, ScopesExceedCreator."""
        now = self.clock()
        secret = secret_from(secrets.token_bytes(ENTROPY_BYTES))
        async with self.uow(org_id) as tx:
            await tx.organisations.lock(org_id)
            creator = await self.find_standing(tx, caller, org_id)
            creator.require(API_KEYS_WRITE)
            key = ApiKey(
                id=new_id(),
                org_id=org_id,
                name=wish.name.strip(),
                prefix=secret[:SHOWN],
                scopes=wish.checked(creator, self.model.catalogue, now),
                created_by=caller.subject,
                created_at=now,
                expires_at=wish.expires_at,
            )
            await tx.api_keys.add(key, digest_of(secret))
            await tx.record(ApiKeyCreated(org_id, key.id, key.name, key.scopes, key.expires_at))
        return CreatedKey(key, secret)
