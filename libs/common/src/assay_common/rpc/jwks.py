"""Verification of access tokens, offline, with the keys that auth publishes (RFC 7515, 7517, 7519, 8037)."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import grpc.aio
import jwt
import structlog

from assay.auth.v1 import sessions_pb2, sessions_pb2_grpc
from assay_common.errors import Unauthenticated, Unavailable
from assay_common.identity import Principal

log = structlog.get_logger()

ALGORITHM: Final = "EdDSA"
LEEWAY: Final = 30.0
"""Seconds by which two machines' clocks may differ."""
REFETCH_INTERVAL: Final = 5.0
"""Seconds between two fetches of the keys, however many unknown key ids arrive."""
MAX_KEY_AGE: Final = 300.0
"""Seconds after which the keys are fetched again though nobody asked for another, so that a withdrawn one goes."""
CACHE_SIZE: Final = 4096

_CLAIMS: Final = ["sub", "kind", "iat", "exp", "iss", "aud", "jti"]


class TokenInvalid(Unauthenticated):
    """The token is not one of ours: malformed, forged, or meant for somebody else."""


class TokenExpired(Unauthenticated):
    """The token was good once."""


class KeysUnavailable(Unavailable):
    """The keys that would verify the token cannot be had at the moment."""


class TokenVerifier:
    """Checks access tokens; verified ones are remembered until they expire (at most CACHE_SIZE).

    Keys are fetched when first needed, for an unknown key id (at most once per REFETCH_INTERVAL) and when they are
    older than MAX_KEY_AGE. While auth is away the last keys remain in use.
    """

    def __init__(self, fetch: Callable[[], Awaitable[str]], issuer: str = "assay", audience: str = "assay") -> None:
        self._fetch = fetch
        self._issuer = issuer
        self._audience = audience
        self._keys: dict[str, jwt.PyJWK] = {}
        self._tried_at: float | None = None
        self._fetched_at: float | None = None
        self._lock = asyncio.Lock()
        self._verified: OrderedDict[str, Principal] = OrderedDict()

    async def verify(self, token: str) -> Principal:
        """The principal that a token speaks for.

        Raises TokenInvalid, TokenExpired (both Unauthenticated) or KeysUnavailable (Unavailable).
        """
        if self._older_than(self._fetched_at, MAX_KEY_AGE):
            await self._refetch()
        known = self._verified.get(token)
        if known is not None and known.expires_at.timestamp() > time.time():
            self._verified.move_to_end(token)
            return known
        principal = self._principal(token, await self._key(_key_id(token)))
        self._remember(token, principal)
        return principal

    async def _key(self, key_id: str) -> jwt.PyJWK:
        if key_id not in self._keys:
            await self._refetch()
        key = self._keys.get(key_id)
        if key is not None:
            return key
        if self._fetched_at is None or self._fetched_at != self._tried_at:
            raise KeysUnavailable("tokens cannot be checked at the moment: auth does not answer")
        raise TokenInvalid("the token is signed with an unknown key")

    async def _refetch(self) -> None:
        """Fetch the keys unless that was tried just now; on failure the old keys stay."""
        async with self._lock:
            if not self._older_than(self._tried_at, REFETCH_INTERVAL):
                return
            started = time.monotonic()
            try:
                keys = {key.key_id: key for key in jwt.PyJWKSet.from_json(await self._fetch()).keys if key.key_id}
            except Exception as error:
                log.warning("signing keys not fetched", error=repr(error))
                self._tried_at = started
                return
            self._tried_at = self._fetched_at = started
            if keys.keys() != self._keys.keys():
                self._verified.clear()
            self._keys = keys

    def _principal(self, token: str, key: jwt.PyJWK) -> Principal:
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                audience=self._audience,
                issuer=self._issuer,
                leeway=LEEWAY,
                options={"require": _CLAIMS},
            )
            return _principal_from(claims, token)
        except jwt.ExpiredSignatureError as error:
            raise TokenExpired("the token has expired") from error
        except (jwt.PyJWTError, ValueError, KeyError, AttributeError) as error:
            raise TokenInvalid("the token is not valid") from error

    def _remember(self, token: str, principal: Principal) -> None:
        self._verified[token] = principal
        while len(self._verified) > CACHE_SIZE:
            self._verified.popitem(last=False)

    @staticmethod
    def _older_than(moment: float | None, seconds: float) -> bool:
        return moment is None or time.monotonic() - moment >= seconds


def _key_id(token: str) -> str:
    try:
        key_id = jwt.get_unverified_header(token).get("kid")
    except jwt.PyJWTError as error:
        raise TokenInvalid("the token is not valid") from error
    if not isinstance(key_id, str):
        raise TokenInvalid("the token names no key")
    return key_id


def _principal_from(claims: Mapping[str, Any], token: str) -> Principal:
    kind = claims["kind"]
    if kind not in ("user", "api_key"):
        raise TokenInvalid("the token is not valid")
    org, owner, session = claims.get("org"), claims.get("owner"), claims.get("sid")
    role = claims.get("role")
    if role not in (None, "owner", "admin", "member", "viewer"):
        raise TokenInvalid("the token is not valid")
    return Principal(
        subject=UUID(claims["sub"]),
        kind=kind,
        org_id=UUID(org) if org is not None else None,
        permissions=frozenset(claims.get("scope", "").split()),
        token=token,
        expires_at=datetime.fromtimestamp(claims["exp"], UTC),
        issued_at=datetime.fromtimestamp(claims["iat"], UTC),
        role=role,
        owner=UUID(owner) if owner is not None else None,
        session_id=UUID(session) if session is not None else None,
        prompts=_limit(claims.get("prompts")),
        repositories=_limit(claims.get("repositories")),
    )


def _limit(names: list[str] | None) -> frozenset[str] | None:
    return frozenset(names) if names is not None else None


def jwks_from_auth(channel: grpc.aio.Channel) -> Callable[[], Awaitable[str]]:
    """A `fetch` that asks the auth service."""
    stub = sessions_pb2_grpc.SessionServiceStub(channel)

    async def fetch() -> str:
        answer = await stub.GetJwks(sessions_pb2.GetJwksRequest())
        return answer.jwks

    return fetch
