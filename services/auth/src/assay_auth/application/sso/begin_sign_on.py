"""Begin a sign-on: where to send the browser, and what it is known by when it comes back."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from assay_auth.application.ports import IdentityProvider, UnitOfWork
from assay_auth.domain.errors import ProviderUnknown
from assay_auth.domain.sessions import ENTROPY_BYTES, digest_of, token_from
from assay_auth.domain.sso import ATTEMPT_LIFETIME, Attempt, redirect_violations, return_violations
from assay_auth.domain.text import missing, refuse
from assay_common.clock import Clock


@dataclass(frozen=True, slots=True)
class Begun:
    """Where to send the browser, and the secret that it keeps."""

    authorization_url: str
    expires_at: datetime
    browser_binding: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class BeginSignOn:
    """Draw what ties to this attempt the answer (state), the token (nonce), the code (PKCE) and the browser."""

    uow: UnitOfWork
    providers: Mapping[str, IdentityProvider]
    public_url: str
    clock: Clock

    async def __call__(self, provider_id: str, redirect_uri: str, return_to: str = "") -> Begun:
        """An attempt with this provider; raises InvalidArgument, ProviderUnknown, ProviderUnavailable."""
        refuse(
            *missing("provider", provider_id),
            *redirect_violations("redirect_uri", redirect_uri, self.public_url),
            *return_violations("return_to", return_to),
        )
        provider = self.providers.get(provider_id)
        if provider is None:
            raise ProviderUnknown("there is no identity provider of this name")
        now = self.clock()
        state, binding = _secret(), _secret()
        attempt = Attempt(
            provider=provider.id,
            state_digest=digest_of(state),
            binding_digest=digest_of(binding),
            redirect_uri=redirect_uri,
            return_to=return_to,
            expires_at=now + ATTEMPT_LIFETIME,
            nonce=_secret(),
            code_verifier=_secret(),
        )
        url = await provider.authorization_url(attempt, state)
        async with self.uow.system() as tx:
            await tx.sign_on_attempts.add(attempt, now)
        return Begun(url, attempt.expires_at, binding)


def _secret() -> str:
    return token_from(secrets.token_bytes(ENTROPY_BYTES))
