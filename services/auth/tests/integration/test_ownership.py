"""Who owns an organisation, who leaves it, and changes that are decided on what somebody has seen."""

import asyncio
from uuid import UUID, uuid4

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty

from assay.auth.v1 import api_keys_pb2, events_pb2, organisations_pb2, sessions_pb2, teams_pb2
from assay.auth.v1.organisations_pb2 import ROLE_ADMIN, ROLE_MEMBER, ROLE_OWNER, ROLE_VIEWER

ABORTED = grpc.StatusCode.ABORTED
FAILED_PRECONDITION = grpc.StatusCode.FAILED_PRECONDITION
INVALID_ARGUMENT = grpc.StatusCode.INVALID_ARGUMENT
NOT_FOUND = grpc.StatusCode.NOT_FOUND
PERMISSION_DENIED = grpc.StatusCode.PERMISSION_DENIED
UNAUTHENTICATED = grpc.StatusCode.UNAUTHENTICATED


async def transfer(world, metadata, user_id):
    request = organisations_pb2.TransferOwnershipRequest(user_id=str(user_id))
    return await world.organisations.TransferOwnership(request, metadata=metadata)


async def leave(world, metadata):
    return await world.organisations.LeaveOrganisation(organisations_pb2.LeaveOrganisationRequest(), metadata=metadata)


async def update(world, metadata, org_id, name, etag=""):
    request = organisations_pb2.UpdateOrganisationRequest(id=org_id, name=name, etag=etag)
    return await world.organisations.UpdateOrganisation(request, metadata=metadata)


async def get(world, metadata, user_id):
    request = organisations_pb2.GetMemberRequest(user_id=str(user_id))
    return await world.organisations.GetMember(request, metadata=metadata)


async def roles(world, team):
    async with world.parts.uow(UUID(team.id)) as tx:
        rows = await tx.tenant.connection.fetch("SELECT user_id, role FROM memberships")
    return {row["user_id"]: row["role"] for row in rows}


async def key_of(world, metadata, *scopes):
    """A key, and the metadata of its calls."""
    created = await world.api_keys.CreateApiKey(
        api_keys_pb2.CreateApiKeyRequest(name="ci", scopes=scopes), metadata=metadata
    )
    access = await world.sessions.ExchangeApiKey(sessions_pb2.ExchangeApiKeyRequest(api_key=created.secret))
    return created, (("authorization", f"Bearer {access.access_token}"),)


async def test_ownership_is_handed_over(world):
    team = await world.organisation()
    heir, _ = await team.joined(ROLE_VIEWER)
    new = await transfer(world, team.as_owner, heir.id)
    assert (new.user_id, new.role) == (str(heir.id), ROLE_OWNER)
    assert new == await get(world, team.as_owner, heir.id)
    assert await roles(world, team) == {team.owner.id: "admin", heir.id: "owner"}
    told = [message for _, message in await world.events(team.id)][3:]
    assert told == [
        events_pb2.OwnershipTransferred(
            organisation_id=team.id, from_user_id=str(team.owner.id), to_user_id=str(heir.id)
        ),
        events_pb2.MemberRoleChanged(organisation_id=team.id, user_id=str(heir.id), role=ROLE_OWNER),
        events_pb2.MemberRoleChanged(organisation_id=team.id, user_id=str(team.owner.id), role=ROLE_ADMIN),
    ]


async def test_two_heirs_at_once_leave_one_owner(world):
    team = await world.organisation()
    heirs = [(await team.joined(ROLE_MEMBER))[0] for _ in range(4)]
    answers = await asyncio.gather(*(transfer(world, team.as_owner, heir.id) for heir in heirs), return_exceptions=True)
    assert sum(isinstance(answer, organisations_pb2.Member) for answer in answers) == 1
    assert list((await roles(world, team)).values()).count("owner") == 1


async def test_a_transfer_changes_both_or_neither(world, refused):
    team, stranger = await world.organisation(), await world.person()
    for nobody in (stranger.id, uuid4(), "malformed"):
        with refused(NOT_FOUND, "MEMBER_NOT_FOUND"):
            await transfer(world, team.as_owner, nobody)
    with refused(INVALID_ARGUMENT, "INVALID_ARGUMENT") as refusal:
        await transfer(world, team.as_owner, team.owner.id)
    assert refusal.fields == ["user_id"]
    assert await roles(world, team) == {team.owner.id: "owner"}
    assert len(await world.events(team.id)) == 2


async def test_only_an_owner_in_person_hands_over(world, refused):
    team = await world.organisation()
    admin, as_admin = await team.joined(ROLE_ADMIN)
    with refused(PERMISSION_DENIED, "OWNERSHIP_RESERVED"):
        await transfer(world, as_admin, team.owner.id)
    _, as_key = await key_of(world, team.as_owner, "organisations:write")
    with refused(PERMISSION_DENIED, "PERSON_NEEDED"):
        await transfer(world, as_key, admin.id)


async def test_a_transfer_among_owners(world):
    team = await world.organisation()
    other, _ = await team.joined(ROLE_OWNER)
    before = await get(world, team.as_owner, other.id)
    assert await transfer(world, team.as_owner, other.id) == before
    assert await roles(world, team) == {team.owner.id: "admin", other.id: "owner"}


async def test_a_member_leaves_with_teams_and_keys(world, refused):
    team = await world.organisation()
    admin, as_admin = await team.joined(ROLE_ADMIN)
    created, as_key = await key_of(world, as_admin, "prompts:read", "api-keys:write")
    child = (await key_of(world, as_key, "prompts:read"))[0]
    await world.teams.CreateTeam(teams_pb2.CreateTeamRequest(slug="red"), metadata=team.as_owner)
    await world.teams.AddTeamMember(
        teams_pb2.AddTeamMemberRequest(team="red", user_id=str(admin.id)), metadata=team.as_owner
    )
    before = await world.teams.GetTeam(teams_pb2.GetTeamRequest(team="red"), metadata=team.as_owner)
    assert await leave(world, as_admin) == Empty()
    with refused(NOT_FOUND, "MEMBER_NOT_FOUND"):
        await get(world, team.as_owner, admin.id)
    after = await world.teams.GetTeam(teams_pb2.GetTeamRequest(team="red"), metadata=team.as_owner)
    assert (before.member_count, after.member_count) == (1, 0)
    assert before.etag != after.etag
    for key in (created, child):
        with refused(UNAUTHENTICATED, "API_KEY_REVOKED"):
            await world.sessions.ExchangeApiKey(sessions_pb2.ExchangeApiKeyRequest(api_key=key.secret))
    told = [message for _, message in await world.events(team.id)]
    assert told[-4] == events_pb2.TeamMemberRemoved(team_id=after.id, user_id=str(admin.id))
    assert {message.api_key_id for message in told[-3:-1]} == {created.api_key.id, child.api_key.id}
    assert told[-1] == events_pb2.MemberRemoved(organisation_id=team.id, user_id=str(admin.id))
    await team.join(admin, ROLE_ADMIN)  # coming back does not revive them
    with refused(UNAUTHENTICATED, "API_KEY_REVOKED"):
        await world.sessions.ExchangeApiKey(sessions_pb2.ExchangeApiKeyRequest(api_key=created.secret))


async def test_who_left_leaves_once(world, refused):
    team = await world.organisation()
    _, as_viewer = await team.joined(ROLE_VIEWER)
    await leave(world, as_viewer)
    with refused(NOT_FOUND, "MEMBER_NOT_FOUND"):
        await leave(world, as_viewer)


async def test_the_last_owner_cannot_leave(world, refused):
    team = await world.organisation()
    await team.joined(ROLE_ADMIN)
    with refused(FAILED_PRECONDITION, "LAST_OWNER"):
        await leave(world, team.as_owner)


@pytest.mark.parametrize("attempt", range(5))
async def test_of_owners_who_leave_at_once_one_stays(world, attempt):
    team = await world.organisation()
    others = [(await team.joined(ROLE_OWNER))[1] for _ in range(3)]
    answers = await asyncio.gather(
        *(leave(world, metadata) for metadata in (team.as_owner, *others)), return_exceptions=True
    )
    assert sum(isinstance(answer, Empty) for answer in answers) == 3
    assert list((await roles(world, team)).values()) == ["owner"]


async def test_one_leaves_while_the_other_is_demoted(world):
    team = await world.organisation()
    other, as_other = await team.joined(ROLE_OWNER)
    demotion = world.organisations.ChangeRole(
        organisations_pb2.ChangeRoleRequest(user_id=str(other.id), role=ROLE_MEMBER), metadata=team.as_owner
    )
    await asyncio.gather(leave(world, team.as_owner), demotion, leave(world, as_other), return_exceptions=True)
    assert list((await roles(world, team)).values()).count("owner") == 1


async def test_a_key_cannot_leave(world, refused):
    team = await world.organisation()
    _, as_key = await key_of(world, team.as_owner, "members:write")
    with refused(PERMISSION_DENIED, "PERSON_NEEDED"):
        await leave(world, as_key)


async def test_without_an_organisation_there_is_nothing_to_leave(world, refused):
    with refused(PERMISSION_DENIED, "ORGANISATION_NOT_CHOSEN"):
        await leave(world, await world.signed_in(await world.person()))


async def test_an_organisation_is_renamed(world):
    team = await world.organisation()
    assert team.organisation.etag == "1"
    renamed = await update(world, team.as_owner, team.id, " Acme Ltd ", "1")
    assert (renamed.name, renamed.slug, renamed.etag) == ("Acme Ltd", team.organisation.slug, "2")
    assert await update(world, team.as_owner, team.id, "Acme Ltd") == renamed
    read = await world.organisations.GetOrganisation(
        organisations_pb2.GetOrganisationRequest(id=team.id), metadata=team.as_owner
    )
    assert read == renamed
    told = [message for _, message in await world.events(team.id)][2:]
    assert told == [events_pb2.OrganisationUpdated(organisation_id=team.id, name="Acme Ltd")]


async def test_of_two_renamings_decided_on_one_state_one_is_lost(world, refused):
    team = await world.organisation()
    names = ["one", "two", "three", "four"]
    answers = await asyncio.gather(
        *(update(world, team.as_owner, team.id, name, "1") for name in names), return_exceptions=True
    )
    assert sum(isinstance(answer, organisations_pb2.Organisation) for answer in answers) == 1
    with refused(ABORTED, "ETAG_MISMATCH") as refusal:
        await update(world, team.as_owner, team.id, "five", "1")
    assert refusal.details == {"etag": "2"}


async def test_who_renames_an_organisation(world, refused):
    team, other = await world.organisation(), await world.organisation()
    _, as_member = await team.joined(ROLE_MEMBER)
    with refused(PERMISSION_DENIED, "MISSING_PERMISSION"):
        await update(world, as_member, team.id, "Ours")
    for wanted in (other.id, str(uuid4()), "malformed"):
        with refused(NOT_FOUND, "ORGANISATION_NOT_FOUND"):
            await update(world, team.as_owner, wanted, "Ours")
    with refused(INVALID_ARGUMENT, "INVALID_ARGUMENT") as refusal:
        await update(world, team.as_owner, team.id, " ")
    assert refusal.fields == ["name"]


async def test_a_member_is_shown(world, refused):
    team, other = await world.organisation(), await world.organisation()
    person, _ = await team.joined(ROLE_MEMBER)
    found = await get(world, team.as_owner, person.id)
    assert (found.email, found.role) == (person.email, ROLE_MEMBER)
    async with world.parts.uow.system() as tx:
        await tx.tenant.connection.execute("UPDATE users SET name = 'Grace Hopper' WHERE id = $1", person.id)
    renamed = await get(world, team.as_owner, person.id)
    assert renamed.name == "Grace Hopper"
    assert renamed.etag != found.etag
    for wanted in (other.owner.id, uuid4(), "malformed"):
        with refused(NOT_FOUND, "MEMBER_NOT_FOUND"):
            await get(world, team.as_owner, wanted)
    with refused(INVALID_ARGUMENT, "INVALID_ARGUMENT"):
        await get(world, team.as_owner, "")


async def test_a_role_is_changed_as_it_was_seen(world, refused):
    team = await world.organisation()
    person, _ = await team.joined(ROLE_MEMBER)

    async def change(role, etag):
        request = organisations_pb2.ChangeRoleRequest(user_id=str(person.id), role=role, etag=etag)
        return await world.organisations.ChangeRole(request, metadata=team.as_owner)

    seen = (await get(world, team.as_owner, person.id)).etag
    changed = await change(ROLE_VIEWER, seen)
    assert changed.etag != seen
    assert await get(world, team.as_owner, person.id) == changed
    with refused(ABORTED, "ETAG_MISMATCH"):
        await change(ROLE_ADMIN, seen)
    removal = organisations_pb2.RemoveMemberRequest(user_id=str(person.id), etag=seen)
    with refused(ABORTED, "ETAG_MISMATCH"):
        await world.organisations.RemoveMember(removal, metadata=team.as_owner)
    removal.etag = changed.etag
    await world.organisations.RemoveMember(removal, metadata=team.as_owner)
