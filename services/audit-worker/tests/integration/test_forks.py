"""Programs can be started by a process whose gRPC server is busy."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import assay_audit  # first, as in the service
import asyncio, sys, tempfile
from pathlib import Path

import grpc.aio, uvloop
from grpc_health.v1 import health_pb2, health_pb2_grpc

from assay_audit.adapters.git.command import Git
from assay_audit.adapters.processes import Limits


class Health(health_pb2_grpc.HealthServicer):
    async def Check(self, request, context):
        return health_pb2.HealthCheckResponse(status=1)


async def call(port):
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        while True:
            await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())


async def main():
    server = grpc.aio.server()
    health_pb2_grpc.add_HealthServicer_to_server(Health(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    calls = [asyncio.create_task(call(port)) for _ in range(4)]
    git = Git(Limits(seconds=60, memory_bytes=2**32, file_bytes=2**30))
    with tempfile.TemporaryDirectory() as folder:
        codes = [(await git("version", folder=Path(folder))).code for _ in range(60)]
    for each in calls:
        each.cancel()
    await server.stop(None)
    sys.exit(f"exit codes: {codes}" if any(codes) else 0)


uvloop.run(main())
"""


def test_programs_do_not_die_of_grpc_before_they_begin() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
