"""Which account a provider's person signs in to."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog

from assay_auth.application.ports import Credentials, Transaction
from assay_auth.domain.errors import AccountDeactivated, AccountNotVerified, LinkedToSomebodyElse
from assay_auth.domain.events import EmailVerified, Event, IdentityLinked, UserSignedUp
from assay_auth.domain.members import User
from assay_auth.domain.sign_up import SignUp
from assay_auth.domain.sso import ProvidedIdentity
from assay_common.clock import Clock
from assay_common.ids import new_id

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class FindAccount:
    """Know a person by the provider's name for them, and the first time by an address that both sides have verified."""

    sign_up: SignUp
    clock: Clock

    async def __call__(self, tx: Transaction, identity: ProvidedIdentity) -> UUID:
        """The id of the person's account, linked or made if need be.

        Raises ProviderAddressNotVerified, AccountNotVerified, AccountDeactivated, LinkedToSomebodyElse,
        SignUpClosed, InvitationNeeded.
        """
        now = self.clock()
        linked = await tx.identities.user_of(identity)
        if linked is not None:
            if await tx.users.find(linked) is None:
                raise _closed()
            return linked
        email = identity.verified_email()
        known = await tx.users.credentials(email)
        if known is None:
            self.sign_up.check(invited=await tx.invitations.is_invited(email, now))
            return await self._made(tx, identity, User(new_id(), email, identity.display_name(), now))
        _check_linkable(known)
        return await self._linked(tx, identity, known.user.id, now)

    async def _made(self, tx: Transaction, identity: ProvidedIdentity, user: User) -> UUID:
        if not await tx.users.add(user, None):
            return await self(tx, identity)  # somebody made it meanwhile, perhaps they themselves in another window
        made = UserSignedUp(user.id), EmailVerified(user.id)
        return await self._linked(tx, identity, user.id, user.created_at, *made)

    async def _linked(
        self, tx: Transaction, identity: ProvidedIdentity, user_id: UUID, now: datetime, *before: Event
    ) -> UUID:
        if await tx.identities.link(identity, user_id, now):
            log.info("identity linked", provider=identity.provider, user_id=str(user_id))
            await tx.record(*before, IdentityLinked(user_id, identity.provider))
            return user_id
        if await tx.identities.user_of(identity) != user_id:
            raise LinkedToSomebodyElse(
                "the account with your address is linked to another person of this provider: ask the administrator"
            )
        return user_id


def _check_linkable(known: Credentials) -> None:
    """Raise AccountDeactivated, or AccountNotVerified for an account that anybody may have made with this address.

    Whoever made it knows its password, and would share whatever the real person does in it.
    """
    if not known.is_active:
        raise _closed()
    if not known.is_verified:
        raise AccountNotVerified(
            "an account with your address waits to be verified: follow the link in its mail, then sign in again"
        )


def _closed() -> AccountDeactivated:
    return AccountDeactivated("this account was closed")
