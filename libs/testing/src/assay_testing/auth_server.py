"""A stand-in for the auth service that publishes an issuer's keys over real gRPC."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc.aio

from assay.auth.v1 import sessions_pb2, sessions_pb2_grpc
from assay_testing.issuer import Issuer


class _Keys:
    """Answers GetJwks and nothing else."""

    def __init__(self, issuer: Issuer) -> None:
        self._issuer = issuer

    async def GetJwks(self, request: sessions_pb2.GetJwksRequest, context: Any) -> sessions_pb2.Jwks:  # noqa: N802, ARG002
        return sessions_pb2.Jwks(jwks=await self._issuer.fetch())

    def __getattr__(self, rpc: str) -> None:
        """Every other RPC is unimplemented."""


@asynccontextmanager
async def auth_server(issuer: Issuer) -> AsyncIterator[str]:
    """Serve the issuer's keys for the length of the block; yields the gRPC target."""
    server = grpc.aio.server()
    sessions_pb2_grpc.add_SessionServiceServicer_to_server(_Keys(issuer), server)  # type: ignore[arg-type]
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(0)
