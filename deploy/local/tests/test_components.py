"""Each component on the real thing: start, stop, kill, restart; clear words; nothing left running."""

import asyncio
import socket
import uuid
from collections.abc import Callable

import asyncpg
import httpx
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from assay_local.components import Component, Kafka, ModelServer, Postgres, Valkey
from assay_local.components.kafka import new_cluster_id
from assay_local.errors import PortTaken, ProcessDied
from assay_local.memory import memory_mb
from assay_local.process import family
from assay_local.shutdown import stop_site
from assay_local.site import Site

MakeSite = Callable[[], Site]
ALL = [Postgres, Valkey, Kafka, ModelServer]


@pytest.mark.parametrize("kind", ALL)
async def test_a_component_survives_stop_kill_and_restart_on_its_port(
    kind: type[Component], make_site: MakeSite
) -> None:
    component = kind(make_site())
    await component.start()
    port, first_pid = component.port, component.process.pid
    assert first_pid
    assert memory_mb(first_pid) > 1
    assert await component.healthy()

    await component.start()  # what runs stays
    assert component.process.pid == first_pid

    tree = family(first_pid)
    await component.kill()
    assert component.process.died
    assert not await component.healthy()
    assert not any(member.alive for member in tree)

    await component.start()
    assert await component.healthy()
    await component.restart()
    assert await component.healthy()
    assert component.port == port

    last_pid = component.process.pid
    assert last_pid
    tree = family(last_pid)
    await component.stop()
    assert not component.running
    assert not component.process.died
    assert not any(member.alive for member in tree)


async def test_a_taken_port_is_named_with_its_holder_and_the_remedy(make_site: MakeSite) -> None:
    site = make_site()
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(PortTaken, match=rf"{port}.*valkey.*process \d+.*Stop that program"):
            await Valkey(site, port=port).start()


async def test_a_process_that_dies_at_start_shows_the_end_of_its_log(make_site: MakeSite) -> None:
    site = make_site()
    kafka = Kafka(site)
    await kafka.start()
    await kafka.stop()
    (site.data("kafka") / "log" / "meta.properties").write_text("version=99\n")
    with pytest.raises(ProcessDied, match=r"(?s)kafka ended before it was ready.*log"):
        await kafka.start()
    assert not kafka.running


async def test_another_opening_of_the_site_sees_and_stops_the_same_server(make_site: MakeSite) -> None:
    site = make_site()
    await Valkey(site).start()
    again = Valkey(Site(site.folder))
    assert again.running
    assert await again.healthy()
    assert await stop_site(Site(site.folder)) == ["valkey"]
    assert not again.running


def test_the_state_file_is_for_its_owner_only(make_site: MakeSite) -> None:
    site = make_site()
    assert site.secret("postgres") == Site(site.folder).secret("postgres")
    assert site.state_file.stat().st_mode & 0o777 == 0o600


async def test_postgres_keeps_its_data_after_a_kill_and_has_pgvector(make_site: MakeSite) -> None:
    postgres = Postgres(make_site())
    await postgres.start()
    await _execute(postgres.url, "CREATE EXTENSION vector; CREATE TABLE kept AS SELECT '[1,2]'::vector AS v")
    await postgres.kill()
    await postgres.start()
    assert await _value(postgres.url, "SELECT v <-> '[1,3]' FROM kept") == 1.0
    await postgres.stop()


async def test_logins_are_ordinary_users_with_their_own_password(postgres: Postgres) -> None:
    database = await postgres.make_database(f"logins_{uuid.uuid4().hex}", logins=("assay_alpha", "assay_beta"))
    assert await _value(database.logins["assay_alpha"], "SELECT current_user") == "assay_alpha"
    assert await _value(database.owner_url, "SELECT rolsuper FROM pg_roles WHERE rolname = 'assay_alpha'") is False
    wrong = database.logins["assay_alpha"].replace("assay_alpha:", "assay_beta:")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await _value(wrong, "SELECT 1")


async def test_many_may_create_the_same_database_and_login_at_once(postgres: Postgres) -> None:
    name = f"same_{uuid.uuid4().hex}"
    made = await asyncio.gather(*(postgres.make_database(name, logins=(name,)) for _ in range(8)))
    assert len({database.owner_url for database in made}) == 1
    assert await _value(made[0].logins[name], "SELECT current_database()") == name


async def test_kafka_takes_topics_and_carries_messages_over_a_kill(make_site: MakeSite) -> None:
    kafka = Kafka(make_site())
    await kafka.start()
    await _create_topic(kafka, "kept")
    await _send(kafka, "kept", b"before")
    await kafka.kill()
    await kafka.start()
    await _send(kafka, "kept", b"after")
    async with AIOKafkaConsumer(
        "kept", bootstrap_servers=kafka.bootstrap_servers, group_id="g", auto_offset_reset="earliest"
    ) as consumer:
        received = [(await asyncio.wait_for(consumer.getone(), 20)).value for _ in range(2)]
    assert received == [b"before", b"after"]
    await kafka.stop()


def test_a_cluster_id_never_looks_like_an_option() -> None:
    assert not any(new_cluster_id().startswith("-") for _ in range(2000))


async def test_the_model_answers_several_at_once(model_server: ModelServer) -> None:
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        answers = await asyncio.gather(
            *(_ask(client, model_server, word) for word in ("red", "green", "blue", "grey", "pink"))
        )
    assert all(answer["usage"]["completion_tokens"] > 0 for answer in answers)


async def _ask(client: httpx.AsyncClient, model: ModelServer, word: str) -> dict[str, dict[str, int]]:
    messages = [{"role": "user", "content": f"Say {word}."}]
    answer = await client.post(
        f"{model.url}/chat/completions", json={"model": "smollm2", "messages": messages, "max_tokens": 8}
    )
    answer.raise_for_status()
    return answer.json()


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def _value(url: str, query: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def _create_topic(kafka: Kafka, name: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, num_partitions=1, replication_factor=1)])
    finally:
        await admin.close()


async def _send(kafka: Kafka, topic: str, value: bytes) -> None:
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap_servers, enable_idempotence=True) as producer:
        await producer.send_and_wait(topic, value)
