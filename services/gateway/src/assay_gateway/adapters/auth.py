"""The auth service: its keys and the exchange of API keys."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC
from typing import TYPE_CHECKING, Final

import grpc
import grpc.aio

from assay.auth.v1 import sessions_pb2 as pb
from assay_common.rpc.errors import error_from
from assay_gateway.application.authenticate import AuthAway
from assay_gateway.application.ports import ExchangedKey
from assay_gateway.application.revocations import KeyRefused

if TYPE_CHECKING:
    from assay.auth.v1.sessions_pb2_grpc import SessionServiceAsyncStub

KEYS_FRESH: Final = 60.0
"""Seconds for which published keys are shown again without asking auth."""

_AWAY: Final = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED)
_REFUSED: Final = (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND)


class AuthKeyExchange:
    """`KeyExchange` by RPC."""

    def __init__(self, sessions: SessionServiceAsyncStub) -> None:
        self._sessions = sessions

    async def exchange(self, api_key: str) -> ExchangedKey:
        """Raises KeyRefused, AuthAway or RemoteError."""
        try:
            given = await self._sessions.ExchangeApiKey(pb.ExchangeApiKeyRequest(api_key=api_key))
        except grpc.aio.AioRpcError as rpc_error:
            error = error_from(rpc_error)
            if error.status in _REFUSED:
                raise KeyRefused("the API key is unknown, expired or revoked") from error
            if error.status in _AWAY:
                raise AuthAway("API keys cannot be checked at the moment: auth does not answer") from error
            raise error from rpc_error
        return ExchangedKey(given.access_token, given.expires_at.ToDatetime(UTC))


class PublishedKeys:
    """Auth's JSON Web Key Set, remembered: the last one is good while auth is away."""

    def __init__(self, sessions: SessionServiceAsyncStub) -> None:
        self._sessions = sessions
        self._jwks: str | None = None
        self._fetched_at = 0.0
        self._fetching = asyncio.Lock()

    async def fetch(self) -> str:
        """Ask auth; raises AioRpcError."""
        answer = await self._sessions.GetJwks(pb.GetJwksRequest())
        self._jwks, self._fetched_at = answer.jwks, time.monotonic()
        return answer.jwks

    async def current(self) -> str:
        """The newest keys that can be had; raises AioRpcError when there never were any."""
        async with self._fetching:
            if self._jwks is not None and time.monotonic() - self._fetched_at < KEYS_FRESH:
                return self._jwks
            try:
                return await self.fetch()
            except grpc.aio.AioRpcError:
                if self._jwks is None:
                    raise
                return self._jwks

    async def check(self) -> None:
        """Raise when no token could be verified; does not ask auth again once it has answered."""
        if self._jwks is None:
            await self.fetch()
