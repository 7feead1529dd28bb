"""One component in the foreground, as a container runs it: ready, killed with its data kept, stopped in order."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import obstore
import pytest
from obstore.store import S3Store

from assay_local import probes
from assay_local.ports import HOST, free_port
from assay_local.standalone import main

PASSWORDS = {"owner": "of the owner", "prompt": "of prompt", "valkey": "of-valkey", "objects": "of-objects"}
PATIENCE = 120


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    folder = tmp_path / "secrets"
    folder.mkdir()
    for key, password in PASSWORDS.items():
        (folder / key).write_text(password)
    return folder


async def test_postgres_keeps_its_data_over_a_kill_and_takes_the_secrets_passwords(
    tmp_path: Path, secrets: Path
) -> None:
    port = free_port(avoid=set())
    owner = f"postgresql://assay_owner:{PASSWORDS['owner'].replace(' ', '%20')}@{HOST}:{port}/assay"
    async with _running("postgres", tmp_path, secrets, port) as process:
        await _asked(owner, "CREATE TABLE kept AS SELECT 42 AS answer")
        _kill_all(process)
    (secrets / "owner").write_text("another")
    async with _running("postgres", tmp_path, secrets, port):
        changed = f"postgresql://assay_owner:another@{HOST}:{port}/assay"
        assert await _asked(changed, "SELECT answer FROM kept") == 42
        assert await _asked(changed, "SELECT rolsuper FROM pg_roles WHERE rolname = 'assay_prompt'") is False
        with pytest.raises(asyncpg.InvalidPasswordError):
            await _asked(owner, "SELECT 1")


async def test_objects_are_kept_for_who_signs(tmp_path: Path, secrets: Path) -> None:
    port = free_port(avoid=set())

    def store(key: str) -> S3Store:
        return S3Store(
            "assay",
            endpoint=f"http://{HOST}:{port}",
            region="us-east-1",
            access_key_id="assay",
            secret_access_key=key,
            client_options={"allow_http": True},
        )

    async with _running("objects", tmp_path, secrets, port):
        big = os.urandom(11 * 1024 * 1024)  # in several parts
        await obstore.put_async(store(PASSWORDS["objects"]), "of/somebody", big, chunk_size=5 * 1024 * 1024)
        with pytest.raises(Exception, match=r"403|denied|Signature"):
            await obstore.put_async(store("wrong"), "of/nobody", b"x")
    async with _running("objects", tmp_path, secrets, port):
        found = await obstore.get_async(store(PASSWORDS["objects"]), "of/somebody")
        assert bytes(await found.bytes_async()) == big


async def test_valkey_wants_the_secrets_password(tmp_path: Path, secrets: Path) -> None:
    port = free_port(avoid=set())
    async with _running("valkey", tmp_path, secrets, port):
        assert (await probes.ask(port, b"PING\r\n")).startswith(b"-NOAUTH")
        answer = await probes.ask(port, f"AUTH {PASSWORDS['valkey']}\r\nPING\r\n".encode(), lines=2)
        assert answer.startswith(b"+PONG")


async def test_kafka_is_ready_and_stops_in_order(tmp_path: Path, secrets: Path) -> None:
    async with _running("kafka", tmp_path, secrets, free_port(avoid=set())):
        pass


async def test_a_server_that_dies_ends_its_container(tmp_path: Path, secrets: Path) -> None:
    port = free_port(avoid=set())
    async with _running("valkey", tmp_path, secrets, port, expected=None) as process:
        request = f"AUTH {PASSWORDS['valkey']}\r\nSHUTDOWN NOSAVE\r\n".encode()
        await probes.ask(port, request, lines=2)
        assert await asyncio.wait_for(process.wait(), PATIENCE) == 1


def test_a_missing_secret_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["valkey", "--data", str(tmp_path / "data"), "--secrets", str(tmp_path / "nowhere")]) == 1
    assert "nowhere/valkey" in capsys.readouterr().out


@asynccontextmanager
async def _running(
    kind: str, folder: Path, secrets: Path, port: int, expected: int | None = 0
) -> AsyncIterator[asyncio.subprocess.Process]:
    ops = free_port(avoid={port})
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "assay_local.standalone", kind),
        *("--data", folder / "data", "--secrets", secrets, "--port", str(port), "--ops-port", str(ops)),
        start_new_session=True,
    )
    try:
        await _until(lambda: probes.http_ok(ops, "/readyz"), process)
        assert await probes.http_ok(ops, "/healthz")
        assert not await probes.http_ok(ops, "/elsewhere")
        yield process
    except BaseException:
        _kill_all(process)
        raise
    if process.returncode is None and expected is not None:
        try:
            process.terminate()
        except ProcessLookupError:
            return
    code = await asyncio.wait_for(process.wait(), PATIENCE)
    assert code in (expected, -signal.SIGKILL, 1 if expected is None else expected)


def _kill_all(process: asyncio.subprocess.Process) -> None:
    """Everything in the container at once."""
    os.killpg(process.pid, signal.SIGKILL)


async def _until(condition: Callable[[], Awaitable[bool]], process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await condition():
            assert process.returncode is None, "it ended"
            await asyncio.sleep(0.1)


async def _asked(url: str, query: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()
