"""Service accounts: machines with a role, whose keys may do no more than it allows."""

from uuid import UUID, uuid4

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty

from assay.auth.v1 import api_keys_pb2, events_pb2, organisations_pb2, service_accounts_pb2, sessions_pb2
from assay.auth.v1.organisations_pb2 import ROLE_ADMIN, ROLE_MEMBER, ROLE_OWNER, ROLE_VIEWER

INVALID_ARGUMENT = grpc.StatusCode.INVALID_ARGUMENT
NOT_FOUND = grpc.StatusCode.NOT_FOUND
PERMISSION_DENIED = grpc.StatusCode.PERMISSION_DENIED
UNAUTHENTICATED = grpc.StatusCode.UNAUTHENTICATED


async def create(world, metadata, name="build", role=ROLE_MEMBER, description=""):
    request = service_accounts_pb2.CreateServiceAccountRequest(name=name, role=role, description=description)
    return await world.service_accounts.CreateServiceAccount(request, metadata=metadata)


async def get(world, metadata, account_id):
    request = service_accounts_pb2.GetServiceAccountRequest(id=account_id)
    return await world.service_accounts.GetServiceAccount(request, metadata=metadata)


async def update(world, metadata, account_id, **changes):
    request = service_accounts_pb2.UpdateServiceAccountRequest(id=account_id, **changes)
    return await world.service_accounts.UpdateServiceAccount(request, metadata=metadata)


async def delete(world, metadata, account_id, etag=""):
    request = service_accounts_pb2.DeleteServiceAccountRequest(id=account_id, etag=etag)
    return await world.service_accounts.DeleteServiceAccount(request, metadata=metadata)


async def key_for(world, metadata, account_id, *scopes):
    request = api_keys_pb2.CreateApiKeyRequest(name="key", scopes=scopes, service_account_id=account_id)
    return await world.api_keys.CreateApiKey(request, metadata=metadata)


async def exchanged(world, secret):
    return (await world.sessions.ExchangeApiKey(sessions_pb2.ExchangeApiKeyRequest(api_key=secret))).access_token


async def claims(world, secret):
    return await world.principal(await exchanged(world, secret))


async def test_a_service_account_is_created_changed_and_deleted(world, refused):
    team = await world.organisation()
    made = await create(world, team.as_owner, " build ", ROLE_MEMBER, "compiles")
    assert (made.name, made.description, made.role, made.etag) == ("build", "compiles", ROLE_MEMBER, "1")
    assert made.created_by == str(team.owner.id)
    assert await get(world, team.as_owner, made.id) == made
    changed = await update(world, team.as_owner, made.id, role=ROLE_VIEWER, etag="1")
    assert (changed.name, changed.description, changed.role, changed.etag) == ("build", "compiles", ROLE_VIEWER, "2")
    assert await update(world, team.as_owner, made.id, name="build") == changed
    with refused(grpc.StatusCode.ABORTED, "ETAG_MISMATCH"):
        await update(world, team.as_owner, made.id, description="", etag="1")
    with refused(grpc.StatusCode.ABORTED, "ETAG_MISMATCH"):
        await delete(world, team.as_owner, made.id, "1")
    assert await delete(world, team.as_owner, made.id, "2") == Empty()
    for ask in (get, update, delete):
        with refused(NOT_FOUND, "SERVICE_ACCOUNT_NOT_FOUND"):
            await ask(world, team.as_owner, made.id)
    told = (await world.events(team.id))[2:]
    assert [message for _, message in told] == [
        events_pb2.ServiceAccountCreated(service_account_id=made.id, name="build", role=ROLE_MEMBER),
        events_pb2.ServiceAccountUpdated(service_account_id=made.id, name="build", role=ROLE_VIEWER),
        events_pb2.ServiceAccountDeleted(service_account_id=made.id),
    ]
    assert [(str(row["aggregate_id"]), row["aggregate_version"]) for row, _ in told] == [
        (made.id, version) for version in (1, 2, 3)
    ]


async def test_its_key_acts_for_it_in_its_role(world):
    team = await world.organisation()
    account = await create(world, team.as_owner)
    created = await key_for(world, team.as_owner, account.id, "prompts:read", "prompts:write")
    assert created.api_key.service_account_id == account.id
    assert created.api_key.created_by == str(team.owner.id)
    caller = await claims(world, created.secret)
    assert (caller.kind, caller.role, caller.owner) == ("api_key", "member", UUID(account.id))
    assert caller.permissions == {"prompts:read", "prompts:write"}
    assert caller.acts_for == UUID(account.id)


async def test_a_demotion_narrows_the_keys(world):
    team = await world.organisation()
    account = await create(world, team.as_owner, role=ROLE_ADMIN)
    created = await key_for(world, team.as_owner, account.id, "prompts:write", "prompts:read", "members:write")
    await update(world, team.as_owner, account.id, role=ROLE_MEMBER)
    caller = await claims(world, created.secret)
    assert (caller.role, caller.permissions) == ("member", {"prompts:read", "prompts:write"})
    await update(world, team.as_owner, account.id, role=ROLE_VIEWER)
    caller = await claims(world, created.secret)
    assert (caller.role, caller.permissions) == ("viewer", {"prompts:read"})
    await update(world, team.as_owner, account.id, role=ROLE_ADMIN)
    assert "members:write" in (await claims(world, created.secret)).permissions


async def test_an_older_token_of_a_demoted_machine_changes_nothing(world, refused):
    team = await world.organisation()
    account = await create(world, team.as_owner, role=ROLE_ADMIN)
    created = await key_for(world, team.as_owner, account.id, "api-keys:write", "prompts:read")
    as_key = (("authorization", f"Bearer {await exchanged(world, created.secret)}"),)
    await update(world, team.as_owner, account.id, role=ROLE_MEMBER)
    with refused(PERMISSION_DENIED, "PERMISSION_LOST"):
        await key_for(world, as_key, "", "prompts:read")


async def test_deletion_revokes_the_keys(world, refused):
    team = await world.organisation()
    account, other = await create(world, team.as_owner), await create(world, team.as_owner, "other")
    keys = [await key_for(world, team.as_owner, account.id, "prompts:read") for _ in range(2)]
    spared = await key_for(world, team.as_owner, other.id, "prompts:read")
    await delete(world, team.as_owner, account.id)
    for key in keys:
        with refused(UNAUTHENTICATED, "API_KEY_REVOKED"):
            await exchanged(world, key.secret)
    await exchanged(world, spared.secret)
    told = [message for _, message in await world.events(team.id)][-3:]
    assert {message.api_key_id for message in told[:2]} == {key.api_key.id for key in keys}
    assert {type(message) for message in told[:2]} == {events_pb2.ApiKeyRevoked}
    assert told[2] == events_pb2.ServiceAccountDeleted(service_account_id=account.id)
    with refused(NOT_FOUND, "SERVICE_ACCOUNT_NOT_FOUND"):
        await key_for(world, team.as_owner, account.id, "prompts:read")


async def test_its_keys_outlive_whoever_made_them(world):
    team = await world.organisation()
    admin, as_admin = await team.joined(ROLE_ADMIN)
    account = await create(world, as_admin)
    created = await key_for(world, as_admin, account.id, "prompts:read")
    await world.organisations.RemoveMember(
        organisations_pb2.RemoveMemberRequest(user_id=str(admin.id)), metadata=team.as_owner
    )
    assert (await claims(world, created.secret)).permissions == {"prompts:read"}


async def test_a_key_has_no_scope_that_the_role_has_not(world, refused):
    team = await world.organisation()
    account = await create(world, team.as_owner, role=ROLE_VIEWER)
    with refused(PERMISSION_DENIED, "SCOPES_EXCEED_OWNER") as refusal:
        await key_for(world, team.as_owner, account.id, "prompts:read", "prompts:write")
    assert refusal.details == {"scopes": "prompts:write"}


async def test_a_key_of_a_machine_makes_keys_of_the_same_machine(world):
    team = await world.organisation()
    account = await create(world, team.as_owner, role=ROLE_ADMIN)
    parent = await key_for(world, team.as_owner, account.id, "api-keys:write", "prompts:read")
    as_key = (("authorization", f"Bearer {await exchanged(world, parent.secret)}"),)
    child = await key_for(world, as_key, "", "prompts:read")
    assert (child.api_key.service_account_id, child.api_key.created_by) == (account.id, parent.api_key.id)


async def test_nobody_makes_a_machine_that_may_do_more_than_they(world, refused):
    team = await world.organisation()
    account = await create(world, team.as_owner, role=ROLE_ADMIN)
    created = await key_for(world, team.as_owner, account.id, "service-accounts:write", "prompts:read")
    as_key = (("authorization", f"Bearer {await exchanged(world, created.secret)}"),)
    await create(world, as_key, "child", ROLE_ADMIN)
    with refused(INVALID_ARGUMENT, "INVALID_ARGUMENT") as refusal:
        await create(world, team.as_owner, "", ROLE_OWNER)
    assert refusal.fields == ["name", "role"]


async def test_names_are_taken_once_in_an_organisation(world, refused):
    team, other = await world.organisation(), await world.organisation()
    await create(world, team.as_owner)
    await create(world, other.as_owner)
    second = await create(world, team.as_owner, "deploy")
    with refused(grpc.StatusCode.ALREADY_EXISTS, "SERVICE_ACCOUNT_NAME_TAKEN") as refusal:
        await create(world, team.as_owner)
    assert refusal.details == {"name": "build"}
    with refused(grpc.StatusCode.ALREADY_EXISTS, "SERVICE_ACCOUNT_NAME_TAKEN"):
        await update(world, team.as_owner, second.id, name="build")


async def test_machines_are_listed_page_by_page_and_so_are_their_keys(world):
    team, other = await world.organisation(), await world.organisation()
    await create(world, other.as_owner)
    mine = [await create(world, team.as_owner, name) for name in ("a", "b", "c")]
    ask = world.service_accounts.ListServiceAccounts
    first = await ask(service_accounts_pb2.ListServiceAccountsRequest(page_size=2), metadata=team.as_owner)
    second = await ask(
        service_accounts_pb2.ListServiceAccountsRequest(page_size=2, page_token=first.next_page_token),
        metadata=team.as_owner,
    )
    assert [*first.service_accounts, *second.service_accounts] == mine
    keys = [await key_for(world, team.as_owner, account.id, "prompts:read") for account in mine]
    await key_for(world, team.as_owner, "", "prompts:read")
    found = await world.api_keys.ListApiKeys(
        api_keys_pb2.ListApiKeysRequest(service_account_id=mine[1].id), metadata=team.as_owner
    )
    assert list(found.api_keys) == [keys[1].api_key]


async def test_a_machine_of_another_organisation_is_not_found(world, refused):
    team, other = await world.organisation(), await world.organisation()
    foreign = await create(world, other.as_owner)
    for wanted in (foreign.id, str(uuid4()), "malformed"):
        for ask in (get, update, delete):
            with refused(NOT_FOUND, "SERVICE_ACCOUNT_NOT_FOUND"):
                await ask(world, team.as_owner, wanted)
        with refused(NOT_FOUND, "SERVICE_ACCOUNT_NOT_FOUND"):
            await key_for(world, team.as_owner, wanted, "prompts:read")


@pytest.mark.parametrize("role", [ROLE_MEMBER, ROLE_VIEWER])
async def test_machines_are_made_by_owners_and_administrators_only(world, refused, role):
    team = await world.organisation()
    account = await create(world, team.as_owner)
    _, metadata = await team.joined(role)
    with refused(PERMISSION_DENIED, "MISSING_PERMISSION"):
        await create(world, metadata, "mine", ROLE_VIEWER)
    if role == ROLE_MEMBER:
        assert await get(world, metadata, account.id) == account
    else:
        with refused(PERMISSION_DENIED, "MISSING_PERMISSION"):
            await get(world, metadata, account.id)
