"""The order of the suite, its replicas, its status and its end, tried with a sample service on a real database."""

import socket
from collections.abc import Callable
from pathlib import Path

import asyncpg
import httpx
import pytest

from assay_local.errors import PortTaken, ProcessDied
from assay_local.stack import Stack, Status
from assay_local.table import SUITE, Entry, with_needs

MakeStack = Callable[..., Stack]

_SAMPLE = (
    Entry("auth", "auth", "sample_service", needs=("postgres",)),
    Entry("auth-work", "auth", "sample_service", "work", needs=("postgres",)),
    Entry("gateway", "gateway", "sample_service", needs=("valkey", "auth"), stateless=True),
)


@pytest.fixture
def sample(make_stack: MakeStack, tmp_path: Path) -> MakeStack:
    def make(**more: str) -> Stack:
        ours = {"PYTHONPATH": str(Path(__file__).parent), "ASSAY_SAMPLE_MIGRATIONS": str(tmp_path / "migrations")}
        return make_stack(table=_SAMPLE, variables={"*": {**ours, **more}, "auth-work": {"ASSAY_SAMPLE_OWN": "mine"}})

    return make


async def test_everything_is_started_once_told_its_settings_and_stopped(sample: MakeStack, tmp_path: Path) -> None:
    async with sample() as stack:
        told: list[str] = []
        await stack.up(tell=lambda name, words: told.append(f"{name} {words}"))
        assert {row.name: row.state for row in await stack.status()} == {
            "postgres": "ready",
            "valkey": "ready",
            "kafka": "stopped",
            "model": "stopped",
            "auth": "ready",
            "auth-work": "ready",
            "gateway": "ready",
        }
        _in_order(told, "postgres ready", "auth-migrate ready", "auth ready")

        worker = await _settings(stack, "auth-work")
        assert worker["ASSAY_SAMPLE_OWN"] == "mine"
        assert "127.0.0.1" in worker["NO_PROXY"].split(",")
        assert "ASSAY_DATABASE__MIGRATION_URL" not in worker
        connection = await asyncpg.connect(worker["ASSAY_DATABASE__URL"])
        assert await connection.fetchval("SELECT current_user") == "assay_auth"
        await connection.close()
        assert worker["ASSAY_TARGETS__AUTH"] == stack.process("auth").grpc_target
        gateway = await _settings(stack, "gateway")
        assert f"http://{gateway['ASSAY_HTTP__LISTEN']}" == stack.gateway_url

        before = _pids(await stack.status())
        await stack.up()
        assert _pids(await stack.status()) == before
        assert len((tmp_path / "migrations").read_text().splitlines()) == 1
    assert {row.state for row in await stack.status()} == {"stopped"}
    assert stack.site.log("auth").exists()


async def test_what_died_is_seen_and_started_again_and_the_rest_stays(sample: MakeStack) -> None:
    async with sample() as stack:
        await stack.up()
        before = _pids(await stack.status())
        await stack.process("auth-work").kill()
        assert {row.name for row in await stack.status() if row.state == "died"} == {"auth-work"}
        again = Stack(stack.site.folder, table=_SAMPLE, variables=stack.variables)  # another command, later
        await again.up()
        after = _pids(await again.status())
        assert {name for name in after if after[name] != before[name]} == {"auth-work"}


async def test_a_replica_has_its_own_ports_and_is_stopped_with_the_rest(sample: MakeStack) -> None:
    async with sample() as stack:
        await stack.up(only=["auth"])
        first, second = [await stack.start_replica("auth-work") for _ in range(2)]
        assert (first.name, second.name) == ("auth-work-2", "auth-work-3")
        assert first.ops_port != second.ops_port
        await first.kill()
        rows = {row.name: row.state for row in await stack.status()}
        assert (rows["auth-work-2"], rows["auth-work-3"], rows["gateway"]) == ("died", "ready", "stopped")
    assert not second.running


async def test_a_failing_migration_stops_the_start_with_its_own_words(sample: MakeStack) -> None:
    async with sample(ASSAY_SAMPLE_FAILS="migrate") as stack:
        with pytest.raises(ProcessDied, match=r"(?s)auth-migrate failed with exit code 1.*the sample cannot migrate"):
            await stack.up()
        assert not stack.process("auth").running


async def test_a_service_that_cannot_start_says_why(sample: MakeStack) -> None:
    async with sample(ASSAY_SAMPLE_FAILS="serve") as stack:
        with pytest.raises(ProcessDied, match=r"(?s)ended before it was ready.*the sample cannot serve"):
            await stack.up(only=["auth"])


async def test_a_taken_gateway_port_is_said_before_anything_is_started(make_stack: MakeStack) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        stack = make_stack(table=_SAMPLE, ports="default", gateway_port=other.getsockname()[1])
        with pytest.raises(PortTaken, match=r"wanted by the gateway, is taken by process \d+.*ASSAY_PORT="):
            await stack.up()
    assert not stack.postgres.running


def test_a_name_brings_all_it_needs() -> None:
    assert with_needs({"prompt"}, SUITE) == {"prompt", "auth", "postgres", "kafka"}
    assert with_needs({"valkey"}, SUITE) == {"valkey"}
    assert with_needs({"gateway"}, SUITE) >= {"postgres", "kafka", "valkey", "model", "auth", "analytics"}
    with pytest.raises(KeyError, match=r"unknown: prompts; there are"):
        with_needs({"prompts"}, SUITE)


async def _settings(stack: Stack, name: str) -> dict[str, str]:
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = (await client.get(f"{stack.process(name).ops_url}/readyz")).json()
    settings: dict[str, str] = answer["settings"]
    return settings


def _pids(rows: list[Status]) -> dict[str, int | None]:
    return {row.name: row.pid for row in rows}


def _in_order(told: list[str], *beginnings: str) -> None:
    places = [next(place for place, words in enumerate(told) if words.startswith(start)) for start in beginnings]
    assert places == sorted(places), told


async def test_the_real_suite_is_ready_and_takes_less_than_two_gigabytes(stack: Stack) -> None:
    rows = await stack.status()
    assert {row.name for row in rows} >= {entry.name for entry in SUITE} | set(stack.components)
    assert {row.state for row in rows} == {"ready"}
    assert sum(row.memory_mb for row in rows) < 2000
    async with httpx.AsyncClient(trust_env=False, base_url=stack.gateway_url) as client:
        assert (await client.get("/openapi.json")).is_success
        # Nobody has signed in: the gateway answers, and knows auth.
        assert (await client.get("/v1/prompts")).status_code == 401
