"""Exchange an API key for an access token, which every service can verify offline."""

from dataclasses import dataclass

from assay_auth.application.ports import UnitOfWork
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
    clock: Clock

    async def __call__(self, secret: str) -> AccessToken:
        """An access token with the key's scopes, which ends no later than the key.

        Raises InvalidArgument, ApiKeyInvalid, ApiKeyRevoked, ApiKeyExpired.
        """
        refuse(*missing("api_key", secret))
        digest = digest_of(secret)
        async with self.uow.system() as tx:
            key = await tx.api_keys.find_by_digest(digest)
        if key is None:
            raise ApiKeyInvalid("this is not an API key")
        key.check_usable(self.clock())
        permissions = self.model.catalogue.intersection(key.scopes)
        return await self.issue_access_token(Grant(key.id, "api_key", key.org_id, permissions, key.expires_at))
