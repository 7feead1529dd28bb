"""Who is calling: the principal of the current RPC, message or command, carried by a context variable."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from assay_common.errors import PermissionDenied, Unauthenticated


class NoPrincipal(Unauthenticated):
    """Nobody is signed in, and the work needs to know who asks."""


class OrganisationNotChosen(PermissionDenied):
    """The caller is known, but the token names no organisation."""


Role = Literal["owner", "admin", "member", "viewer"]


@dataclass(frozen=True, slots=True)
class Principal:
    """A verified caller; `token` is the raw bearer token, passed on when this service calls another."""

    subject: UUID
    kind: Literal["user", "api_key"]
    org_id: UUID | None
    permissions: frozenset[str]
    token: str = field(repr=False)
    expires_at: datetime
    issued_at: datetime | None = None
    role: Role | None = None
    """What the caller is to the organisation: a key is what its owner is. None without an organisation."""
    owner: UUID | None = None
    """The person or service account that an API key belongs to; None for a person."""
    session_id: UUID | None = None
    """The session that a person's token belongs to; None for API keys."""
    prompts: frozenset[str] | None = None
    """Ids and names of the only prompts an API key may touch; None = all."""
    repositories: frozenset[str] | None = None
    """Ids and names of the only repositories an API key may touch; None = all."""

    @property
    def acts_for(self) -> UUID:
        """The person or service account whose doing this is."""
        return self.owner or self.subject

    @property
    def tenant(self) -> UUID:
        """The caller's organisation; raises OrganisationNotChosen (PermissionDenied) when the token names none."""
        if self.org_id is None:
            raise OrganisationNotChosen("choose an organisation first: the token names none")
        return self.org_id

    def may_touch_prompt(self, *names: str) -> bool:
        """Whether one of a prompt's names (id, name) is among those the caller is limited to."""
        return self.prompts is None or not self.prompts.isdisjoint(names)

    def may_touch_repository(self, *names: str) -> bool:
        """Whether one of a repository's names (id, name) is among those the caller is limited to."""
        return self.repositories is None or not self.repositories.isdisjoint(names)


_current: ContextVar[Principal | None] = ContextVar("principal", default=None)


def current_principal() -> Principal | None:
    """The caller, or None where nobody is signed in (a public RPC, a background task)."""
    return _current.get()


def principal() -> Principal:
    """The caller; raises NoPrincipal (Unauthenticated) where nobody is signed in."""
    caller = _current.get()
    if caller is None:
        raise NoPrincipal("sign in first")
    return caller


def tenant() -> UUID:
    """The caller's organisation; raises OrganisationNotChosen (PermissionDenied) when the token names none."""
    return principal().tenant


def member() -> Principal:
    """The caller, acting in an organisation; raises as `tenant` does."""
    tenant()
    return principal()


def act_as(caller: Principal | None) -> None:
    """Make `caller` the principal of the rest of the current task; for servers, which run each request as a task."""
    _current.set(caller)


@contextmanager
def acting_as(caller: Principal | None) -> Iterator[None]:
    """Make `caller` the principal of everything inside the block (and of tasks started in it)."""
    token = _current.set(caller)
    try:
        yield
    finally:
        _current.reset(token)
