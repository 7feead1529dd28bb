"""Valkey over TLS: many connections at once, and certificates that are renewed while the gateway runs."""

import asyncio

import pytest
from redis.exceptions import ConnectionError as Refused

from assay_gateway.adapters.valkey import valkey as connected
from assay_local.ports import HOST
from assay_testing.certificates import Authority
from assay_testing.relay import Identity, tls_in_front_of

AT_ONCE = 20
PATIENCE_SECONDS = 10


@pytest.fixture
def authority(tmp_path):
    """Whom the client trusts at first."""
    return Authority(tmp_path / "first")


@pytest.fixture
def identity(authority):
    """Who the server says that it is."""
    return Identity(authority.issue(HOST))


@pytest.fixture
def trusted(tmp_path, authority):
    """The file with the certificates to trust."""
    file = tmp_path / "ca.crt"
    file.write_bytes(authority.file.read_bytes())
    return file


@pytest.fixture
async def client(valkey, identity, trusted):
    async with (
        tls_in_front_of(valkey.port, identity) as port,
        connected(f"rediss://{HOST}:{port}/0?ssl_ca_certs={trusted}", PATIENCE_SECONDS) as client,
    ):
        yield client


async def test_connections_share_a_context(client):
    pool = client.connection_pool
    connections = await asyncio.gather(*(pool.get_connection() for _ in range(AT_ONCE)))
    assert len({id(each.ssl_context.get()) for each in connections}) == 1
    for each in connections:
        await pool.release(each)


async def test_renewed_certificates_are_believed_without_a_restart(client, identity, trusted, tmp_path):
    renewed = Authority(tmp_path / "second")
    assert await client.ping()

    identity.change(renewed.issue(HOST))
    await client.connection_pool.disconnect()
    with pytest.raises(Refused, match="CERTIFICATE_VERIFY_FAILED"):
        await client.ping()

    trusted.write_bytes(renewed.file.read_bytes())
    assert await client.ping()


async def test_without_the_file_nothing_is_believed_and_the_way_back_is_open(client, trusted):
    certificates = trusted.read_bytes()
    trusted.unlink()
    with pytest.raises(OSError, match="No such file"):
        await client.ping()
    trusted.write_bytes(certificates)
    assert await client.ping()
