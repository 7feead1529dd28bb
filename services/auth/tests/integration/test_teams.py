"""Teams."""

import asyncio
from uuid import uuid4

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty

from assay.auth.v1 import events_pb2, organisations_pb2, teams_pb2
from assay.auth.v1.organisations_pb2 import ROLE_ADMIN, ROLE_MEMBER, ROLE_VIEWER

INVALID_ARGUMENT = grpc.StatusCode.INVALID_ARGUMENT
NOT_FOUND = grpc.StatusCode.NOT_FOUND
PERMISSION_DENIED = grpc.StatusCode.PERMISSION_DENIED


async def create(world, metadata, slug, name="", description=""):
    request = teams_pb2.CreateTeamRequest(slug=slug, name=name, description=description)
    return await world.teams.CreateTeam(request, metadata=metadata)


async def get(world, metadata, team):
    return await world.teams.GetTeam(teams_pb2.GetTeamRequest(team=team), metadata=metadata)


async def update(world, metadata, team, **changes):
    return await world.teams.UpdateTeam(teams_pb2.UpdateTeamRequest(team=team, **changes), metadata=metadata)


async def delete(world, metadata, team, etag=""):
    return await world.teams.DeleteTeam(teams_pb2.DeleteTeamRequest(team=team, etag=etag), metadata=metadata)


async def add(world, metadata, team, user_id):
    request = teams_pb2.AddTeamMemberRequest(team=team, user_id=str(user_id))
    return await world.teams.AddTeamMember(request, metadata=metadata)


async def take_out(world, metadata, team, user_id):
    request = teams_pb2.RemoveTeamMemberRequest(team=team, user_id=str(user_id))
    return await world.teams.RemoveTeamMember(request, metadata=metadata)


async def members(world, metadata, team, **page):
    request = teams_pb2.ListTeamMembersRequest(team=team, **page)
    return await world.teams.ListTeamMembers(request, metadata=metadata)


async def test_a_team_is_created_found_and_deleted(world, refused):
    org = await world.organisation()
    red = await create(world, org.as_owner, "red", " The Reds ", "they\ndo")
    assert (red.slug, red.name, red.description, red.member_count, red.etag) == ("red", "The Reds", "they\ndo", 0, "1")
    assert await get(world, org.as_owner, "red") == await get(world, org.as_owner, red.id) == red
    assert await delete(world, org.as_owner, "red", red.etag) == Empty()
    with refused(NOT_FOUND, "TEAM_NOT_FOUND"):
        await get(world, org.as_owner, red.id)
    (first, made), (second, gone) = (await world.events(org.id))[2:]
    assert made == events_pb2.TeamCreated(team_id=red.id, slug="red", name="The Reds")
    assert gone == events_pb2.TeamDeleted(team_id=red.id)
    for version, row in enumerate((first, second), 1):
        assert (str(row["aggregate_id"]), row["aggregate_version"]) == (red.id, version)
        assert (row["aggregate_type"], row["key"]) == ("team", org.id)


async def test_a_slug_is_taken_once_in_an_organisation(world, refused):
    org, other = await world.organisation(), await world.organisation()
    await create(world, org.as_owner, "red")
    await create(world, other.as_owner, "red")
    with refused(grpc.StatusCode.ALREADY_EXISTS, "TEAM_SLUG_TAKEN") as refusal:
        await create(world, org.as_owner, "red")
    assert refusal.details == {"slug": "red"}


async def test_a_team_is_changed_as_it_was_seen(world, refused):
    org = await world.organisation()
    await create(world, org.as_owner, "red", "Red", "they")
    renamed = await update(world, org.as_owner, "red", name="Reds", etag="1")
    assert (renamed.name, renamed.description, renamed.etag) == ("Reds", "they", "2")
    emptied = await update(world, org.as_owner, "red", description="")
    assert (emptied.name, emptied.description, emptied.etag) == ("Reds", "", "3")
    assert await update(world, org.as_owner, "red", name="Reds") == emptied
    with refused(grpc.StatusCode.ABORTED, "ETAG_MISMATCH"):
        await update(world, org.as_owner, "red", name="Blues", etag="1")
    with refused(grpc.StatusCode.ABORTED, "ETAG_MISMATCH"):
        await delete(world, org.as_owner, "red", "1")
    assert await get(world, org.as_owner, "red") == emptied
    assert len(await world.events(org.id)) == 5


async def test_members_come_and_go(world, refused):
    org = await world.organisation()
    ada, grace = [(await org.joined(ROLE_MEMBER, name))[0] for name in ("Ada", "Grace")]
    red = await create(world, org.as_owner, "red")
    for _ in range(2):  # the second time changes nothing
        assert (await add(world, org.as_owner, "red", ada.id)).email == ada.email
    await add(world, org.as_owner, red.id, grace.id)
    assert ((found := await get(world, org.as_owner, "red")).member_count, found.etag) == (2, "3")
    first = await members(world, org.as_owner, "red", page_size=1)
    second = await members(world, org.as_owner, "red", page_size=1, page_token=first.next_page_token)
    assert [each.user_id for page in (first, second) for each in page.members] == sorted(map(str, (ada.id, grace.id)))
    assert second.next_page_token == ""
    assert await take_out(world, org.as_owner, "red", ada.id) == Empty()
    with refused(NOT_FOUND, "MEMBER_NOT_FOUND"):
        await take_out(world, org.as_owner, "red", ada.id)
    assert (await get(world, org.as_owner, "red")).member_count == 1
    told = [message for _, message in await world.events(org.id)][5:]
    assert told == [
        events_pb2.TeamMemberAdded(team_id=red.id, user_id=str(ada.id)),
        events_pb2.TeamMemberAdded(team_id=red.id, user_id=str(grace.id)),
        events_pb2.TeamMemberRemoved(team_id=red.id, user_id=str(ada.id)),
    ]


async def test_who_comes_twice_at_once_is_added_once(world):
    org = await world.organisation()
    person, _ = await org.joined(ROLE_MEMBER)
    await create(world, org.as_owner, "red")
    await asyncio.gather(*(add(world, org.as_owner, "red", person.id) for _ in range(4)))
    assert (await get(world, org.as_owner, "red")).etag == "2"


async def test_only_members_of_the_organisation_are_in_a_team(world, refused):
    org, other = await world.organisation(), await world.organisation()
    await create(world, org.as_owner, "red")
    for stranger in (other.owner.id, uuid4(), "malformed"):
        with refused(NOT_FOUND, "MEMBER_NOT_FOUND"):
            await add(world, org.as_owner, "red", stranger)


async def test_who_is_removed_from_the_organisation_leaves_its_teams(world):
    org = await world.organisation()
    person, _ = await org.joined(ROLE_MEMBER)
    await create(world, org.as_owner, "red")
    await add(world, org.as_owner, "red", person.id)
    await world.organisations.RemoveMember(
        organisations_pb2.RemoveMemberRequest(user_id=str(person.id)), metadata=org.as_owner
    )
    assert not (await members(world, org.as_owner, "red")).members
    assert ((found := await get(world, org.as_owner, "red")).member_count, found.etag) == (0, "3")


async def test_teams_are_listed_page_by_page(world):
    org, other = await world.organisation(), await world.organisation()
    await create(world, other.as_owner, "red")
    mine = [await create(world, org.as_owner, slug) for slug in ("red", "green", "blue")]
    first = await world.teams.ListTeams(teams_pb2.ListTeamsRequest(page_size=2), metadata=org.as_owner)
    second = await world.teams.ListTeams(
        teams_pb2.ListTeamsRequest(page_size=2, page_token=first.next_page_token), metadata=org.as_owner
    )
    assert [*first.teams, *second.teams] == mine
    assert second.next_page_token == ""


async def test_a_team_of_another_organisation_is_not_found(world, refused):
    org, other = await world.organisation(), await world.organisation()
    foreign = await create(world, other.as_owner, "red")
    for wanted in (foreign.id, "red", str(uuid4()), "\x00", "r\x00ed"):
        for ask in (get, update, delete, members):
            with refused(NOT_FOUND, "TEAM_NOT_FOUND"):
                await ask(world, org.as_owner, wanted)
    for ask in (get, update, delete, members):
        with refused(INVALID_ARGUMENT, "INVALID_ARGUMENT") as refusal:
            await ask(world, org.as_owner, "")
        assert refusal.fields == ["team"]


async def test_fields_of_a_team(world, refused):
    org = await world.organisation()
    with refused(INVALID_ARGUMENT, "INVALID_ARGUMENT") as refusal:
        await create(world, org.as_owner, "Red!", "x" * 201, "x" * 1001)
    assert refusal.fields == ["slug", "name", "description"]
    with refused(INVALID_ARGUMENT, "INVALID_ARGUMENT") as refusal:
        await add(world, org.as_owner, "", "")
    assert refusal.fields == ["team", "user_id"]


async def test_members_see_teams_and_viewers_do_not(world, refused):
    org = await world.organisation()
    red = await create(world, org.as_owner, "red")
    _, as_member = await org.joined(ROLE_MEMBER)
    _, as_viewer = await org.joined(ROLE_VIEWER)
    assert await get(world, as_member, "red") == red
    with refused(PERMISSION_DENIED, "MISSING_PERMISSION"):
        await create(world, as_member, "blue")
    with refused(PERMISSION_DENIED, "MISSING_PERMISSION"):
        await get(world, as_viewer, "red")


@pytest.mark.parametrize("ask", [create, update, delete])
async def test_who_was_demoted_changes_no_team(world, refused, ask):
    org = await world.organisation()
    admin, as_admin = await org.joined(ROLE_ADMIN)
    await world.organisations.ChangeRole(
        organisations_pb2.ChangeRoleRequest(user_id=str(admin.id), role=ROLE_MEMBER), metadata=org.as_owner
    )
    with refused(PERMISSION_DENIED, "PERMISSION_LOST"):
        await ask(world, as_admin, "red")
