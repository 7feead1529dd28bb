"""Issue access tokens."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from assay_auth.application.ports import TokenSigner
from assay_auth.application.tokens.signing_key import EnsureSigningKey
from assay_auth.domain.access import AUDIENCE, ISSUER, AccessToken, Grant, SigningKey
from assay_common.clock import Clock
from assay_common.ids import new_id

REMEMBERED: Final = timedelta(minutes=1)
"""How long a signing key is used without asking whether another has taken over."""


@dataclass(slots=True)
class IssueAccessToken:
    """Sign what a grant says; the key is remembered for a while, so that a rotation is heard of."""

    ensure_signing_key: EnsureSigningKey
    signer: TokenSigner
    clock: Clock
    _key: SigningKey | None = field(default=None, init=False)
    _known_until: datetime = field(default=datetime.min.replace(tzinfo=UTC), init=False)

    async def __call__(self, grant: Grant) -> AccessToken:
        """An access token of the grant."""
        now = self.clock()
        key = await self._signing_key(now)
        expires_at = grant.expires_at(now)
        claims: dict[str, Any] = {
            "sub": str(grant.subject),
            "kind": grant.kind,
            "scope": " ".join(sorted(grant.permissions)),
            # To the millisecond: what happened to a membership in the same second came before or after.
            "iat": round(now.timestamp(), 3),
            "exp": int(expires_at.timestamp()),
            "iss": ISSUER,
            "aud": AUDIENCE,
            "jti": str(new_id()),
        }
        if grant.org_id is not None:
            claims["org"] = str(grant.org_id)
        if grant.role is not None:
            claims["role"] = grant.role.value
        if grant.owner is not None:
            claims["owner"] = str(grant.owner)
        if grant.session_id is not None:
            claims["sid"] = str(grant.session_id)
        if grant.prompts:
            claims["prompts"] = list(grant.prompts)
        if grant.repositories:
            claims["repositories"] = list(grant.repositories)
        return AccessToken(self.signer.sign(key.material, claims), expires_at, grant.org_id)

    async def _signing_key(self, now: datetime) -> SigningKey:
        if self._key is None or now >= self._known_until or not self._key.signs_at(now):
            self._key = await self.ensure_signing_key()
            self._known_until = now + REMEMBERED
        return self._key
