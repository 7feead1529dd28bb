"""Who a client is to the gateway."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Protocol

EARLY_SECONDS: Final = 30
"""A token that expires so soon is renewed before it is used."""


@dataclass(frozen=True, slots=True)
class Session:
    """The tokens of a sign-in."""

    access_token: str
    refresh_token: str
    expires_at: datetime
    organisation_id: str | None = None

    def __repr__(self) -> str:
        return f"Session(organisation_id={self.organisation_id!r}, expires_at={self.expires_at.isoformat()})"

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> Session:
        """The session in an answer of /v1/sessions or /oauth/token."""
        expires_at = answer.get("expires_at")
        moment = (
            datetime.fromisoformat(expires_at)
            if expires_at
            else datetime.fromtimestamp(datetime.now(UTC).timestamp() + answer["expires_in"], UTC)
        )
        return cls(answer["access_token"], answer["refresh_token"], moment, answer.get("organisation_id") or None)

    @property
    def owner(self) -> str:
        """Person and organisation that the tokens are for, as the access token says; to tell sessions apart."""
        payload = self.access_token.split(".")[1:2]
        try:
            claims = json.loads(urlsafe_b64decode(payload[0] + "==")) if payload else {}
        except ValueError:
            claims = {}
        return f"{claims.get('sub')} in {claims.get('org') or self.organisation_id}"

    def is_fresh(self) -> bool:
        """Whether the access token is good for some time yet."""
        return (self.expires_at - datetime.now(UTC)).total_seconds() > EARLY_SECONDS


class SessionStore(Protocol):
    """Where the tokens of a sign-in are; a refresh token works once, so that only one may use it at a time."""

    def load(self) -> Session | None:
        """The session; None when nobody is signed in."""

    def save(self, session: Session | None) -> None:
        """Keep the session; None = forget it."""

    def alone(self) -> AbstractContextManager[Any]:
        """Nobody else, in this process or another, renews the session inside the block."""


@dataclass(slots=True)
class InMemory:
    """A session that ends with the program."""

    session: Session | None = None

    def load(self) -> Session | None:
        """The session."""
        return self.session

    def save(self, session: Session | None) -> None:
        """Keep it."""
        self.session = session

    def alone(self) -> AbstractContextManager[Any]:
        """Nobody else knows this session."""
        return nullcontext()
