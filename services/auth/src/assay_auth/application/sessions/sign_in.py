"""Sign in with an e-mail address and a password."""

from dataclasses import dataclass
from uuid import UUID

from assay_auth.application.ports import PasswordHasher, UnitOfWork
from assay_auth.application.sessions.session import OpenSession, Session, new_refresh_token
from assay_auth.domain.errors import InvalidCredentials
from assay_auth.domain.organisations import chosen
from assay_auth.domain.sessions import NewFamily
from assay_auth.domain.text import MAX_PASSWORD, is_email, missing, normal_email, normal_password, refuse
from assay_common.clock import Clock
from assay_common.ids import new_id


@dataclass(frozen=True, slots=True)
class SignIn:
    """Check who it is and open a session; an unknown address costs the time of a wrong password."""

    uow: UnitOfWork
    hasher: PasswordHasher
    open_session: OpenSession
    clock: Clock

    async def __call__(self, email: str, password: str, organisation: str = "") -> Session:
        """The session, in the organisation with this id or slug, or in the person's only one, or in none.

        Raises InvalidArgument, InvalidCredentials, OrganisationNotFound.
        """
        refuse(*missing("email", email), *missing("password", password))
        user_id = await self._authenticated(normal_email(email), password)
        now = self.clock()
        async with self.uow.system() as tx:
            membership = chosen(await tx.members.memberships_of(user_id), organisation)
            family = NewFamily(new_id(), user_id, membership.org_id if membership else None, now)
            refresh = new_refresh_token(family.id, now)
            await tx.refresh_tokens.open(family, refresh.stored)
        return await self.open_session(user_id, membership, refresh)

    async def _authenticated(self, email: str, password: str) -> UUID:
        # What is too long to be anybody's password is not hashed in full length, but as slowly as any other.
        candidate = normal_password(password) if len(password) <= MAX_PASSWORD else ""
        async with self.uow.system() as tx:
            known = await tx.users.credentials(email) if is_email(email) else None
        fits = await self.hasher.verify(known.password_hash if known else None, candidate)
        if known is None or known.password_hash is None or not fits:
            raise InvalidCredentials("the e-mail address or the password is wrong")
        if self.hasher.is_outdated(known.password_hash):
            await self._rehash(known.user.id, known.password_hash, candidate)
        return known.user.id

    async def _rehash(self, user_id: UUID, old: str, password: str) -> None:
        new = await self.hasher.hash(password)
        async with self.uow.system() as tx:
            await tx.users.replace_hash(user_id, old, new)
