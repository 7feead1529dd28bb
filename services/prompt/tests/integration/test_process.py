"""The service as processes: one of two is told to stop while clients read and write."""

import asyncio
import os
import sys
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from uuid import uuid4

import httpx

from assay.prompt.v1 import prompts_pb2, prompts_pb2_grpc
from assay_common.rpc.client import channel
from assay_common.settings import GrpcSettings
from assay_local.ports import free_port
from assay_testing.auth_server import auth_server

CLIENTS = 12
GRACE_SECONDS = 10


class Process:
    """`python -m assay_prompt serve`."""

    def __init__(self, process, grpc_port, ops_port):
        self.process = process
        self.address = f"127.0.0.1:{grpc_port}"
        self._ops = f"http://127.0.0.1:{ops_port}"

    async def readiness(self, http):
        """The status of /readyz; None when nobody listens."""
        try:
            return (await http.get(f"{self._ops}/readyz")).status_code
        except httpx.TransportError:
            return None

    async def until_ready(self, http):
        while await self.readiness(http) != 200:
            assert self.process.returncode is None
            await asyncio.sleep(0.05)


@asynccontextmanager
async def serving(database, kafka_settings, auth):
    """A process of the service on free ports."""
    grpc_port = free_port(avoid=set())
    ops_port = free_port(avoid={grpc_port})
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ASSAY_")} | {
        "ASSAY_DATABASE__URL": database.url.get_secret_value(),
        "ASSAY_KAFKA__BOOTSTRAP_SERVERS": kafka_settings.bootstrap_servers,
        "ASSAY_KAFKA__NAMESPACE": kafka_settings.namespace,
        "ASSAY_GRPC__LISTEN": f"127.0.0.1:{grpc_port}",
        "ASSAY_OPS__LISTEN": f"127.0.0.1:{ops_port}",
        "ASSAY_TARGETS__AUTH": auth,
        "ASSAY_GRACE_SECONDS": str(GRACE_SECONDS),
        "ASSAY_LOG__LEVEL": "WARNING",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "assay_prompt", "serve", env=environment, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        yield Process(process, grpc_port, ops_port)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def test_a_replica_that_stops_under_load_costs_no_call(database, kafka_settings, issuer):
    """Reads and writes go on over the other one: callers have left before the server begins to refuse."""
    metadata = issuer.caller(uuid4(), "prompts:read", "prompts:write")
    created, reads = [], 0
    enough, stop = asyncio.Event(), asyncio.Event()

    async with AsyncExitStack() as stack:
        auth = await stack.enter_async_context(auth_server(issuer))
        first = await stack.enter_async_context(serving(database, kafka_settings, auth))
        second = await stack.enter_async_context(serving(database, kafka_settings, auth))
        http = await stack.enter_async_context(httpx.AsyncClient())
        async with asyncio.timeout(60):
            await asyncio.gather(first.until_ready(http), second.until_ready(http))
        opened = await stack.enter_async_context(channel(f"ipv4:{first.address},{second.address}", GrpcSettings()))
        stub = prompts_pb2_grpc.PromptServiceStub(opened)

        async def client(number):
            nonlocal reads
            turn = 0
            while not stop.is_set():
                name = f"prompt-{number}-{turn}"
                made = await stub.CreatePrompt(prompts_pb2.CreatePromptRequest(name=name), metadata=metadata)
                created.append(made.id)
                found = await stub.GetPrompt(prompts_pb2.GetPromptRequest(prompt=name), metadata=metadata)
                assert found.id == made.id
                reads += 1
                turn += 1
                if reads >= 10 * CLIENTS:
                    enough.set()

        async with asyncio.timeout(90), asyncio.TaskGroup() as group:
            for number in range(CLIENTS):
                group.create_task(client(number))
            await enough.wait()
            first.process.terminate()
            seen = [await first.readiness(http)]
            assert await asyncio.wait_for(first.process.wait(), GRACE_SECONDS) == 0
            after = reads
            while reads < after + 10 * CLIENTS:  # noqa: ASYNC110 - a number tells no one when it grows
                await asyncio.sleep(0.01)
            stop.set()

        assert set(seen) <= {503, None}, "it is not ready from the moment it is told"
        assert await second.readiness(http) == 200
        page = await stub.ListPrompts(prompts_pb2.ListPromptsRequest(page_size=200), metadata=metadata)
        listed = {each.id for each in page.prompts}
        while page.next_page_token:
            request = prompts_pb2.ListPromptsRequest(page_size=200, page_token=page.next_page_token)
            page = await stub.ListPrompts(request, metadata=metadata)
            listed |= {each.id for each in page.prompts}
        assert listed == set(created)
        assert len(created) == len(set(created)) == reads
