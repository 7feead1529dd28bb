"""The live feed under ten thousand listeners, and what it takes to check a token that is known."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import httpx
from tests.load.client import LoadFailed
from tests.load.listeners import Crowd
from tests.load.suite import gateway_port

from assay.prompt.v1.events_pb2 import PromptCreated
from assay_common.clock import utc_now
from assay_common.ids import new_id
from assay_common.kafka.headers import CloudEvent
from assay_common.kafka.producer import Producer, producer
from assay_common.rpc.jwks import TokenVerifier
from assay_common.settings import KafkaSettings
from assay_gateway.application.authenticate import Authenticate
from assay_gateway.application.ports import ExchangedKey
from assay_gateway.application.revocations import Revocations
from assay_local.stack import Stack
from assay_protos import topics
from assay_testing.api import Api
from assay_testing.issuer import Issuer

IDLE: Final = 9_000
"""Listeners of an organisation in which nothing happens."""
CROWD: Final = 1_000
"""Listeners of the organisation in which events happen."""
PROCESSES: Final = 3
"""Client processes of the idle."""
ROUNDS: Final = 3
EVENTS: Final = 20
"""Events a round."""
PAUSE: Final = 0.25
"""Seconds between two events."""
SETTLED: Final = 20.0
"""Seconds after which what was heard is counted up, at the latest."""
MEMORY_GOAL: Final = 1.5e9
"""Bytes that a gateway process with all these listeners may take."""
LATENCY_GOAL: Final = 500.0
"""Milliseconds at the 99th percentile, from the event to every listener of its organisation."""
CHECK_GOAL: Final = 50.0
"""Microseconds."""
CHECKS: Final = 20_000

_ROOT: Final = Path(__file__).parents[2]


async def measure_live(stack: Stack, make_api: Callable[[], Api]) -> dict[str, Any]:
    """Memory of the gateway with all listeners connected, and how long events take to reach one organisation's."""
    port = gateway_port(stack)
    quiet, busy = make_api(), make_api()
    before = await _memory(port)
    async with AsyncExitStack() as entered:
        idle = [
            await entered.enter_async_context(_crowd(Crowd(port, quiet.key("prompts:read"), IDLE // PROCESSES)))
            for _ in range(PROCESSES)
        ]
        crowd = await entered.enter_async_context(_crowd(Crowd(port, busy.key("prompts:read"), CROWD)))
        after = await _memory(port)
        settings = KafkaSettings(bootstrap_servers=stack.kafka.bootstrap_servers)
        events = await entered.enter_async_context(producer(settings))
        rounds = [await _round(events, UUID(busy.organisation["id"]), crowd) for _ in range(ROUNDS)]
        lost = sum([(await _report(each))["lost"] for each in (*idle, crowd)])
    if lost:
        raise LoadFailed(f"{lost} of {IDLE + CROWD} listeners were cut off")
    return {
        "listeners": IDLE + CROWD,
        "memory_before_mb": round(before / 1e6, 1),
        "memory_mb": round(after / 1e6, 1),
        "kb_per_listener": round((after - before) / (IDLE + CROWD) / 1e3, 1),
        "told": CROWD,
        "p50_ms": round(statistics.median(each["p50_ms"] for each in rounds), 1),
        "p99_ms": round(statistics.median(each["p99_ms"] for each in rounds), 1),
        "rounds": rounds,
    }


async def _round(events: Producer, org_id: UUID, crowd: asyncio.subprocess.Process) -> dict[str, float]:
    for number in range(EVENTS):
        message = PromptCreated(prompt_id=str(uuid4()), name=f"prompt-{number}", description="told to a thousand")
        event = CloudEvent(
            id=new_id(),
            type=message.DESCRIPTOR.full_name,
            source="prompt",
            time=utc_now(),
            subject=message.prompt_id,
            org_id=org_id,
        )
        payload = message.SerializeToString()
        await (await events.publish(topics.PROMPT_EVENTS.name, key=message.prompt_id, event=event, payload=payload))
        await asyncio.sleep(PAUSE)
    took: list[float] = []
    until = time.monotonic() + SETTLED
    while len(took) < EVENTS * CROWD and time.monotonic() < until:
        await asyncio.sleep(PAUSE)
        took += (await _report(crowd))["milliseconds"]
    if len(took) != EVENTS * CROWD:
        raise LoadFailed(f"{len(took)} events were heard instead of {EVENTS * CROWD}")
    centiles = statistics.quantiles(took, n=100, method="inclusive")
    return {"p50_ms": round(centiles[49], 1), "p99_ms": round(centiles[98], 1), "max_ms": round(max(took), 1)}


@asynccontextmanager
async def _crowd(crowd: Crowd) -> AsyncIterator[asyncio.subprocess.Process]:
    """The listeners, connected; raises LoadFailed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.load.listeners"),
        cwd=_ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=2**26,
    )
    try:
        await _report(process, json.dumps(dataclasses.asdict(crowd)))
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _report(process: asyncio.subprocess.Process, line: str = "") -> dict[str, Any]:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(line.encode() + b"\n")
    await process.stdin.drain()
    answer = await process.stdout.readline()
    if not answer:
        raise LoadFailed("listeners could not connect")
    report: dict[str, Any] = json.loads(answer)
    return report


async def _memory(port: int) -> float:
    """Bytes that the gateway's process keeps in memory (RSS)."""
    async with httpx.AsyncClient() as http:
        text = (await http.get(f"http://127.0.0.1:{port}/metrics")).text
    return next(float(line.split()[1]) for line in text.splitlines() if line.startswith("process_resident_memory"))


async def measure_token_check() -> dict[str, Any]:
    """Microseconds to say who sends a token, and an API key, that was seen before; with revocations known."""
    issuer, revocations = Issuer(), Revocations()
    for _ in range(1000):
        revocations.end_session(uuid4())
    token = issuer.token("prompts:read", sid=str(uuid4()))

    class Exchange:
        async def exchange(self, api_key: str) -> ExchangedKey:
            expires_at = datetime.now(UTC) + timedelta(minutes=10)
            return ExchangedKey(issuer.token("prompts:read", kind="api_key"), expires_at)

    authenticate = Authenticate(TokenVerifier(issuer.fetch), Exchange(), revocations)
    return {
        "token_us": await _each(authenticate, token),
        "api_key_us": await _each(authenticate, "assay_" + "x" * 40),
    }


async def _each(authenticate: Authenticate, bearer: str) -> float:
    rounds = []
    for _ in range(ROUNDS + 1):  # The first makes it known.
        started_at = time.perf_counter()
        for _ in range(CHECKS):
            await authenticate(bearer)
        rounds.append((time.perf_counter() - started_at) / CHECKS * 1e6)
    return round(statistics.median(rounds[1:]), 2)
