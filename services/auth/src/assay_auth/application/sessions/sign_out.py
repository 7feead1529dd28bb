"""Close a session."""

from dataclasses import dataclass

from assay_auth.application.ports import UnitOfWork
from assay_auth.domain.events import RevocationReason, SessionRevoked
from assay_auth.domain.sessions import digest_of
from assay_auth.domain.text import missing, refuse
from assay_common.clock import Clock


@dataclass(frozen=True, slots=True)
class SignOut:
    """Revoke the family of a refresh token; an unknown one is as good as revoked (RFC 7009, section 2.2)."""

    uow: UnitOfWork
    clock: Clock

    async def __call__(self, refresh_token: str) -> None:
        """Close the session; raises InvalidArgument when no token is given."""
        refuse(*missing("refresh_token", refresh_token))
        async with self.uow.system() as tx:
            token = await tx.refresh_tokens.find_for_change(digest_of(refresh_token))
            if token is not None and token.family_revoked_at is None:
                await tx.refresh_tokens.revoke(token.family_id, self.clock())
                await tx.record(SessionRevoked(token.user_id, token.family_id, RevocationReason.SIGNED_OUT))
