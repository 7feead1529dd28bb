"""A service of two tables, `notes`, on a database of its own for each test."""

import asyncio
import socket
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from assay.prompt.v1.events_pb2 import PromptCreated
from assay_common.postgres.events import NewEvent
from assay_common.postgres.migrations import migrate
from assay_common.postgres.pool import pool
from assay_common.postgres.unit_of_work import UnitOfWork
from assay_common.settings import DatabaseSettings
from assay_protos.topics import PROMPT_EVENTS

MIGRATIONS = Path(__file__).parent / "migrations"
SCHEMA = "notes"
LOGIN = "assay_notes"


@pytest.fixture
def migrations_path():
    return MIGRATIONS


@pytest.fixture
def unused_port():
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
async def empty(make_database):
    """Settings of a database in which nothing was made yet."""
    database = await make_database(SCHEMA, logins=(LOGIN,))
    return DatabaseSettings(url=database.logins[LOGIN], migration_url=database.owner_url)


@pytest.fixture
async def settings(empty):
    """Settings of a migrated database."""
    await asyncio.to_thread(migrate, empty, SCHEMA, MIGRATIONS)
    return empty


@pytest.fixture
async def database(settings):
    async with pool(settings, SCHEMA) as opened:
        yield opened


@pytest.fixture
def uow(database):
    return UnitOfWork(database, SCHEMA, lambda tx: tx)


@pytest.fixture
async def superuser(settings):
    """A connection that sees everything, to look at what was done."""
    connection = await asyncpg.connect(settings.owner_url.get_secret_value(), server_settings={"search_path": SCHEMA})
    yield connection
    await connection.close()


@pytest.fixture
def org():
    return uuid4()


@pytest.fixture
def new_event():
    """Makes an event whose `text` can be recognised."""

    def make(org_id, aggregate=None, version=None, *, key=None, text="", topic=PROMPT_EVENTS):
        aggregate = aggregate or uuid4()
        return NewEvent(
            topic=topic,
            message=PromptCreated(name=text),
            org_id=org_id,
            key=key or str(aggregate),
            aggregate_type="prompt",
            aggregate_id=aggregate,
            aggregate_version=version,
        )

    return make


@pytest.fixture
def add_note():
    async def add(tx, body="hello", *, org_id=None):
        note = uuid4()
        await tx.connection.execute(
            "INSERT INTO notes (id, org_id, body) VALUES ($1, $2, $3)", note, org_id or tx.org_id, body
        )
        return note

    return add


@pytest.fixture
def bodies():
    """Reads the notes that a transaction can see."""

    async def read(tx):
        return [row["body"] for row in await tx.connection.fetch("SELECT body FROM notes ORDER BY body")]

    return read
