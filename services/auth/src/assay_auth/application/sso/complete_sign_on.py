"""End a sign-on: check what the browser brought back and open a session."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from assay_auth.application.ports import IdentityProvider, UnitOfWork
from assay_auth.application.sessions.session import OpenSession, Session, begin_session
from assay_auth.application.sso.find_account import FindAccount
from assay_auth.domain.errors import ProviderUnknown, SignOnRefused
from assay_auth.domain.organisations import chosen
from assay_auth.domain.sessions import digest_of
from assay_auth.domain.sso import Attempt, ProvidedIdentity, invalid_attempt
from assay_auth.domain.text import missing, refuse
from assay_common.clock import Clock

MAX_ERROR = 100


@dataclass(frozen=True, slots=True)
class ProviderAnswer:
    """What the provider sent along with the browser (RFC 6749, section 4.1.2; RFC 9207)."""

    state: str = field(repr=False)
    code: str = field(default="", repr=False)
    error: str = ""
    issuer: str = ""


@dataclass(frozen=True, slots=True)
class SignedOn:
    """A session, and where the browser wanted to go."""

    session: Session
    return_to: str


@dataclass(frozen=True, slots=True)
class CompleteSignOn:
    """Open a session for whom the provider names; an attempt ends here, however it ends."""

    uow: UnitOfWork
    providers: Mapping[str, IdentityProvider]
    find_account: FindAccount
    open_session: OpenSession
    clock: Clock

    async def __call__(self, answer: ProviderAnswer, browser_binding: str) -> SignedOn:
        """The session, in the person's only organisation or in none.

        Raises InvalidArgument, SignOnInvalid, ProviderUnknown, ProviderUnavailable, SignOnRefused, IdTokenInvalid, and
        as FindAccount.
        """
        refuse(*missing("state", answer.state), *missing("browser_binding", browser_binding))
        attempt = await self._attempt(answer.state, browser_binding)
        identity = await self._identity(attempt, answer)
        now = self.clock()
        async with self.uow.system() as tx:
            user_id = await self.find_account(tx, identity)
            membership = chosen(await tx.members.memberships_of(user_id), "")
            refresh = await begin_session(tx, user_id, membership, f"sso:{attempt.provider}", now)
        return SignedOn(await self.open_session(user_id, membership, refresh), attempt.return_to)

    async def _attempt(self, state: str, browser_binding: str) -> Attempt:
        async with self.uow.system() as tx:  # of its own: whatever happens next, nobody uses the state again
            attempt = await tx.sign_on_attempts.take(digest_of(state))
        if attempt is None:
            raise invalid_attempt()
        attempt.check(browser_binding, self.clock())
        return attempt

    async def _identity(self, attempt: Attempt, answer: ProviderAnswer) -> ProvidedIdentity:
        provider = self.providers.get(attempt.provider)
        if provider is None:
            raise ProviderUnknown("the identity provider was taken away meanwhile")
        await provider.check_issuer(answer.issuer)
        if answer.error or not answer.code:
            raise SignOnRefused("the identity provider refused the sign-in", error=answer.error[:MAX_ERROR])
        return await provider.identity(attempt, answer.code)
