"""A small service run as a process of its own by the tests; its first argument says how it behaves."""

import asyncio
import sys
from contextlib import asynccontextmanager

import structlog
from pydantic import SecretStr

from assay.auth.v1 import sessions_pb2, sessions_pb2_grpc
from assay_common.lifecycle import run
from assay_common.rpc.jwks import TokenVerifier
from assay_common.rpc.server import serve
from assay_common.settings import DatabaseSettings, GrpcSettings, ServiceSettings, Targets, load

log = structlog.get_logger()


class Settings(ServiceSettings):
    database: DatabaseSettings
    grpc: GrpcSettings
    targets: Targets
    api_key: SecretStr


class Sessions(sessions_pb2_grpc.SessionServiceServicer):
    """GetJwks answers only once the process stops, and so is surely in flight then."""

    def __init__(self, lifecycle):
        self.lifecycle = lifecycle

    async def GetJwks(self, request, context):
        log.info("entered")
        await self.lifecycle.stopping.wait()
        await asyncio.sleep(0.2)
        return sessions_pb2.Jwks(jwks="finished")

    async def SignIn(self, request, context):
        log.info("sign in", password=request.password, note=f"Bearer {request.password}")
        raise RuntimeError("cannot connect to postgresql://auth:hunter2-database@db/assay")


async def no_keys():
    raise ConnectionRefusedError


def behaving(behaviour, settings):
    @asynccontextmanager
    async def start(lifecycle):
        if behaviour == "needs-target":
            settings.targets.require("prompt")
        if behaviour == "start-fails":
            raise RuntimeError("no way to start")
        if behaviour == "start-hangs":
            log.info("hanging")
            await asyncio.Event().wait()
        if behaviour == "crash-while-starting":
            lifecycle.spawn("relay", crash())
            await asyncio.Event().wait()
        async with serve(
            lifecycle,
            settings.grpc,
            [(sessions_pb2_grpc.add_SessionServiceServicer_to_server, Sessions(lifecycle))],
            [sessions_pb2.DESCRIPTOR.services_by_name["SessionService"]],
            TokenVerifier(no_keys),
        ):
            if behaviour == "crash":
                lifecycle.spawn("relay", crash())
            if behaviour == "not-ready":
                lifecycle.add_check("database", no_keys)
            yield
        if behaviour == "close-hangs":
            await asyncio.Event().wait()
        log.info("closed")

    return start


async def crash():
    await asyncio.sleep(0.1)
    raise RuntimeError("the relay is broken")


if __name__ == "__main__":
    settings = load(Settings)
    sys.exit(run("sample", settings, behaving(sys.argv[1], settings)))
