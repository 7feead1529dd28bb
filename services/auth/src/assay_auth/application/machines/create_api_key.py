"""Create an API key."""

import secrets
from dataclasses import dataclass, field
from uuid import UUID

from assay_auth.application.ports import Transaction, UnitOfWork
from assay_auth.application.standing import FindStanding
from assay_auth.domain.api_keys import ENTROPY_BYTES, SHOWN, ApiKey, KeyOwner, KeyWish, Limits, digest_of, secret_from
from assay_auth.domain.errors import SubjectUnknown
from assay_auth.domain.events import ApiKeyCreated
from assay_auth.domain.roles import API_KEYS_WRITE, PermissionModel
from assay_auth.domain.service_accounts import service_account_id
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
        """The key and its secret.

        Raises InvalidArgument, PermissionLost, ScopesExceedCreator, LimitsExceedCreator, ServiceAccountNotFound,
        ScopesExceedOwner.
        """
        now = self.clock()
        secret = secret_from(secrets.token_bytes(ENTROPY_BYTES))
        async with self.uow(org_id) as tx:
            await tx.organisations.lock(org_id)
            creator = await self.find_standing(tx, caller, org_id)
            creator.require(API_KEYS_WRITE)
            scopes = wish.checked(creator, self.model.catalogue, now)
            wish.limits.check_within(limits_of(caller))
            key = ApiKey(
                id=new_id(),
                org_id=org_id,
                name=wish.name.strip(),
                prefix=secret[:SHOWN],
                scopes=scopes,
                created_by=caller.subject,
                created_at=now,
                owner=await self._owner(tx, caller, org_id, wish),
                limits=wish.limits.plain(),
                expires_at=wish.expires_at,
            )
            await tx.api_keys.add(key, digest_of(secret))
            await tx.record(ApiKeyCreated(org_id, key.id, key.name, key.scopes, key.expires_at))
        return CreatedKey(key, secret)

    async def _owner(self, tx: Transaction, caller: Principal, org_id: UUID, wish: KeyWish) -> KeyOwner:
        if wish.service_account:
            account = await tx.service_accounts.get(
                org_id, service_account_id("service_account_id", wish.service_account)
            )
            wish.check_owner(self.model.of(account.role))
            return KeyOwner(account.id, "service_account")
        if caller.kind == "user":
            return KeyOwner(caller.subject)
        creator = await tx.api_keys.find(caller.subject)
        if creator is None:
            raise SubjectUnknown("the token speaks for nobody who is known here")
        return creator.owner


def limits_of(caller: Principal) -> Limits:
    """What a caller is limited to; a person is not."""
    return Limits(tuple(caller.prompts or ()), tuple(caller.repositories or ()))
