"""What the chart runs, on servers that want TLS and a password: let in with the right ones, told why with others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.deploy.programs import start, variables_of

from assay_local.components import Kafka, Postgres
from assay_local.ports import HOST, free_port
from assay_local.site import Address, Site
from assay_testing.certificates import Authority

SCHEMAS = ("auth", "prompt", "evaluation", "audit", "analytics")
DATABASE_PASSWORD = "p@ss/word:with everything"
KAFKA_PASSWORD = 'a "quoted" \\ password'
NAME = "localhost"
"""The host in the certificates; the servers are found by the address, too, which is not in them."""
PATIENCE = 120


@dataclass(frozen=True)
class Servers:
    """PostgreSQL and Kafka that speak TLS only, and the files of who vouches for them, and who does not."""

    postgres: Postgres
    kafka: Kafka
    authority: Path
    stranger: Path


@pytest.fixture(scope="module")
def servers(make_site: Callable[[], Site], tmp_path_factory: pytest.TempPathFactory) -> Servers:
    folder = tmp_path_factory.mktemp("certificates")
    authority, stranger = Authority(folder / "ours"), Authority(folder / "another")
    issued = authority.issue(NAME)
    site = Site(make_site().folder, temporary=True, address=Address(advertised=NAME))
    postgres = Postgres(site, tls=issued)
    kafka = Kafka(site, tls=issued, users={"assay": KAFKA_PASSWORD})

    async def start() -> None:
        await asyncio.gather(postgres.start(), kafka.start())
        logins = {"assay_owner": DATABASE_PASSWORD, **{f"assay_{name}": DATABASE_PASSWORD for name in SCHEMAS}}
        await postgres.prepare_installation("chart", "assay_owner", logins)

    asyncio.run(start())
    return Servers(postgres, kafka, authority.file, stranger.file)


@pytest.fixture
def release(servers: Servers, minimal: Any) -> Callable[..., Any]:
    def render(**changes: dict[str, Any]) -> Any:
        database = {
            "host": NAME,
            "port": servers.postgres.port,
            "name": "chart",
            "passwords": dict.fromkeys(("owner", *SCHEMAS), DATABASE_PASSWORD),
            "sslMode": "verify-full",
            "caSecret": "database-ca",
        }
        kafka = {
            "bootstrapServers": f"{NAME}:{servers.kafka.port}",
            "securityProtocol": "SASL_SSL",
            "username": "assay",
            "password": KAFKA_PASSWORD,
            "caSecret": "kafka-ca",
        }
        valkey = {"host": HOST}
        return minimal(
            {
                "database": database | changes.get("database", {}),
                "kafka": kafka | changes.get("kafka", {}),
                "valkey": valkey,
            }
        )

    return render


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"])
async def test_topics_are_made_over_sasl_ssl(mechanism: str, release: Any, servers: Servers) -> None:
    code, said = await _run(release(kafka={"saslMechanism": mechanism}), "topics", servers.authority)
    assert code == 0, said


async def test_a_service_runs_encrypted_from_end_to_end(release: Any, servers: Servers) -> None:
    rendering = release()
    for job in ("migrate-prompt", "topics"):
        code, said = await _run(rendering, job, servers.authority)
        assert code == 0, said
    async with _serving(rendering, "prompt", servers.authority) as ready:
        assert ready["problems"] == {}


@pytest.mark.parametrize(
    ("changes", "trusted", "words"),
    [
        ({}, "stranger", "PGSSLROOTCERT (database.caSecret) must hold the certificate of its authority"),
        ({"host": HOST}, "authority", "its certificate names another host: connect by a name that the certificate has"),
        (
            {"passwords": dict.fromkeys(("owner", *SCHEMAS), "wrong")},
            "authority",
            "PGPASSWORD (database.existingSecret) must be the login's",
        ),
        ({"sslMode": "disable", "caSecret": ""}, "authority", "set PGSSLMODE (database.sslMode) to verify-full"),
    ],
    ids=["another authority", "another host name", "wrong password", "not encrypted"],
)
@pytest.mark.parametrize("process", ["migrate-prompt", "prompt"])
async def test_the_database_refuses_and_says_why(
    process: str, changes: dict[str, Any], trusted: str, words: str, release: Any, servers: Servers
) -> None:
    code, said = await _run(release(database=changes), process, getattr(servers, trusted))
    assert code == 1, said
    assert words in said


@pytest.mark.parametrize(
    ("changes", "trusted", "words"),
    [
        ({}, "stranger", "ASSAY_KAFKA__CA_FILE (kafka.caSecret) must hold the certificate of its authority"),
        ({"bootstrapServers": HOST}, "authority", "its certificate names another host: connect by a name that it has"),
        ({"password": "wrong"}, "authority", "ASSAY_KAFKA__SASL_USERNAME and _PASSWORD are wrong"),
        ({"password": "wrong", "saslMechanism": "PLAIN"}, "authority", "SASL_USERNAME and _PASSWORD are wrong"),
        ({"username": "nobody"}, "authority", "ASSAY_KAFKA__SASL_USERNAME and _PASSWORD are wrong"),
        ({"securityProtocol": "SASL_PLAINTEXT", "caSecret": ""}, "authority", "it hung up without an answer"),
        (
            {"securityProtocol": "PLAINTEXT", "caSecret": "", "username": "", "password": ""},
            "authority",
            "set ASSAY_KAFKA__SECURITY_PROTOCOL (kafka.securityProtocol) to the listener's",
        ),
        (
            {"securityProtocol": "SSL", "username": "", "password": ""},
            "authority",
            "set ASSAY_KAFKA__SECURITY_PROTOCOL (kafka.securityProtocol) to the listener's",
        ),
    ],
    ids=[
        "another authority",
        "another host name",
        "wrong password",
        "wrong plain password",
        "unknown user",
        "not encrypted",
        "neither encrypted nor signed in",
        "not signed in",
    ],
)
async def test_kafka_refuses_and_says_why(
    changes: dict[str, Any], trusted: str, words: str, release: Any, servers: Servers
) -> None:
    if changes.get("bootstrapServers") == HOST:
        changes = {"bootstrapServers": f"{HOST}:{servers.kafka.port}"}
    code, said = await _run(release(kafka=changes), "topics", getattr(servers, trusted))
    assert code == 1, said
    assert words in said


@asynccontextmanager
async def _serving(release: Any, name: str, trusted: Path) -> AsyncIterator[dict[str, Any]]:
    ops = free_port(avoid=set())
    listens = {"ASSAY_OPS__LISTEN": f"{HOST}:{ops}", "ASSAY_GRPC__LISTEN": f"{HOST}:0"}
    process = await _start(release, name, trusted, listens)
    try:
        async with asyncio.timeout(PATIENCE), httpx.AsyncClient(trust_env=False) as client:
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


async def _run(release: Any, name: str, trusted: Path) -> tuple[int | None, str]:
    """A process to its end, and what it said."""
    listens = {"ASSAY_OPS__LISTEN": f"{HOST}:{free_port(avoid=set())}", "ASSAY_GRPC__LISTEN": f"{HOST}:0"}
    process = await _start(release, name, trusted, listens if name in release.of_kind("Deployment") else {})
    try:
        output, _ = await asyncio.wait_for(process.communicate(), PATIENCE)
    finally:
        if process.returncode is None:
            process.kill()
    return process.returncode, output.decode()


async def _start(release: Any, name: str, trusted: Path, changes: dict[str, str]) -> asyncio.subprocess.Process:
    (container,) = release.pods[name]["spec"]["containers"]
    certificates = {f"{mount['mountPath']}/ca.crt" for mount in container["volumeMounts"]}  # that would be mounted
    variables = {
        key: str(trusted) if value in certificates else value for key, value in variables_of(release, name).items()
    }
    return await start(release, name, {**variables, **changes})
