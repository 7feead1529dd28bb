"""What the database itself holds back, whatever the code forgets."""

import asyncio
from uuid import UUID, uuid4

import asyncpg
import pytest

from assay.auth.v1 import organisations_pb2
from assay_auth import bootstrap
from assay_auth.adapters.postgres.transaction import SCHEMA
from assay_common.postgres.migrations import downgrade, migrate
from assay_common.postgres.pool import pool
from assay_common.settings import DatabaseSettings

TENANT_TABLES = [
    "organisations",
    "memberships",
    "invitations",
    "teams",
    "team_members",
    "service_accounts",
    "api_keys",
    "events",
]
SYSTEM_TABLES = [
    "mails",
    "refresh_families",
    "refresh_tokens",
    "signing_keys",
    "identities",
    "sign_on_attempts",
    "device_requests",
    "user_code_tries",
]


@pytest.fixture
async def connection(shared_settings):
    async with pool(shared_settings.database, SCHEMA) as connections, connections.acquire() as acquired:
        yield acquired


@pytest.mark.parametrize("table", TENANT_TABLES)
async def test_a_query_without_a_tenant_returns_nothing(world, connection, table):
    await world.organisation()
    assert await connection.fetchval(f"SELECT count(*) FROM {table}") == 0


async def test_people_are_not_seen_without_a_tenant(world, connection):
    await world.organisation()
    assert await connection.fetch("SELECT id, email FROM users") == []


async def test_an_organisation_sees_itself_and_its_members_only(world, connection):
    team, other = await world.organisation(), await world.organisation()
    await team.joined(organisations_pb2.ROLE_VIEWER)
    async with connection.transaction():
        await connection.execute("SELECT set_config('assay.org_id', $1, true)", team.id)
        assert [row["org_id"] for row in await connection.fetch("SELECT org_id FROM organisations")] == [UUID(team.id)]
        people = {row["email"] for row in await connection.fetch("SELECT email FROM users")}
        assert team.owner.email in people
        assert len(people) == 2
        assert other.owner.email not in people


@pytest.mark.parametrize("table", SYSTEM_TABLES)
async def test_sessions_and_keys_are_the_systems(world, connection, table):
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.fetch(f"SELECT * FROM {table}")


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT password_hash FROM users",
        "UPDATE users SET name = 'x'",
        "INSERT INTO users VALUES (gen_random_uuid(), 'a@b', 'a', 'x', now())",
        "UPDATE api_keys SET scopes = '{members:write}'",
        "UPDATE api_keys SET owner_id = gen_random_uuid()",
        "UPDATE api_keys SET prompts = '{}'",
        "DELETE FROM api_keys",
        "DELETE FROM organisations",
        "UPDATE events SET payload = ''",
        "ALTER TABLE memberships DISABLE ROW LEVEL SECURITY",
    ],
)
async def test_what_the_ordinary_role_cannot_do(connection, statement):
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute(statement)


async def test_a_row_of_another_organisation_cannot_be_written(world, connection):
    team, other = await world.organisation(), await world.organisation()
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with connection.transaction():
            await connection.execute("SELECT set_config('assay.org_id', $1, true)", team.id)
            await connection.execute(
                "INSERT INTO memberships VALUES ($1, $2, 'owner', now())", UUID(other.id), team.owner.id
            )


async def test_secrets_are_stored_as_hashes_only(world):
    team = await world.organisation()
    session = await world.sign_in(team.owner)
    async with world.parts.uow.system() as tx:
        stored = [
            str(dict(row))
            for table in ("users", "refresh_tokens", "refresh_families")
            for row in await tx.tenant.connection.fetch(f"SELECT * FROM {table}")
        ]
    assert stored
    for secret in (session.refresh_token, team.owner.password):
        assert not any(secret in row for row in stored)


async def test_migrations_go_up_down_and_up(make_database, replica):
    made = await make_database("auth", logins=("assay_auth",))
    settings = DatabaseSettings(url=made.logins["assay_auth"], migration_url=made.owner_url)
    for step in (migrate, downgrade, migrate):
        await asyncio.to_thread(step, settings, SCHEMA, bootstrap.MIGRATIONS)
    async with pool(settings, SCHEMA) as connections:
        assert await connections.fetchval("SELECT count(*) FROM organisations WHERE org_id = $1", uuid4()) == 0


async def test_older_keys_get_the_person_who_began_their_line_as_owner(make_database):
    made = await make_database("auth", logins=("assay_auth",))
    settings = DatabaseSettings(url=made.logins["assay_auth"], migration_url=made.owner_url)
    await asyncio.to_thread(migrate, settings, SCHEMA, bootstrap.MIGRATIONS, "0002")
    org_id, person = uuid4(), uuid4()
    parent, child, grandchild = keys = [uuid4() for _ in range(3)]
    async with pool(settings, SCHEMA) as connections, connections.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL ROLE assay_auth_system")
        await connection.execute("INSERT INTO organisations VALUES ($1, 'acme', 'Acme', now())", org_id)
        for key, creator in zip(keys, (person, parent, child), strict=True):
            await connection.execute(
                """
                INSERT INTO api_keys (id, org_id, name, prefix, digest, scopes, created_by, created_at)
                VALUES ($1, $2, 'ci', 'assay_key_abcd', $3, '{prompts:read}', $4, now())
                """,
                key,
                org_id,
                key.bytes * 2,
                creator,
            )
    await asyncio.to_thread(migrate, settings, SCHEMA, bootstrap.MIGRATIONS)
    async with pool(settings, SCHEMA) as connections, connections.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL ROLE assay_auth_system")
        rows = await connection.fetch("SELECT id, owner_id, owner_kind FROM api_keys")
    assert {row["id"] for row in rows} == {parent, child, grandchild}
    assert {(row["owner_id"], row["owner_kind"]) for row in rows} == {(person, "person")}
