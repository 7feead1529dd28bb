"""What API keys may do, for how long, and how they are replaced."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from assay.auth.v1 import api_keys_pb2, events_pb2, organisations_pb2, service_accounts_pb2, sessions_pb2
from assay.auth.v1.organisations_pb2 import ROLE_ADMIN, ROLE_MEMBER, ROLE_VIEWER
from assay_auth.bootstrap.machines import keep_key_uses

FAILED_PRECONDITION = grpc.StatusCode.FAILED_PRECONDITION
INVALID_ARGUMENT = grpc.StatusCode.INVALID_ARGUMENT
NOT_FOUND = grpc.StatusCode.NOT_FOUND
PERMISSION_DENIED = grpc.StatusCode.PERMISSION_DENIED
UNAUTHENTICATED = grpc.StatusCode.UNAUTHENTICATED


def moment(**ahead):
    stamp = Timestamp()
    stamp.FromDatetime(datetime.now(UTC) + timedelta(**ahead))
    return stamp


async def create(world, metadata, *scopes, **rest):
    request = api_keys_pb2.CreateApiKeyRequest(name="ci", scopes=scopes, **rest)
    return await world.api_keys.CreateApiKey(request, metadata=metadata)


async def exchanged(world, secret):
    return (await world.sessions.ExchangeApiKey(sessions_pb2.ExchangeApiKeyRequest(api_key=secret))).access_token


async def caller_of(world, secret):
    return await world.principal(await exchanged(world, secret))


async def as_key(world, created):
    return (("authorization", f"Bearer {await exchanged(world, created.secret)}"),)


async def rotate(world, metadata, key_id, overlap_seconds=0):
    request = api_keys_pb2.RotateApiKeyRequest(id=key_id, overlap_seconds=overlap_seconds)
    return await world.api_keys.RotateApiKey(request, metadata=metadata)


async def found(world, metadata):
    answer = await world.api_keys.ListApiKeys(api_keys_pb2.ListApiKeysRequest(), metadata=metadata)
    return {key.id: key for key in answer.api_keys}


async def machine(world, team, role=ROLE_ADMIN):
    request = service_accounts_pb2.CreateServiceAccountRequest(name=uuid4().hex, role=role)
    return await world.service_accounts.CreateServiceAccount(request, metadata=team.as_owner)


async def test_a_key_says_whose_it_is_and_what_it_is_limited_to(world):
    team = await world.organisation()
    created = await create(
        world, team.as_owner, "prompts:read", prompts=["triage", "answer", "triage"], repositories=["web"]
    )
    assert (list(created.api_key.prompts), list(created.api_key.repositories)) == (["answer", "triage"], ["web"])
    assert await found(world, team.as_owner) == {created.api_key.id: created.api_key}
    caller = await caller_of(world, created.secret)
    assert (caller.role, caller.owner, caller.acts_for) == ("owner", team.owner.id, team.owner.id)
    assert (caller.prompts, caller.repositories) == ({"answer", "triage"}, {"web"})
    assert caller.may_touch_prompt("triage")
    assert not caller.may_touch_prompt("other")
    free = await caller_of(world, (await create(world, team.as_owner, "prompts:read")).secret)
    assert (free.prompts, free.repositories) == (None, None)


async def test_a_limited_key_makes_no_wider_key(world, refused):
    team = await world.organisation()
    parent = await create(world, team.as_owner, "prompts:read", "api-keys:write", prompts=["triage", "answer"])
    with_key = await as_key(world, parent)
    for wider in ([], ["other"], ["triage", "other"]):
        with refused(PERMISSION_DENIED, "LIMITS_EXCEED_CREATOR") as refusal:
            await create(world, with_key, "prompts:read", prompts=wider)
        assert refusal.details == {"limited": "prompts"}
    child = await create(world, with_key, "prompts:read", prompts=["answer"])
    assert (await caller_of(world, child.secret)).prompts == {"answer"}
    free = await create(world, team.as_owner, "prompts:read")
    with refused(PERMISSION_DENIED, "KEY_OF_SOMEBODY_ELSE"):
        await rotate(world, await as_key(world, await limited_machine_key(world, team)), free.api_key.id)


async def limited_machine_key(world, team):
    account = await machine(world, team)
    return await create(
        world, team.as_owner, "prompts:read", "api-keys:write", prompts=["triage"], service_account_id=account.id
    )


async def test_a_limited_key_does_not_rotate_a_wider_one(world, refused):
    team = await world.organisation()
    account = await machine(world, team)
    wide = await create(world, team.as_owner, "prompts:read", service_account_id=account.id)
    with refused(PERMISSION_DENIED, "LIMITS_EXCEED_CREATOR"):
        await rotate(world, await as_key(world, await limited_machine_key(world, team)), wide.api_key.id)


async def test_fields_of_limits(world, refused):
    team = await world.organisation()
    with refused(INVALID_ARGUMENT, "INVALID_ARGUMENT") as refusal:
        await create(world, team.as_owner, "prompts:read", prompts=["x"] * 51, repositories=["", "web"])
    assert refusal.fields == ["prompts", "repositories[0]"]


async def test_a_demotion_narrows_a_persons_keys(world):
    team = await world.organisation()
    admin, as_admin = await team.joined(ROLE_ADMIN)
    created = await create(world, as_admin, "prompts:read", "prompts:write", "members:write")
    for role, name, left in (
        (ROLE_MEMBER, "member", {"prompts:read", "prompts:write"}),
        (ROLE_VIEWER, "viewer", {"prompts:read"}),
        (ROLE_ADMIN, "admin", {"prompts:read", "prompts:write", "members:write"}),
    ):
        await world.organisations.ChangeRole(
            organisations_pb2.ChangeRoleRequest(user_id=str(admin.id), role=role), metadata=team.as_owner
        )
        caller = await caller_of(world, created.secret)
        assert (caller.role, caller.permissions) == (name, left)


async def test_a_key_whose_owner_is_gone_does_not_work(world, refused):
    """The second line: ending a membership revokes its keys; one that slipped through is refused all the same."""
    team = await world.organisation()
    admin, as_admin = await team.joined(ROLE_ADMIN)
    created = await create(world, as_admin, "prompts:read", "api-keys:write")
    with_key = await as_key(world, created)
    async with world.parts.uow.system() as tx:
        await tx.members.remove(UUID(team.id), admin.id)
    with refused(UNAUTHENTICATED, "API_KEY_OWNER_GONE"):
        await exchanged(world, created.secret)
    with refused(UNAUTHENTICATED, "API_KEY_OWNER_GONE"):
        await create(world, with_key, "prompts:read")


async def test_a_key_is_rotated_with_an_overlap(world, refused):
    team = await world.organisation()
    old = await create(world, team.as_owner, "prompts:read", prompts=["triage"])
    new = await rotate(world, team.as_owner, old.api_key.id, 3600)
    assert new.secret != old.secret
    assert new.api_key.rotated_from == old.api_key.id
    assert (list(new.api_key.scopes), list(new.api_key.prompts)) == (["prompts:read"], ["triage"])
    assert not new.api_key.HasField("expires_at")
    for secret in (old.secret, new.secret):
        assert (await caller_of(world, secret)).prompts == {"triage"}
    world.clock.shift = timedelta(minutes=59)
    await exchanged(world, old.secret)
    world.clock.shift = timedelta(minutes=61)
    with refused(UNAUTHENTICATED, "API_KEY_EXPIRED"):
        await exchanged(world, old.secret)
    await exchanged(world, new.secret)
    world.clock.shift = timedelta()
    ended = (await found(world, team.as_owner))[old.api_key.id]
    (_, made), (row, rotated) = (await world.events(team.id))[3:]
    assert made.api_key_id == new.api_key.id
    assert rotated == events_pb2.ApiKeyRotated(
        api_key_id=old.api_key.id, replaced_by=new.api_key.id, expires_at=ended.expires_at
    )
    assert (str(row["aggregate_id"]), row["aggregate_version"]) == (old.api_key.id, 2)


async def test_a_token_of_a_replaced_key_ends_with_it(world):
    team = await world.organisation()
    old = await create(world, team.as_owner, "prompts:read")
    await rotate(world, team.as_owner, old.api_key.id, 60)
    assert (await caller_of(world, old.secret)).expires_at <= datetime.now(UTC) + timedelta(seconds=61)


async def test_a_rotation_prolongs_nothing_and_shortens_nothing(world):
    team = await world.organisation()
    soon = await create(world, team.as_owner, "prompts:read", expires_at=moment(minutes=10))
    await rotate(world, team.as_owner, soon.api_key.id)
    late = await create(world, team.as_owner, "prompts:read", expires_at=moment(days=90))
    new = await rotate(world, team.as_owner, late.api_key.id)
    keys = await found(world, team.as_owner)
    assert keys[soon.api_key.id].expires_at == soon.api_key.expires_at
    assert abs(keys[late.api_key.id].expires_at.seconds - moment(days=1).seconds) <= 5
    lives = [key.expires_at.seconds - key.created_at.seconds for key in (late.api_key, new.api_key)]
    assert abs(lives[0] - lives[1]) <= 1


async def test_a_key_is_replaced_once_even_by_four_at_once(world, refused):
    team = await world.organisation()
    old = await create(world, team.as_owner, "prompts:read")
    answers = await asyncio.gather(
        *(rotate(world, team.as_owner, old.api_key.id) for _ in range(4)), return_exceptions=True
    )
    (new,) = [answer for answer in answers if isinstance(answer, api_keys_pb2.CreatedApiKey)]
    with refused(FAILED_PRECONDITION, "API_KEY_ROTATED"):
        await rotate(world, team.as_owner, old.api_key.id)
    assert (await rotate(world, team.as_owner, new.api_key.id)).api_key.rotated_from == new.api_key.id


async def test_a_key_rotates_itself(world):
    team = await world.organisation()
    old = await create(world, team.as_owner, "prompts:read", "api-keys:write", prompts=["triage"])
    new = await rotate(world, await as_key(world, old), old.api_key.id)
    assert new.api_key.created_by == old.api_key.id
    assert (await caller_of(world, new.secret)).owner == team.owner.id


async def test_nobody_rotates_the_key_of_another_person(world, refused):
    team = await world.organisation()
    _, as_admin = await team.joined(ROLE_ADMIN)
    owners = await create(world, team.as_owner, "prompts:read")
    with refused(PERMISSION_DENIED, "KEY_OF_SOMEBODY_ELSE"):
        await rotate(world, as_admin, owners.api_key.id)
    account = await machine(world, team, ROLE_MEMBER)
    machines = await create(world, team.as_owner, "prompts:read", service_account_id=account.id)
    new = await rotate(world, as_admin, machines.api_key.id)
    assert new.api_key.service_account_id == account.id


async def test_what_works_no_more_is_not_rotated(world, refused):
    team, other = await world.organisation(), await world.organisation()
    dead = await create(world, team.as_owner, "prompts:read")
    await world.api_keys.RevokeApiKey(api_keys_pb2.RevokeApiKeyRequest(id=dead.api_key.id), metadata=team.as_owner)
    with refused(FAILED_PRECONDITION, "API_KEY_NOT_USABLE"):
        await rotate(world, team.as_owner, dead.api_key.id)
    foreign = await create(world, other.as_owner, "prompts:read")
    for wanted in (foreign.api_key.id, str(uuid4()), "malformed"):
        with refused(NOT_FOUND, "API_KEY_NOT_FOUND"):
            await rotate(world, team.as_owner, wanted)
    for overlap in (-1, 30 * 24 * 3600 + 1):
        with refused(INVALID_ARGUMENT, "INVALID_ARGUMENT") as refusal:
            await rotate(world, team.as_owner, foreign.api_key.id, overlap)
        assert refusal.fields == ["overlap_seconds"]


async def test_the_last_use_is_known_to_a_minute_by_one_statement(world):
    team = await world.organisation()
    keys = [await create(world, team.as_owner, "prompts:read") for _ in range(3)]
    assert not any(key.HasField("last_used_at") for key in (await found(world, team.as_owner)).values())
    used = keys[:2]
    for _ in range(3):
        for key in used:
            await exchanged(world, key.secret)
    assert not any(key.HasField("last_used_at") for key in (await found(world, team.as_owner)).values())
    await world.parts.key_uses.flush()
    shown = await found(world, team.as_owner)
    for key in used:
        assert abs(shown[key.api_key.id].last_used_at.seconds - moment().seconds) <= 60
    assert not shown[keys[2].api_key.id].HasField("last_used_at")
    assert len(await writers(world, used)) == 1
    await exchanged(world, used[0].secret)  # within the minute: nothing to write
    await world.parts.key_uses.flush()
    assert (await found(world, team.as_owner)) == shown
    world.clock.shift = timedelta(minutes=2)
    await exchanged(world, used[0].secret)
    await world.parts.key_uses.flush()
    later = (await found(world, team.as_owner))[used[0].api_key.id].last_used_at
    assert later.seconds - shown[used[0].api_key.id].last_used_at.seconds >= 115


async def test_a_refused_key_was_not_used(world, refused):
    team = await world.organisation()
    created = await create(world, team.as_owner, "prompts:read")
    await world.api_keys.RevokeApiKey(api_keys_pb2.RevokeApiKeyRequest(id=created.api_key.id), metadata=team.as_owner)
    with refused(UNAUTHENTICATED, "API_KEY_REVOKED"):
        await exchanged(world, created.secret)
    await world.parts.key_uses.flush()
    assert not (await found(world, team.as_owner))[created.api_key.id].HasField("last_used_at")


async def test_uses_that_cannot_be_stored_are_kept(world):
    team = await world.organisation()
    created = await create(world, team.as_owner, "prompts:read")
    await exchanged(world, created.secret)
    uses = world.parts.key_uses
    real = uses.uow
    uses.uow = Away()
    with pytest.raises(asyncpg.InterfaceError):
        await uses.flush()
    uses.uow = real
    await uses.flush()
    assert (await found(world, team.as_owner))[created.api_key.id].HasField("last_used_at")


async def test_uses_are_stored_when_the_process_stops(world):
    team = await world.organisation()
    created = await create(world, team.as_owner, "prompts:read")
    stopping = asyncio.Event()
    keeping = asyncio.create_task(keep_key_uses(world.parts, stopping))
    await exchanged(world, created.secret)
    stopping.set()
    await asyncio.wait_for(keeping, 10)
    assert (await found(world, team.as_owner))[created.api_key.id].HasField("last_used_at")


class Away:
    """A database that is not there."""

    def system(self):
        raise asyncpg.InterfaceError("connection is closed")


async def writers(world, keys):
    """The transactions that wrote the keys' rows last."""
    async with world.parts.uow.system() as tx:
        rows = await tx.tenant.connection.fetch(
            "SELECT DISTINCT xmin::text FROM api_keys WHERE id = ANY ($1)", [UUID(key.api_key.id) for key in keys]
        )
    return [row["xmin"] for row in rows]
