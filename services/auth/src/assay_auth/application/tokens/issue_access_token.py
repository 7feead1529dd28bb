"""Issue access tokens."""

from dataclasses import dataclass, field
from typing import Any

from assay_auth.application.ports import TokenSigner
from assay_auth.application.tokens.signing_key import EnsureSigningKey
from assay_auth.domain.access import AUDIENCE, ISSUER, AccessToken, Grant, SigningKey
from assay_common.clock import Clock
from assay_common.ids import new_id


@dataclass(slots=True)
class IssueAccessToken:
    """Sign what a grant says; the key is remembered for as long as it signs."""

    ensure_signing_key: EnsureSigningKey
    signer: TokenSigner
    clock: Clock
    _key: SigningKey | None = field(default=None, init=False)

    async def __call__(self, grant: Grant) -> AccessToken:
        """An access token of the grant."""
        now = self.clock()
        if self._key is None or not self._key.signs_at(now):
            self._key = await self.ensure_signing_key()
        expires_at = grant.expires_at(now)
        claims: dict[str, Any] = {
            "sub": str(grant.subject),
            "kind": grant.kind,
            "scope": " ".join(sorted(grant.permissions)),
            "iat": int(now.timestamp()),
            "exp": int(expires_at.timestamp()),
            "iss": ISSUER,
            "aud": AUDIENCE,
            "jti": str(new_id()),
        }
        if grant.org_id is not None:
            claims["org"] = str(grant.org_id)
        return AccessToken(self.signer.sign(self._key.material, claims), expires_at, grant.org_id)
