"""The cache of prompts: fresh, stale, revalidated by its tag, and served on while the gateway is away."""

from __future__ import annotations

import asyncio
import json
import logging
import stat
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from assay_client import Assay, AsyncAssay, CachePolicy, NotSignedIn, Problem, Unreachable


class Clock:
    def __init__(self):
        self.offset = timedelta()

    def __call__(self):
        return datetime.now(UTC) + self.offset

    def pass_by(self, seconds):
        self.offset += timedelta(seconds=seconds)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def connect(server, clock):
    opened = []

    def make(key="k", **policy):
        client = Assay(server.url, api_key=key, cache=CachePolicy(**policy))
        client.transport._sleep = lambda seconds: None
        client._cached._shelf._now = clock
        opened.append(client)
        return client

    yield make
    for client in opened:
        client.close()


def eventually(holds):
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_fresh_prompt_is_not_asked_for_again(connect, server, version):
    server.says(version(1))
    client = connect()
    first = client.prompt("triage", label="production")
    assert (first.number, first.text, first.is_stale) == (1, "Say {{ word }}", False)
    for _ in range(10):
        client.prompt("triage", label="production")
    assert len(server.seen) == 1
    assert server.seen[0].query == {"label": "production"}
    client.prompt("triage", version=1)
    assert len(server.seen) == 2


def test_a_stale_prompt_is_served_at_once_and_asked_for_behind(connect, server, version, clock, answer):
    server.says(version(1))
    client = connect()
    client.prompt("triage")
    clock.pass_by(61)
    gate = threading.Event()

    def slow(request):
        gate.wait(10)
        return version(2)(request)

    server.says(slow)
    served = [client.prompt("triage") for _ in range(5)]
    assert all(each.is_stale and each.number == 1 and each.age_seconds >= 61 for each in served)
    eventually(lambda: len(server.seen) == 2)
    gate.set()
    eventually(lambda: client.prompt("triage").number == 2)
    assert not client.prompt("triage").is_stale
    assert len(server.seen) == 2


def test_a_prompt_is_confirmed_by_its_tag(connect, server, version, clock):
    server.says(version(1))
    client = connect(stale_seconds=0)
    client.prompt("triage")
    clock.pass_by(61)
    again = client.prompt("triage")
    assert (again.is_stale, again.number) == (False, 1)
    assert server.seen[1].headers["if-none-match"] == '"v1"'


def test_many_threads_ask_once(connect, server, version):
    gate = threading.Event()

    def slow(request):
        gate.wait(10)
        return version(1)(request)

    server.says(slow)
    client = connect()
    with ThreadPoolExecutor(16) as pool:
        asked = [pool.submit(client.prompt, "triage") for _ in range(16)]
        eventually(lambda: server.seen)
        gate.set()
        assert {each.result().number for each in asked} == {1}
    assert len(server.seen) == 1


def test_the_last_good_version_is_served_while_the_gateway_is_away(connect, server, version, clock, caplog):
    server.says(version(1))
    client = connect()
    client.prompt("triage")
    server.stop()
    clock.pass_by(3600)
    with caplog.at_level(logging.INFO, "assay_client"):
        for _ in range(3):
            served = client.prompt("triage")
            assert (served.number, served.is_stale) == (1, True)
            assert served.age_seconds >= 3600
            clock.pass_by(10)
    warnings = [each for each in caplog.records if each.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert "does not answer" in warnings[0].message
    server.says(version(2))
    server.start()
    with caplog.at_level(logging.INFO, "assay_client"):
        fresh = client.prompt("triage")
    assert (fresh.number, fresh.is_stale) == (2, False)
    assert "answers again" in caplog.text


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_failing_gateway_is_like_one_that_is_away(connect, server, version, clock, problem, status):
    server.says(version(1))
    client = connect()
    client.prompt("triage")
    clock.pass_by(3600)
    server.says(problem(status, "BROKEN"))
    assert client.prompt("triage").is_stale
    seen = len(server.seen)
    assert client.prompt("triage").is_stale
    assert len(server.seen) == seen  # and is left alone for a while


@pytest.mark.parametrize("status", [401, 403, 404])
def test_an_answer_is_not_doubted(connect, server, version, clock, problem, status, tmp_path):
    server.says(version(1))
    client = connect(folder=tmp_path)
    client.prompt("triage")
    clock.pass_by(3600)
    server.says(problem(status, "NO"))
    with pytest.raises(Problem, match="NO"):
        client.prompt("triage")
    assert list(tmp_path.iterdir()) == []
    server.stop()
    with pytest.raises(Unreachable):
        client.prompt("triage")


def test_without_a_copy_a_gateway_that_is_away_is_an_error(connect, server):
    server.stop()
    with pytest.raises(Unreachable):
        connect().prompt("triage")
    client = Assay(server.url)
    with pytest.raises(NotSignedIn):
        client.prompt("triage")


def test_a_restarted_program_needs_no_gateway(connect, server, version, clock, tmp_path):
    folder = tmp_path / "prompts"
    server.says(version(1))
    connect(folder=folder).prompt("triage", label="production")
    (file,) = folder.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "k" not in json.loads(file.read_text())
    server.stop()
    restarted = connect(folder=folder)
    assert not restarted.prompt("triage", label="production").is_stale
    clock.pass_by(86_400)
    later = connect(folder=folder).prompt("triage", label="production")
    assert (later.number, later.is_stale) == (1, True)
    with pytest.raises(Unreachable):
        connect(folder=folder).prompt("triage", label="staging")


def test_another_caller_does_not_see_the_copy(connect, server, version, tmp_path):
    server.says(version(1))
    connect(folder=tmp_path).prompt("triage")
    server.stop()
    with pytest.raises(Unreachable):
        connect(key="other", folder=tmp_path).prompt("triage")


def test_a_restarted_program_asks_first_where_the_copy_is_old(connect, server, version, clock, tmp_path):
    server.says(version(1))
    connect(folder=tmp_path).prompt("triage")
    clock.pass_by(86_400)
    server.says(version(2))
    assert connect(folder=tmp_path).prompt("triage").number == 2


def test_a_broken_copy_is_as_good_as_none(connect, server, version, tmp_path, caplog):
    server.says(version(1))
    connect(folder=tmp_path).prompt("triage")
    (file,) = tmp_path.iterdir()
    file.write_text("{")
    assert connect(folder=tmp_path).prompt("triage").number == 1
    assert "cannot be read" in caplog.text


def test_a_folder_that_cannot_be_written_is_told_and_no_error(connect, server, version, tmp_path, caplog):
    server.says(version(1))
    (tmp_path / "file").write_text("")
    assert connect(folder=tmp_path / "file" / "below").prompt("triage").number == 1
    assert "cannot be kept" in caplog.text


async def test_the_asynchronous_cache_does_the_same(server, version, clock, answer):
    server.says(version(1))
    async with AsyncAssay(server.url, api_key="k") as client:
        client._cached._shelf._now = clock

        async def sleep(seconds):
            """Not at all."""

        client.transport._sleep = sleep
        served = await asyncio.gather(*(client.prompt("triage") for _ in range(10)))
        assert {each.number for each in served} == {1}
        assert len(server.seen) == 1
        clock.pass_by(61)
        server.says(version(2))
        assert (await client.prompt("triage")).is_stale
        await asyncio.gather(*client._cached._flights.values())
        assert (await client.prompt("triage")).number == 2
        assert len(server.seen) == 2
        await asyncio.to_thread(server.stop)
        clock.pass_by(3600)
        away = await client.prompt("triage")
        assert (away.number, away.is_stale) == (2, True)
        with pytest.raises(Unreachable):
            await client.prompt("other")
