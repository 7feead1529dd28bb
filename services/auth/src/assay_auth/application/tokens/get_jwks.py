"""Publish the keys that verify access tokens."""

import json
from dataclasses import dataclass

from assay_auth.application.ports import UnitOfWork
from assay_auth.domain.access import jwk
from assay_common.clock import Clock


@dataclass(frozen=True, slots=True)
class GetJwks:
    """List the public halves of all keys whose tokens may still be good."""

    uow: UnitOfWork
    clock: Clock

    async def __call__(self) -> str:
        """The JSON Web Key Set (RFC 7517)."""
        async with self.uow.system() as tx:
            keys = await tx.signing_keys.verifying_at(self.clock())
        return json.dumps({"keys": [jwk(key.material.public_key) for key in keys]})
