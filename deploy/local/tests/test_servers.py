"""Servers for an installation elsewhere: on an address that others reach, with passwords, and with the logins."""

from collections.abc import Callable
from urllib.parse import urlsplit

import asyncpg
import pytest
from aiokafka.client import AIOKafkaClient

from assay_local import probes
from assay_local.servers import Servers
from assay_local.site import Address, Site

HERE = "127.0.0.2"
"""Another address of this machine than the one that is taken without being asked."""


@pytest.fixture(scope="session")
def servers(make_servers: Callable[..., Servers]) -> Servers:
    return make_servers(HERE)


async def test_they_listen_there_and_not_on_the_loopback_address(servers: Servers) -> None:
    for component in servers.components:
        assert await component.healthy(), component.name
        assert HERE in component.url, component.name
        assert not await probes.listens(component.port), component.name


async def test_kafka_tells_its_clients_the_address_by_which_they_came(servers: Servers) -> None:
    client = AIOKafkaClient(bootstrap_servers=servers.kafka.bootstrap_servers)
    await client.bootstrap()
    brokers = client.cluster.brokers()
    await client.close()
    assert [(each.host, each.port) for each in brokers] == [(HERE, servers.kafka.port)]


async def test_valkey_asks_for_its_password(servers: Servers) -> None:
    assert (await probes.ask(servers.valkey.port, b"PING\r\n", HERE)).startswith(b"-NOAUTH")
    assert urlsplit(servers.valkey.url).password == servers.valkey.password


async def test_the_database_belongs_to_an_owner_who_is_no_superuser(servers: Servers) -> None:
    values = servers.chart_values["database"]
    where = {"host": values["host"], "port": values["port"], "database": values["name"]}
    owner = await asyncpg.connect(**where, user="assay_owner", password=values["passwords"]["owner"])
    assert await owner.fetchval("SELECT rolcreaterole AND NOT rolsuper FROM pg_roles WHERE rolname = current_user")
    await owner.execute("CREATE SCHEMA mine")
    await owner.execute("DROP SCHEMA mine")
    await owner.close()
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(**where, user="assay_prompt", password=values["passwords"]["auth"])
    login = await asyncpg.connect(**where, user="assay_prompt", password=values["passwords"]["prompt"])
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await login.execute("CREATE SCHEMA mine")
    await login.close()


async def test_starting_again_changes_nothing(servers: Servers) -> None:
    before = [each.process.pid for each in servers.components]
    again = Servers(Site(servers.site.folder, temporary=True))
    await again.start()
    assert [each.process.pid for each in again.components] == before
    assert again.chart_values == servers.chart_values


@pytest.mark.parametrize(
    ("address", "clients", "here"),
    [
        (Address(), "127.0.0.1", "127.0.0.1"),
        (Address(listen="10.0.0.7"), "10.0.0.7", "10.0.0.7"),
        (Address(listen="0.0.0.0", advertised="assay-kafka"), "assay-kafka", "127.0.0.1"),
    ],
)
def test_where_clients_and_where_this_machine_go(address: Address, clients: str, here: str) -> None:
    assert (address.clients, address.here) == (clients, here)


def test_the_address_is_remembered_by_the_site(make_site: Callable[[], Site]) -> None:
    site = make_site()
    assert site.address.is_loopback
    elsewhere = Address(listen=HERE)
    Site(site.folder, address=elsewhere)
    assert Site(site.folder).address == elsewhere
