"""Rotate an API key."""

import secrets
from dataclasses import dataclass
from uuid import UUID

from assay_auth.application.machines.create_api_key import CreatedKey, limits_of
from assay_auth.application.ports import UnitOfWork
from assay_auth.application.standing import FindStanding
from assay_auth.domain.api_keys import ENTROPY_BYTES, SHOWN, digest_of, overlap_from, secret_from
from assay_auth.domain.errors import ApiKeyNotFound
from assay_auth.domain.events import ApiKeyCreated, ApiKeyRotated
from assay_auth.domain.roles import API_KEYS_WRITE
from assay_auth.domain.text import missing, parsed_id, refuse
from assay_common.clock import Clock
from assay_common.identity import Principal
from assay_common.ids import new_id


@dataclass(frozen=True, slots=True)
class RotateApiKey:
    """Draw a new secret for the same rights, while the old one works on for the overlap."""

    uow: UnitOfWork
    find_standing: FindStanding
    clock: Clock

    async def __call__(self, caller: Principal, org_id: UUID, wanted: str, overlap_seconds: int = 0) -> CreatedKey:
        """The new key and its secret.

        Raises InvalidArgument, PermissionLost, ApiKeyNotFound, KeyOfSomebodyElse, ScopesExceedCreator,
        LimitsExceedCreator, ApiKeyRotated, ApiKeyNotUsable.
        """
        refuse(*missing("id", wanted))
        overlap = overlap_from(overlap_seconds)
        key_id = parsed_id(wanted)
        if key_id is None:
            raise ApiKeyNotFound("the organisation has no such API key")
        now = self.clock()
        secret = secret_from(secrets.token_bytes(ENTROPY_BYTES))
        async with self.uow(org_id) as tx:
            await tx.organisations.lock(org_id)
            actor = await self.find_standing(tx, caller, org_id)
            actor.require(API_KEYS_WRITE)
            old = await tx.api_keys.get_for_change(org_id, key_id)
            old.check_rotatable(now)
            old.check_rotation(actor, caller.acts_for, limits_of(caller))
            new = old.replacement(new_id(), secret[:SHOWN], caller.subject, now)
            ending = old.ending(now + overlap)
            await tx.api_keys.add(new, digest_of(secret))
            await tx.api_keys.save(ending)
            await tx.record(
                ApiKeyCreated(org_id, new.id, new.name, new.scopes, new.expires_at),
                ApiKeyRotated(org_id, old.id, new.id, ending.expires_at or now + overlap),
            )
        return CreatedKey(new, secret)
