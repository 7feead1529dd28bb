"""A person looks at their open sessions, and closes them."""

from dataclasses import dataclass

from assay_auth.application.pages import Page, PageRequest, page_of
from assay_auth.application.ports import UnitOfWork
from assay_auth.application.sessions.session import end_sessions
from assay_auth.domain.errors import PersonNeeded, SessionNotFound
from assay_auth.domain.events import RevocationReason, SessionRevoked
from assay_auth.domain.sessions import OpenedSession
from assay_auth.domain.text import parsed_id
from assay_common.clock import Clock
from assay_common.identity import Principal


def require_person(caller: Principal) -> None:
    """Raise PersonNeeded for an API key."""
    if caller.kind != "user":
        raise PersonNeeded("an API key has no account and no sessions: sign in")


@dataclass(frozen=True, slots=True)
class ListSessions:
    """List the caller's open sessions, newest first."""

    uow: UnitOfWork
    clock: Clock

    async def __call__(self, caller: Principal, page: PageRequest) -> Page[OpenedSession]:
        """A page of them; raises PersonNeeded."""
        require_person(caller)
        async with self.uow.system() as tx:
            found = await tx.refresh_tokens.page(caller.subject, page, self.clock())
        return page_of(found, page, lambda session: session.id)


@dataclass(frozen=True, slots=True)
class RevokeSessions:
    """Close one of the caller's sessions, or all but the one they speak from."""

    uow: UnitOfWork
    clock: Clock

    async def __call__(self, caller: Principal, wanted: str = "") -> int:
        """How many were closed; raises PersonNeeded, and SessionNotFound for one that is not the caller's."""
        require_person(caller)
        now = self.clock()
        async with self.uow.system() as tx:
            if not wanted:
                return await end_sessions(tx, caller.subject, now, RevocationReason.REVOKED, but=caller.session_id)
            session_id = parsed_id(wanted)
            if session_id is None or not await tx.refresh_tokens.revoke_of(caller.subject, now, only=session_id):
                raise SessionNotFound("you have no such open session")
            await tx.record(SessionRevoked(caller.subject, session_id, RevocationReason.REVOKED))
        return 1
