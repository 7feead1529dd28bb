"""Exchange an API key for an access token, which every service can verify offline."""

from dataclasses import dataclass

from assay_auth.application.machines.key_uses import KeyUses
from assay_auth.application.ports import UnitOfWork
from assay_auth.application.standing import owner_role
from assay_auth.application.tokens.issue_access_token import IssueAccessToken
from assay_auth.domain.access import AccessToken, Grant
from assay_auth.domain.api_keys import digest_of
from assay_auth.domain.errors import ApiKeyInvalid
from assay_auth.domain.roles import PermissionModel
from assay_auth.domain.text import missing, refuse
from assay_common.clock import Clock


@dataclass(frozen=True, slots=True)
class ExchangeApiKey:
    """Recognise a key by its hash; a typo is refused by its checksum, without asking the database."""

    uow: UnitOfWork
    model: PermissionModel
    issue_access_token: IssueAccessToken
    uses: KeyUses
    clock: Clock

    async def __call__(self, secret: str) -> AccessToken:
        """An access token with those of the key's scopes that its owner's role has now; it ends with the key.

        Raises InvalidArgument, ApiKeyInvalid, ApiKeyRevoked, ApiKeyExpired, ApiKeyOwnerGone.
        """
        refuse(*missing("api_key", secret))
        digest = digest_of(secret)
        now = self.clock()
        async with self.uow.system() as tx:
            key = await tx.api_keys.find_by_digest(digest)
            if key is None:
                raise ApiKeyInvalid("this is not an API key")
            key.check_usable(now)
            role = await owner_role(tx, key)
        self.uses.note(key.id, now)
        grant = Grant(
            subject=key.id,
            kind="api_key",
            org_id=key.org_id,
            permissions=key.permissions(self.model, role),
            role=role,
            owner=key.owner.id,
            prompts=key.limits.prompts,
            repositories=key.limits.repositories,
            not_after=key.expires_at,
        )
        return await self.issue_access_token(grant)
