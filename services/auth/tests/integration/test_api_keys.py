"""API keys and what they are exchanged for."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from assay.auth.v1 import api_keys_pb2, events_pb2, organisations_pb2, sessions_pb2
from assay.auth.v1.organisations_pb2 import ROLE_ADMIN

INVALID_ARGUMENT = grpc.StatusCode.INVALID_ARGUMENT
PERMISSION_DENIED = grpc.StatusCode.PERMISSION_DENIED
UNAUTHENTICATED = grpc.StatusCode.UNAUTHENTICATED
NOT_FOUND = grpc.StatusCode.NOT_FOUND


def moment(**ahead):
    stamp = Timestamp()
    stamp.FromDatetime(datetime.now(UTC) + timedelta(**ahead))
    return stamp


async def create(world, metadata, *scopes, name="ci", expires_at=None):
    request = api_keys_pb2.CreateApiKeyRequest(name=name, scopes=scopes, expires_at=expires_at)
    return await world.api_keys.CreateApiKey(request, metadata=metadata)


async def exchange(world, secret):
    return await world.sessions.ExchangeApiKey(sessions_pb2.ExchangeApiKeyRequest(api_key=secret))


async def revoke(world, metadata, key_id):
    return await world.api_keys.RevokeApiKey(api_keys_pb2.RevokeApiKeyRequest(id=key_id), metadata=metadata)


async def listed(world, metadata, **page):
    return await world.api_keys.ListApiKeys(api_keys_pb2.ListApiKeysRequest(**page), metadata=metadata)


async def as_key(world, created):
    return (("authorization", f"Bearer {(await exchange(world, created.secret)).access_token}"),)


async def test_a_key_is_exchanged_for_a_token_with_its_scopes(world):
    team = await world.organisation()
    created = await create(world, team.as_owner, "prompts:write", "prompts:read", "prompts:read")
    key = created.api_key
    assert list(key.scopes) == ["prompts:read", "prompts:write"]
    assert (key.name, key.created_by) == ("ci", str(team.owner.id))
    assert created.secret.startswith(key.prefix)
    assert key.prefix.startswith("assay_key_")
    access = await exchange(world, created.secret)
    assert access.organisation_id == team.id
    me = await world.sessions.WhoAmI(sessions_pb2.WhoAmIRequest(), metadata=await as_key(world, created))
    assert (me.subject, me.kind, me.email, me.name) == (key.id, "api_key", "", "ci")
    assert list(me.permissions) == ["prompts:read", "prompts:write"]
    assert me.organisation == team.organisation


async def test_a_key_lists_its_own_organisation(world):
    team = await world.organisation()
    created = await create(world, team.as_owner, "prompts:read")
    answer = await world.organisations.ListOrganisations(
        organisations_pb2.ListOrganisationsRequest(), metadata=await as_key(world, created)
    )
    assert list(answer.organisations) == [team.organisation]


async def test_the_secret_is_nowhere_in_the_database(world):
    team = await world.organisation()
    created = await create(world, team.as_owner, "prompts:read")
    async with world.parts.uow.system() as tx:
        rows = await tx.tenant.connection.fetch("SELECT * FROM api_keys WHERE id = $1", UUID(created.api_key.id))
        rows += await tx.tenant.connection.fetch("SELECT * FROM events WHERE org_id = $1", UUID(team.id))
    assert len(rows) == 4
    hidden = created.secret.removeprefix(created.api_key.prefix)
    assert not any(hidden in str(dict(row)) for row in rows)


async def test_events_of_a_key(world):
    team = await world.organisation()
    expires_at = moment(days=1)
    created = await create(world, team.as_owner, "prompts:read", expires_at=expires_at)
    for _ in range(2):
        await revoke(world, team.as_owner, created.api_key.id)
    (first, made), (second, gone) = (await world.events(team.id))[2:]
    stored = datetime.fromtimestamp(expires_at.seconds, UTC).replace(microsecond=expires_at.nanos // 1000)
    assert made.expires_at.ToDatetime(UTC) == stored
    made.ClearField("expires_at")
    assert made == events_pb2.ApiKeyCreated(api_key_id=created.api_key.id, name="ci", scopes=["prompts:read"])
    assert gone == events_pb2.ApiKeyRevoked(api_key_id=created.api_key.id)
    assert [row["aggregate_version"] for row in (first, second)] == [1, 2]
    assert {row["key"] for row in (first, second)} == {team.id}
    assert {str(row["aggregate_id"]) for row in (first, second)} == {created.api_key.id}


async def test_a_token_ends_no_later_than_its_key(world):
    team = await world.organisation()
    expires_at = moment(minutes=2)
    created = await create(world, team.as_owner, "prompts:read", expires_at=expires_at)
    assert (await exchange(world, created.secret)).expires_at.seconds == expires_at.seconds
    forever = await create(world, team.as_owner, "prompts:read")
    ends = (await exchange(world, forever.secret)).expires_at.seconds
    assert abs(ends - moment(minutes=10).seconds) <= 2


async def test_an_expired_key(world, refused):
    team = await world.organisation()
    created = await create(world, team.as_owner, "prompts:read", expires_at=moment(minutes=2))
    world.clock.shift = timedelta(minutes=3)
    with refused(UNAUTHENTICATED, "API_KEY_EXPIRED"):
        await exchange(world, created.secret)


async def test_a_revoked_key_works_no_more(world, refused):
    team = await world.organisation()
    created = await create(world, team.as_owner, "prompts:read", "api-keys:write")
    with_key = await as_key(world, created)
    first, second = [await revoke(world, team.as_owner, created.api_key.id) for _ in range(2)]
    assert first.HasField("revoked_at")
    assert first == second
    with refused(UNAUTHENTICATED, "API_KEY_REVOKED"):
        await exchange(world, created.secret)
    with refused(UNAUTHENTICATED, "API_KEY_REVOKED"):
        await world.sessions.WhoAmI(sessions_pb2.WhoAmIRequest(), metadata=with_key)
    with refused(UNAUTHENTICATED, "API_KEY_REVOKED"):
        await create(world, with_key, "prompts:read")


async def test_a_key_is_revoked_by_two_at_once_with_one_event(world):
    team = await world.organisation()
    created = await create(world, team.as_owner, "prompts:read")
    await asyncio.gather(*(revoke(world, team.as_owner, created.api_key.id) for _ in range(4)))
    assert len(await world.events(team.id)) == 4


@pytest.mark.parametrize("secret", ["assay_", "assay_key_", "nonsense", "\x00", "é", "x" * 59])
async def test_what_is_no_key(world, refused, secret):
    with refused(UNAUTHENTICATED, "API_KEY_INVALID"):
        await exchange(world, secret)


async def test_an_unknown_key_and_a_typo(world, refused):
    team = await world.organisation()
    created = await create(world, team.as_owner, "prompts:read")
    typo = created.secret[:-1] + ("a" if created.secret[-1] != "a" else "b")
    with refused(UNAUTHENTICATED, "API_KEY_INVALID"):
        await exchange(world, typo)
    async with world.parts.uow.system() as tx:
        await tx.tenant.connection.execute("DELETE FROM api_keys WHERE id = $1", UUID(created.api_key.id))
    with refused(UNAUTHENTICATED, "API_KEY_INVALID"):
        await exchange(world, created.secret)
    with refused(INVALID_ARGUMENT, "INVALID_ARGUMENT") as refusal:
        await exchange(world, "")
    assert refusal.fields == ["api_key"]


async def test_a_key_is_allowed_no_more_than_its_creator(world, refused):
    team = await world.organisation()
    created = await create(world, team.as_owner, "prompts:read", "api-keys:write")
    with_key = await as_key(world, created)
    with refused(PERMISSION_DENIED, "SCOPES_EXCEED_CREATOR") as refusal:
        await create(world, with_key, "prompts:read", "prompts:write")
    assert refusal.details == {"scopes": "prompts:write"}
    child = await create(world, with_key, "prompts:read")
    assert child.api_key.created_by == created.api_key.id


async def test_somebody_removed_leaves_no_key_behind(world, refused):
    team = await world.organisation()
    admin, as_admin = await team.joined(ROLE_ADMIN)
    await world.organisations.RemoveMember(
        organisations_pb2.RemoveMemberRequest(user_id=str(admin.id)), metadata=team.as_owner
    )
    with refused(PERMISSION_DENIED, "PERMISSION_LOST"):
        await create(world, as_admin, "prompts:read")
    with refused(PERMISSION_DENIED, "PERMISSION_LOST"):
        await revoke(world, as_admin, str(uuid4()))


async def test_a_key_makes_nobody_an_owner(world, refused):
    team, stranger = await world.organisation(), await world.person()
    with_key = await as_key(world, await create(world, team.as_owner, "members:write"))
    request = organisations_pb2.AddMemberRequest(email=stranger.email, role=organisations_pb2.ROLE_OWNER)
    with refused(PERMISSION_DENIED, "OWNERSHIP_RESERVED"):
        await world.organisations.AddMember(request, metadata=with_key)


async def test_fields_of_a_new_key(world, refused):
    team = await world.organisation()
    with refused(INVALID_ARGUMENT, "INVALID_ARGUMENT") as refusal:
        await create(world, team.as_owner, name=" ", expires_at=moment(seconds=-1))
    assert refusal.fields == ["name", "scopes", "expires_at"]
    with refused(INVALID_ARGUMENT, "INVALID_ARGUMENT") as refusal:
        await create(world, team.as_owner, "prompts:read", "rockets:launch", "authenticated")
    assert refusal.fields == ["scopes[1]", "scopes[2]"]
    with refused(INVALID_ARGUMENT, "INVALID_ARGUMENT") as refusal:
        await create(world, team.as_owner, "prompts:read", expires_at=Timestamp(seconds=10**15))
    assert refusal.fields == ["expires_at"]


async def test_keys_are_listed_page_by_page_without_secrets(world):
    team, other = await world.organisation(), await world.organisation()
    await create(world, other.as_owner, "prompts:read")
    mine = [(await create(world, team.as_owner, "prompts:read")).api_key for _ in range(3)]
    first = await listed(world, team.as_owner, page_size=2)
    second = await listed(world, team.as_owner, page_size=2, page_token=first.next_page_token)
    assert [*first.api_keys, *second.api_keys] == mine
    assert second.next_page_token == ""


async def test_a_key_of_another_organisation_is_not_found(world, refused):
    team, other = await world.organisation(), await world.organisation()
    foreign = await create(world, other.as_owner, "prompts:read")
    for wanted in (foreign.api_key.id, str(uuid4()), "malformed", "\x00"):
        with refused(NOT_FOUND, "API_KEY_NOT_FOUND"):
            await revoke(world, team.as_owner, wanted)
    await exchange(world, foreign.secret)
    with refused(INVALID_ARGUMENT, "INVALID_ARGUMENT") as refusal:
        await revoke(world, team.as_owner, "")
    assert refusal.fields == ["id"]
