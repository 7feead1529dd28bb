"""The process: ids, traces, health, metrics, and an orderly end."""

import asyncio
import json
import os
import re
import signal
import sys
from uuid import uuid4

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from assay_common.idempotency import IdempotentRequestDone, current_once
from assay_common.kafka.topics import ensure_topics
from assay_common.settings import KafkaSettings
from assay_local.components import Kafka
from assay_local.ports import free_port
from assay_protos import topics
from assay_protos.permissions import methods


async def test_a_request_id_is_taken_over_or_made(client, backend):
    answered = await client.get("/v1/prompts/x", headers={"x-request-id": "Order-66.a:b_c"})
    assert answered.headers["x-request-id"] == "Order-66.a:b_c"
    assert backend.calls[-1].request_id == "Order-66.a:b_c"
    for bad in ("", "a b", "x" * 129, "ü".encode(), "<script>"):
        answered = await client.get("/v1/prompts/x", headers={"x-request-id": bad})
        assert re.fullmatch(r"[0-9a-f]{32}", answered.headers["x-request-id"])


async def test_one_trace_spans_the_gateway_and_the_service(client, backend):
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    answered = await client.get("/v1/prompts/x", headers={"traceparent": f"00-{trace_id}-b7ad6b7169203331-01"})
    assert answered.headers["x-trace-id"] == trace_id
    assert answered.headers["traceparent"].startswith(f"00-{trace_id}-")
    assert backend.calls[-1].trace_id == trace_id


async def test_a_trace_is_begun_where_there_is_none(client, backend):
    answered = await client.get("/v1/prompts/x")
    assert re.fullmatch(r"[0-9a-f]{32}", answered.headers["x-trace-id"])
    assert backend.calls[-1].trace_id == answered.headers["x-trace-id"]


async def test_it_is_alive_ready_and_measured(gateway):
    assert (await gateway.http.get("/healthz")).json() == {"status": "alive"}
    await gateway.ready()
    assert (await gateway.http.get("/readyz")).json() == {"ready": True, "problems": {}}
    metrics = (await gateway.http.get("/metrics")).text
    for name in ("gateway_requests_total", "gateway_rate_limit_local", "gateway_prompt_cache_entries", "service_ready"):
        assert f"# TYPE {name.removesuffix('_total')}" in metrics or name in metrics


async def test_requests_are_counted_by_route_and_not_by_path(client, gateway):
    await client.get("/v1/prompts/some-name")
    await client.get("/v1/prompts/another-name")
    metrics = (await gateway.http.get("/metrics")).text
    assert 'gateway_requests_total{method="GET",route="/v1/prompts/{prompt}",status="200"}' in metrics
    assert "some-name" not in metrics


async def test_the_log_has_a_line_for_each_request_and_no_secrets(client, token, capsys):
    await client.get("/v1/prompts/x?secret=no", headers={"x-request-id": "find-me"})
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    line = next(line for line in lines if line["event"] == "request")
    assert line.items() >= {"method": "GET", "path": "/v1/prompts/x", "status": 200, "request_id": "find-me"}.items()
    assert line["trace_id"]
    assert token not in str(lines)


async def test_without_auth_at_the_start_it_is_not_ready(make_gateway, make_backend):
    backend = make_backend()
    async with backend.running():
        pass
    gateway = await make_gateway(backend)
    answered = await gateway.http.get("/readyz")
    assert answered.status_code == 503
    assert "signing keys" in answered.json()["problems"]


@pytest.mark.chaos
async def test_kafka_away_later_changes_neither_readiness_nor_reads(make_gateway, backend, token, make_site):
    kafka = Kafka(make_site())
    await kafka.start()
    settings = KafkaSettings(bootstrap_servers=kafka.bootstrap_servers)
    await ensure_topics(settings, topics.ALL)
    gateway = await make_gateway(backend, kafka=settings)
    await gateway.ready()
    headers = {"authorization": f"Bearer {token}"}
    assert (await gateway.http.get("/v1/prompts/x/resolve", headers=headers)).status_code == 200
    await kafka.kill()
    asked = len(backend.asked("ResolveVersion"))
    for _ in range(5):
        assert (await gateway.http.get("/v1/prompts/x/resolve", headers=headers)).status_code == 200
    assert len(backend.asked("ResolveVersion")) == asked
    assert (await gateway.http.get("/readyz")).status_code == 200


class Process:
    """`python -m assay_gateway serve`."""

    def __init__(self, process, port):
        self.process = process
        self.url = f"http://127.0.0.1:{port}"
        self.address = f"127.0.0.1:{port}"


@pytest.fixture
async def process(backend, kafka, kafka_settings, valkey, eventually):
    port = free_port(avoid=set())
    ops = free_port(avoid={port})
    target = f"127.0.0.1:{backend.port}"
    environment = {
        **os.environ,
        "ASSAY_HTTP__LISTEN": f"127.0.0.1:{port}",
        "ASSAY_OPS__LISTEN": f"127.0.0.1:{ops}",
        "ASSAY_VALKEY__URL": valkey.url,
        "ASSAY_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        **{f"ASSAY_TARGETS__{name}": target for name in ("AUTH", "PROMPT", "EVALUATION", "AUDIT", "ANALYTICS")},
    }
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "assay_gateway", "serve", env=environment, stdout=asyncio.subprocess.PIPE
    )
    async with httpx.AsyncClient() as http:

        async def ready():
            try:
                return (await http.get(f"http://127.0.0.1:{ops}/readyz")).status_code == 200
            except httpx.TransportError:
                return False

        await eventually(ready, seconds=60)
    yield Process(running, port)
    if running.returncode is None:
        running.kill()
    await running.wait()


async def test_a_terminated_process_finishes_what_it_has_begun(process, backend, token):
    headers = {"authorization": f"Bearer {token}"}
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def slow(request):
        reached.set()
        await go_on.wait()
        return backend.fill(_output("GetPrompt"))

    backend.answers["GetPrompt"] = slow
    async with (
        httpx.AsyncClient(base_url=process.url, headers=headers, timeout=30) as http,
        connect(f"ws://{process.address}/ws/live", additional_headers=headers, proxy=None) as websocket,
    ):
        asked = asyncio.create_task(http.get("/v1/prompts/x"))
        await reached.wait()
        process.process.send_signal(signal.SIGTERM)
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                await websocket.recv()
        assert closed.value.rcvd.code == 1001
        await _refuses_connections(process)
        go_on.set()
        assert (await asked).status_code == 200
    assert await asyncio.wait_for(process.process.wait(), 30) == 0


async def test_a_restart_under_load_drops_no_accepted_request(process, backend, token, eventually):
    """Clients ask all the time while the process is told to end: what reached it is answered."""
    headers = {"authorization": f"Bearer {token}"}
    answered, torn = [], []

    async def brief(request):
        await asyncio.sleep(0.005)
        return backend.fill(_output("GetPrompt"))

    backend.answers["GetPrompt"] = brief

    async def ask(number):
        async with httpx.AsyncClient(base_url=process.url, headers=headers, timeout=30) as http:
            for turn in range(10_000):
                name = f"{number}-{turn}"
                try:
                    response = await http.get(f"/v1/prompts/{name}")
                except httpx.ConnectError:
                    return  # Nobody listens any more: the request was never sent.
                except httpx.TransportError:
                    torn.append(name)
                    return
                answered.append((name, response.status_code, response.headers.get("connection")))

    clients = [asyncio.create_task(ask(number)) for number in range(16)]
    await eventually(lambda: len(answered) >= 100)
    process.process.send_signal(signal.SIGTERM)
    await asyncio.gather(*clients)
    assert await asyncio.wait_for(process.process.wait(), 30) == 0
    assert {status for _, status, _ in answered} <= {200, 429}
    # Whoever still had a connection was told to leave it, so that none is closed under a request.
    assert "close" in {connection for _, _, connection in answered}
    reached = {request.prompt for request in backend.asked("GetPrompt")}
    assert reached.isdisjoint(torn)
    assert torn == []


async def test_a_gateway_killed_before_it_could_keep_the_answer_lets_nothing_happen_twice(
    process, make_gateway, backend, token, eventually
):
    """The effect is there, the gateway dies: another one asks the service under the same name, which refuses."""
    names = []

    async def done_once(request):
        names.append(current_once().key)
        if len(names) > 1:  # What a service does that has noted the name with its effect.
            raise IdempotentRequestDone("done before")
        process.process.kill()
        await process.process.wait()
        return backend.fill(_output("CreatePrompt"))

    backend.answers["CreatePrompt"] = done_once
    request = {"json": {"name": "x"}, "headers": {"authorization": f"Bearer {token}", "idempotency-key": uuid4().hex}}
    async with httpx.AsyncClient(base_url=process.url, timeout=30) as http:
        with pytest.raises(httpx.TransportError):
            await http.post("/v1/prompts", **request)
    other = await make_gateway(backend)
    again = await other.http.post("/v1/prompts", **request)  # waits until the dead one's claim has ended
    assert (again.status_code, again.json()["reason"]) == (409, "IDEMPOTENT_REQUEST_DONE")
    assert names[0] == names[1]


async def _refuses_connections(process):
    host, port = process.address.split(":")
    async with asyncio.timeout(10):
        while True:
            try:
                _, writer = await asyncio.open_connection(host, int(port))
            except OSError:
                return
            writer.close()


def _output(rpc):
    return next(method.output_type for path, method in methods().items() if path.endswith(f"/{rpc}"))


async def test_settings_that_are_missing_are_named():
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ASSAY_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "assay_gateway", "serve", env=clean, stderr=asyncio.subprocess.PIPE
    )
    _, errors = await process.communicate()
    assert process.returncode == 78
    for name in ("ASSAY_VALKEY__URL", "ASSAY_KAFKA__BOOTSTRAP_SERVERS"):
        assert name in errors.decode()


async def test_a_target_that_is_missing_is_named(kafka, valkey):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ASSAY_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "assay_gateway",
        "serve",
        env={
            **clean,
            "ASSAY_VALKEY__URL": valkey.url,
            "ASSAY_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
            "ASSAY_OPS__LISTEN": "127.0.0.1:0",
            "ASSAY_TARGETS__AUTH": "127.0.0.1:1",
        },
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    assert process.returncode == 78
    assert "ASSAY_TARGETS__PROMPT" in output.decode()
