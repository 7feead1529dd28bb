"""Sign in with an e-mail address and a password."""

from dataclasses import dataclass

from assay_auth.application.ports import UnitOfWork
from assay_auth.application.sessions.authenticate import Authenticate, wrong_credentials
from assay_auth.application.sessions.session import OpenSession, Session, begin_session
from assay_auth.domain.organisations import chosen
from assay_auth.domain.text import missing, normal_email, refuse
from assay_common.clock import Clock

METHOD = "password"


@dataclass(frozen=True, slots=True)
class SignIn:
    """Check who it is and open a session."""

    uow: UnitOfWork
    authenticate: Authenticate
    open_session: OpenSession
    clock: Clock

    async def __call__(self, email: str, password: str, organisation: str = "", code: str = "") -> Session:
        """The session, in the organisation with this id or slug, or in the person's only one, or in none.

        Raises InvalidArgument, OrganisationNotFound, and as Authenticate.
        """
        refuse(*missing("email", email), *missing("password", password))
        known = await self.authenticate(normal_email(email), password, code)
        user, now = known.user, self.clock()
        async with self.uow.system() as tx:
            current = await tx.users.credentials_for_change(user.id)
            if current is None or current.password_hash != known.password_hash:  # changed at this very moment
                raise wrong_credentials()
            membership = chosen(await tx.members.memberships_of(user.id), organisation)
            refresh = await begin_session(tx, user.id, membership, METHOD, now)
        return await self.open_session(user.id, membership, refresh)
