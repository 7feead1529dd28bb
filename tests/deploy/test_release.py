"""What the chart runs, run without a cluster: its Jobs and a service, with the arguments and variables rendered."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest
from tests.deploy.programs import start, variables_of

from assay_local.components import Kafka, Postgres, Valkey
from assay_local.ports import HOST, free_port
from assay_local.site import Site
from assay_protos import topics

PASSWORD = "p@ss/word:with everything"
SCHEMAS = ("auth", "prompt", "evaluation", "audit", "analytics")
START_SECONDS = 60


@pytest.fixture
async def installation(make_site: Callable[[], Site], chart: Path) -> AsyncIterator[Postgres]:
    """A PostgreSQL that was prepared as the chart's README says, and nothing more."""
    postgres = Postgres(make_site())
    await postgres.start()
    superuser = await asyncpg.connect(postgres.url_of("postgres"))
    await superuser.execute("DROP DATABASE assay")  # the launcher's own
    for statement in _statements_of(chart / "README.md"):
        await superuser.execute(statement.replace("'…'", f"'{PASSWORD}'"))
    await superuser.close()
    yield postgres
    await postgres.stop()


@pytest.fixture
def release(installation: Postgres, kafka: Kafka, valkey: Valkey, minimal: Any) -> Any:
    """The minimal example on real servers."""
    return minimal(
        {
            "database": {
                "host": HOST,
                "port": installation.port,
                "name": "assay",
                "passwords": dict.fromkeys(("owner", *SCHEMAS), PASSWORD),
            },
            "kafka": {"bootstrapServers": kafka.bootstrap_servers, "namespace": f"chart-{uuid4().hex[:8]}."},
            "valkey": {"host": HOST, "port": valkey.port},
        }
    )


async def test_jobs_prepare_what_the_services_need(release: Any, installation: Postgres) -> None:
    """Twice, as an upgrade runs them again; then a service starts on what they left."""
    jobs = sorted(release.preparations)
    for name in [*jobs, *jobs]:
        code, output = await _run(release, name)
        assert code == 0, f"{name}: {output}"
        if name == "topics":
            assert all(topic.name in output for topic in topics.ALL) or not output

    owner = await asyncpg.connect(
        host=HOST, port=installation.port, database="assay", user="assay_owner", password=PASSWORD
    )
    present = await owner.fetch("SELECT nspname FROM pg_namespace WHERE nspowner = 'assay_owner'::regrole")
    await owner.close()
    assert {row["nspname"] for row in present} == set(SCHEMAS)

    async with _serving(release, "auth") as ready:
        assert ready == {"ready": True, "problems": {}}


async def test_logins_of_the_services_own_nothing(release: Any, installation: Postgres) -> None:
    code, output = await _run(release, "migrate-prompt")
    assert code == 0, output

    login = await asyncpg.connect(
        host=HOST, port=installation.port, database="assay", user="assay_prompt", password=PASSWORD
    )
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await login.fetch("SELECT * FROM prompt.prompts")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await login.execute("CREATE TABLE prompt.mine (id int)")
    await login.execute("SET ROLE assay_prompt_app")
    assert await login.fetch("SELECT * FROM prompt.prompts") == []
    await login.close()


@asynccontextmanager
async def _serving(release: Any, name: str) -> AsyncIterator[dict[str, Any]]:
    """A Deployment's process on free ports; yields what it says when it is ready."""
    ops = free_port(avoid=set())
    listens = {"ASSAY_OPS__LISTEN": f"{HOST}:{ops}", "ASSAY_GRPC__LISTEN": f"{HOST}:0"}
    process = await start(release, name, {**variables_of(release, name), **listens})
    try:
        async with asyncio.timeout(START_SECONDS), httpx.AsyncClient() as client:
            while True:
                try:
                    answer = await client.get(f"http://{HOST}:{ops}/readyz")
                    if answer.is_success:
                        break
                except httpx.TransportError:
                    assert process.returncode is None
                await asyncio.sleep(0.1)
        yield answer.json()
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()
    assert process.returncode == 0


async def _run(release: Any, name: str) -> tuple[int | None, str]:
    """A Job's process, to its end."""
    process = await start(release, name, variables_of(release, name))
    output, _ = await asyncio.wait_for(process.communicate(), START_SECONDS)
    return process.returncode, output.decode()


def _statements_of(readme: Path) -> list[str]:
    return re.findall(r"^\s+(CREATE (?:ROLE|DATABASE) .*;)$", readme.read_text(), re.MULTILINE)
