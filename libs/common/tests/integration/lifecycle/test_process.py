"""The life of a process, looked at from outside: exit codes, signals, ports and logs."""

import asyncio
import json
import os
import signal
import socket
import sys
import time
from contextlib import asynccontextmanager
from pathlib import Path

import grpc.aio
import pytest

from assay.auth.v1 import sessions_pb2, sessions_pb2_grpc
from assay_common.tracing import LAST_SPANS_SECONDS

SERVICE = Path(__file__).with_name("service.py")
ENVIRONMENT = {
    "ASSAY_DATABASE__URL": "postgresql://auth:hunter2-database@db/assay",
    "ASSAY_API_KEY": "hunter2-key",
    "ASSAY_GRPC__LISTEN": "127.0.0.1:0",
    "ASSAY_OPS__LISTEN": "127.0.0.1:0",
}


class Process:
    """The service's process and the log lines it has written so far."""

    def __init__(self, process):
        self.process = process
        self.lines = []
        self.raw = ""

    async def until(self, event):
        """Read the log up to the line of an event."""
        async with asyncio.timeout(30):
            while line := await self.process.stdout.readline():
                self.raw += line.decode()
                self.lines.append(json.loads(line))
                if self.lines[-1]["event"] == event:
                    return self.lines[-1]
        raise AssertionError(f"{event!r} was never logged, but {self.raw}")

    async def exit(self):
        """Wait for the end; the exit code."""
        async with asyncio.timeout(30):
            out, err = await self.process.communicate()
        self.raw += out.decode() + err.decode()
        self.lines += [json.loads(line) for line in out.splitlines()]
        self.err = err.decode()
        return self.process.returncode

    def events(self):
        return [line["event"] for line in self.lines]


@asynccontextmanager
async def service(behaviour, environment=None):
    """Run the service; None takes a variable away."""
    variables = {**os.environ, **ENVIRONMENT, **(environment or {})}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        SERVICE,
        behaviour,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={name: value for name, value in variables.items() if value is not None},
    )
    try:
        yield Process(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def http_get(port, path):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    head, _, body = (await reader.read()).decode().partition("\r\n\r\n")
    writer.close()
    return int(head.split()[1]), body


@pytest.mark.parametrize("which", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_drains_what_is_in_flight(which):
    async with service("serve") as process:
        port = (await process.until("grpc listens"))["port"]
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            call = sessions_pb2_grpc.SessionServiceStub(channel).GetJwks(sessions_pb2.GetJwksRequest(), timeout=20)
            in_flight = asyncio.ensure_future(call)
            await process.until("entered")
            process.process.send_signal(which)
            assert (await in_flight).jwks == "finished"
        assert await process.exit() == 0
        order = [
            event for event in process.events() if event in ("signal received", "draining", "rpc", "closed", "stopped")
        ]
        assert order == ["signal received", "draining", "rpc", "closed", "stopped"]


@pytest.mark.parametrize("collector", ["refuses", "is silent"])
async def test_a_collector_that_is_away_holds_nothing_up(collector):
    """Spans are lost, and nothing else: requests are answered, and the process ends within its margin."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        if collector == "refuses":
            listener.close()
        endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}", "OTEL_BSP_SCHEDULE_DELAY": "50"}
        async with service("serve", endpoint) as process:
            port = (await process.until("grpc listens"))["port"]
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                stub = sessions_pb2_grpc.SessionServiceStub(channel)
                for _ in range(20):
                    with pytest.raises(grpc.aio.AioRpcError):
                        await stub.SignIn(sessions_pb2.SignInRequest(password="x"), timeout=5)
            began = time.monotonic()
            process.process.terminate()
            assert await process.exit() == 0
            assert time.monotonic() - began < LAST_SPANS_SECONDS + 4


async def test_what_outlives_the_grace_is_cut_off():
    async with service("serve", {"ASSAY_GRACE_SECONDS": "0.05"}) as process:
        port = (await process.until("grpc listens"))["port"]
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            call = sessions_pb2_grpc.SessionServiceStub(channel).GetJwks(sessions_pb2.GetJwksRequest(), timeout=20)
            in_flight = asyncio.ensure_future(call)
            await process.until("entered")
            process.process.terminate()
            with pytest.raises(grpc.aio.AioRpcError):
                await in_flight
        assert await process.exit() == 0


async def test_a_crash_in_the_background_ends_the_process():
    async with service("crash") as process:
        assert await process.exit() == 1
        (crash,) = [line for line in process.lines if line["event"] == "background task crashed"]
        assert crash["task"] == "relay"
        assert "the relay is broken" in crash["exception"]
        assert "closed" in process.events()


async def test_a_crash_during_the_start_ends_the_process():
    async with service("crash-while-starting") as process:
        assert await process.exit() == 1
        assert "background task crashed" in process.events()


async def test_a_failed_start_ends_the_process():
    async with service("start-fails") as process:
        assert await process.exit() == 1
        assert "no way to start" in process.lines[-1]["exception"]
        assert process.lines[-1]["event"] == "start failed"


async def test_a_start_that_hangs_can_be_interrupted():
    async with service("start-hangs") as process:
        await process.until("hanging")
        process.process.terminate()
        assert await process.exit() == 0


async def test_a_second_signal_does_not_wait():
    async with service("close-hangs") as process:
        await process.until("ready")
        process.process.terminate()
        await process.until("signal received")
        process.process.terminate()
        assert await process.exit() == 0
        assert "stopped before its work was finished" in process.events()


async def test_settings_that_are_missing_or_wrong_are_named():
    wrong = {"ASSAY_DATABASE__URL": None, "ASSAY_API_KEY": None, "ASSAY_GRPC__LISTEN": "nowhere"}
    async with service("serve", wrong) as process:
        assert await process.exit() == 78
        assert sorted(line.split(": ")[1] for line in process.err.splitlines()) == [
            "ASSAY_API_KEY",
            "ASSAY_DATABASE__URL",
            "ASSAY_GRPC__LISTEN",
        ]


async def test_a_target_that_is_needed_is_named():
    async with service("needs-target") as process:
        assert await process.exit() == 78
        assert "ASSAY_TARGETS__PROMPT" in process.lines[-1]["problem"]


@pytest.mark.parametrize("variable", ["ASSAY_OPS__LISTEN", "ASSAY_GRPC__LISTEN"])
async def test_a_taken_port_is_named(variable):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        async with service("serve", {variable: address}) as process:
            assert await process.exit() == 1
            assert f"cannot listen on {address} ({variable})" in process.lines[-1]["exception"]


async def test_the_ops_port_tells_life_and_readiness_and_metrics():
    async with service("serve") as process:
        port = (await process.until("ops port listens"))["port"]
        await process.until("ready")
        assert await http_get(port, "/healthz") == (200, '{"status":"alive"}')
        assert await http_get(port, "/readyz") == (200, '{"ready":true,"problems":{}}')
        status, body = await http_get(port, "/metrics")
        assert status == 200
        assert "service_ready 1.0" in body
        assert "grpc_server_handling_seconds" in body
        assert (await http_get(port, "/nothing"))[0] == 404


async def test_a_failed_check_is_told():
    async with service("not-ready") as process:
        port = (await process.until("ops port listens"))["port"]
        await process.until("started")
        status, body = await http_get(port, "/readyz")
        assert status == 503
        assert "database" in json.loads(body)["problems"]
        assert (await http_get(port, "/healthz"))[0] == 200


async def test_it_is_alive_but_not_ready_while_it_starts():
    async with service("start-hangs") as process:
        port = (await process.until("ops port listens"))["port"]
        await process.until("hanging")
        assert (await http_get(port, "/healthz"))[0] == 200
        assert (await http_get(port, "/readyz"))[0] == 503


async def test_secrets_are_never_logged():
    async with service("serve") as process:
        port = (await process.until("grpc listens"))["port"]
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = sessions_pb2_grpc.SessionServiceStub(channel)
            with pytest.raises(grpc.aio.AioRpcError) as refusal:
                await stub.SignIn(sessions_pb2.SignInRequest(email="a@b.c", password="hunter2-typed"))
            with pytest.raises(grpc.aio.AioRpcError):
                await stub.WhoAmI(sessions_pb2.WhoAmIRequest(), metadata=(("authorization", "Bearer hunter2-token"),))
        assert "hunter2" not in refusal.value.debug_error_string()
        process.process.terminate()
        assert await process.exit() == 0
        assert "rpc failed" in process.events()
        assert "starting" in process.events()
        assert "hunter2" not in process.raw


async def test_every_line_is_json_with_the_same_ids():
    async with service("serve") as process:
        port = (await process.until("grpc listens"))["port"]
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            with pytest.raises(grpc.aio.AioRpcError):
                await sessions_pb2_grpc.SessionServiceStub(channel).SignIn(
                    sessions_pb2.SignInRequest(),
                    metadata=(
                        ("x-request-id", "r-1"),
                        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
                    ),
                )
        process.process.terminate()
        await process.exit()
        of_rpc = [line for line in process.lines if line["event"] in ("sign in", "rpc failed", "rpc")]
        assert len(of_rpc) == 3
        assert {line["trace_id"] for line in of_rpc} == {"0af7651916cd43dd8448eb211c80319c"}
        assert {line["request_id"] for line in of_rpc} == {"r-1"}
        assert {line["service"] for line in process.lines} == {"sample"}
