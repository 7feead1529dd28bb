"""What the chart runs, on servers that want TLS and a password: let in with the right ones, told why with others.

PostgreSQL and Kafka speak TLS themselves. The Valkey of the wheel is built without it, so a relay in front of the real
one ends TLS, as a cloud provider's proxy does; the password is Valkey's own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.x509 import load_pem_x509_certificate
from prometheus_client.parser import text_string_to_metric_families
from redis.asyncio import Redis
from tests.deploy.programs import start, variables_of

from assay_local.components import Kafka, Postgres, Valkey
from assay_local.ports import HOST, free_port
from assay_local.site import Address, Site
from assay_local.tls import Tls
from assay_testing.certificates import Authority
from assay_testing.relay import Identity, tls_in_front_of

SCHEMAS = ("auth", "prompt", "evaluation", "audit", "analytics")
DATABASE_PASSWORD = "p@ss/word:with everything"
KAFKA_PASSWORD = 'a "quoted" \\ password'
VALKEY_PASSWORD = "p@ss/word: 100%+"
NAME = "localhost"
"""The host in the certificates; the servers are found by the address, too, which is not in them."""
PATIENCE = 120


@dataclass(frozen=True)
class Servers:
    """PostgreSQL and Kafka that speak TLS only, and the files of who vouches for them, and who does not."""

    postgres: Postgres
    kafka: Kafka
    valkey: Valkey
    """Speaks no TLS, but wants its password."""
    issued: Tls
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
    valkey = Valkey(site)

    async def start() -> None:
        await asyncio.gather(postgres.start(), kafka.start(), valkey.start())
        async with Redis.from_url(valkey.url) as client:
            await client.config_set("requirepass", VALKEY_PASSWORD)
        logins = {"assay_owner": DATABASE_PASSWORD, **{f"assay_{name}": DATABASE_PASSWORD for name in SCHEMAS}}
        await postgres.prepare_installation("chart", "assay_owner", logins)

    asyncio.run(start())
    return Servers(postgres, kafka, valkey, issued, authority.file, stranger.file)


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
        valkey = {"host": NAME, "tls": True, "password": VALKEY_PASSWORD, "caSecret": "valkey-ca"}
        stores = {"database": database, "kafka": kafka, "valkey": valkey}
        return minimal({name: values | changes.get(name, {}) for name, values in stores.items()})

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


async def test_the_gateway_shares_its_limits_over_tls(release: Any, servers: Servers) -> None:
    async with (
        tls_in_front_of(servers.valkey.port, Identity(servers.issued)) as port,
        _gateway(release(valkey={"port": port}), servers, servers.authority) as (url, process),
        httpx.AsyncClient(base_url=url, trust_env=False, timeout=PATIENCE) as client,
    ):
        await _eventually(process, lambda: client.post("/v1/sessions", json={"email": "a@b.example", "password": "x"}))
        metrics = text_string_to_metric_families((await client.get("/metrics")).text)
        samples = {(each.name, *each.labels.values()): each.value for family in metrics for each in family.samples}
    assert samples["gateway_rate_limit_local",] == 0
    assert samples["gateway_rate_limit_decisions_total", "shared", "allowed"] > 0, "Valkey was not asked"
    until = load_pem_x509_certificate(servers.authority.read_bytes()).not_valid_after_utc.timestamp()
    assert samples["trusted_certificates_not_after_timestamp_seconds", str(servers.authority)] == until


@pytest.mark.parametrize(
    ("changes", "trusted", "words"),
    [
        (
            {},
            "stranger",
            "ssl_ca_certs in ASSAY_VALKEY__URL (valkey.caSecret) must hold the certificate of its authority",
        ),
        ({"caSecret": ""}, "authority", "(valkey.caSecret) must hold the certificate of its authority"),
        (
            {"host": HOST},
            "authority",
            "its certificate names another host: connect by a name that it has (valkey.host)",
        ),
        ({"password": "wrong"}, "authority", "that in ASSAY_VALKEY__URL (valkey.existingSecret) is wrong or missing"),
        ({"password": ""}, "authority", "that in ASSAY_VALKEY__URL (valkey.existingSecret) is wrong or missing"),
        ({"tls": False, "caSecret": ""}, "authority", "begin ASSAY_VALKEY__URL with rediss:// (valkey.tls)"),
    ],
    ids=["another authority", "no authority", "another host name", "wrong password", "no password", "not encrypted"],
)
async def test_valkey_refuses_and_the_gateway_says_why(
    changes: dict[str, Any], trusted: str, words: str, release: Any, servers: Servers
) -> None:
    async with tls_in_front_of(servers.valkey.port, Identity(servers.issued)) as port:
        rendering = release(valkey={"port": port, **changes})
        async with _gateway(rendering, servers, getattr(servers, trusted)) as (_, process):
            said = await _line(process, "valkey is away")
    assert words in said


@asynccontextmanager
async def _gateway(
    release: Any, servers: Servers, trusted: Path
) -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    """The gateway, which believes `trusted` at Valkey, and its URL; whether it is ready is no matter."""
    port = free_port(avoid=set())
    listens = {"ASSAY_HTTP__LISTEN": f"{HOST}:{port}", "ASSAY_OPS__LISTEN": f"{HOST}:{free_port(avoid={port})}"}
    kafka = {"ASSAY_KAFKA__CA_FILE": str(servers.authority)}
    patience = {"ASSAY_VALKEY__TIMEOUT_SECONDS": str(PATIENCE)}  # a busy machine takes long over a handshake
    process = await _start(release, "gateway", trusted, listens | kafka | patience)
    try:
        yield f"http://{HOST}:{port}", process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def _eventually(process: asyncio.subprocess.Process, ask: Callable[[], Any]) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                await ask()
            except httpx.TransportError:
                assert process.returncode is None
            else:
                return
            await asyncio.sleep(0.1)


async def _line(process: asyncio.subprocess.Process, words: str) -> str:
    """The first line of what it says that has these words."""
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE):
        async for line in process.stdout:
            if words in line.decode():
                return line.decode()
    raise AssertionError(f"it ended without saying {words!r}")


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
    variables = variables_of(release, name)
    for certificate in certificates:
        variables = {key: value.replace(certificate, str(trusted)) for key, value in variables.items()}
    return await start(release, name, {**variables, **changes})
