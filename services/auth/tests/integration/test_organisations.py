"""Organisations and their members."""

import asyncio
from uuid import UUID, uuid4

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty

from assay.auth.v1 import events_pb2, organisations_pb2, sessions_pb2
from assay.auth.v1.organisations_pb2 import ROLE_ADMIN, ROLE_MEMBER, ROLE_OWNER, ROLE_VIEWER

INVALID_ARGUMENT = grpc.StatusCode.INVALID_ARGUMENT
PERMISSION_DENIED = grpc.StatusCode.PERMISSION_DENIED
NOT_FOUND = grpc.StatusCode.NOT_FOUND


def a_slug():
    return f"org-{uuid4().hex[:20]}"


async def create(world, metadata, slug, name=""):
    request = organisations_pb2.CreateOrganisationRequest(slug=slug, name=name)
    return await world.organisations.CreateOrganisation(request, metadata=metadata)


async def add(world, metadata, email, role=ROLE_MEMBER, name="", password=""):
    request = organisations_pb2.AddMemberRequest(email=email, role=role, name=name, password=password)
    return await world.organisations.AddMember(request, metadata=metadata)


async def change(world, metadata, user_id, role):
    request = organisations_pb2.ChangeRoleRequest(user_id=str(user_id), role=role)
    return await world.organisations.ChangeRole(request, metadata=metadata)


async def remove(world, metadata, user_id):
    request = organisations_pb2.RemoveMemberRequest(user_id=str(user_id))
    return await world.organisations.RemoveMember(request, metadata=metadata)


async def members(world, metadata, **page):
    return await world.organisations.ListMembers(organisations_pb2.ListMembersRequest(**page), metadata=metadata)


async def roles(world, metadata):
    return {UUID(member.user_id): member.role for member in (await members(world, metadata)).members}


async def test_whoever_creates_an_organisation_owns_it(world):
    person, slug = await world.person(), a_slug()
    created = await create(world, await world.signed_in(person), slug, " Acme Ltd ")
    assert (created.slug, created.name) == (slug, "Acme Ltd")
    as_owner = await world.signed_in(person)
    assert await roles(world, as_owner) == {person.id: ROLE_OWNER}
    read = await world.organisations.GetOrganisation(
        organisations_pb2.GetOrganisationRequest(id=created.id), metadata=as_owner
    )
    assert read == created
    (first, founded), (second, joined) = await world.events(created.id)
    assert founded == events_pb2.OrganisationCreated(
        organisation_id=created.id, slug=slug, name="Acme Ltd", owner_id=str(person.id)
    )
    assert joined == events_pb2.MemberAdded(organisation_id=created.id, user_id=str(person.id), role=ROLE_OWNER)
    assert (first["aggregate_version"], second["aggregate_version"]) == (1, 2)
    for row in (first, second):
        assert row["topic"] == "assay.auth.events"
        assert row["key"] == created.id == str(row["aggregate_id"])
        assert row["aggregate_type"] == "organisation"
        assert row["actor"] == person.id
        assert row["request_id"]


async def test_a_slug_is_taken_once(world, refused):
    team, stranger = await world.organisation(), await world.person()
    with refused(grpc.StatusCode.ALREADY_EXISTS, "SLUG_TAKEN") as refusal:
        await create(world, await world.signed_in(stranger), team.organisation.slug)
    assert refusal.details == {"slug": team.organisation.slug}


@pytest.mark.parametrize("slug", ["", "A", "no spaces", "x" * 64, "-x-", "\x00"])
async def test_a_slug_that_is_none(world, refused, slug):
    with refused(INVALID_ARGUMENT, "INVALID_ARGUMENT") as refusal:
        await create(world, await world.signed_in(await world.person()), slug)
    assert refusal.fields == ["slug"]


async def test_an_api_key_founds_nothing(world, refused):
    team = await world.organisation()
    as_key = await world.token("prompts:read", org_id=UUID(team.id), kind="api_key")
    with refused(PERMISSION_DENIED, "PERSON_NEEDED"):
        await create(world, as_key, a_slug())


async def test_a_person_of_another_installation_founds_nothing(world, refused):
    with refused(grpc.StatusCode.UNAUTHENTICATED, "SUBJECT_UNKNOWN"):
        await create(world, await world.token(), slug := a_slug())
    await create(world, await world.signed_in(await world.person()), slug)  # nothing was left behind


async def test_one_lists_ones_own_organisations_page_by_page(world):
    person = await world.person()
    mine = [(await world.organisation(person)).id for _ in range(5)]
    await world.organisation()
    as_person, found, token = await world.signed_in(person), [], ""
    for size in (2, 2, 1):
        page = await world.organisations.ListOrganisations(
            organisations_pb2.ListOrganisationsRequest(page_size=2, page_token=token), metadata=as_person
        )
        assert len(page.organisations) == size
        found += [organisation.id for organisation in page.organisations]
        token = page.next_page_token
    assert token == ""
    assert found == mine


async def test_a_last_page_that_is_full_ends_the_list(world):
    team = await world.organisation()
    page = await world.organisations.ListOrganisations(
        organisations_pb2.ListOrganisationsRequest(page_size=1), metadata=team.as_owner
    )
    assert list(page.organisations) == [team.organisation]
    assert page.next_page_token == ""


@pytest.mark.parametrize("token", ["garbage", "e30", "eyJhZnRlciI6ICJub25lIn0", "é", "x" * 5000])
async def test_a_page_token_of_somebody_else(world, refused, token):
    team = await world.organisation()
    with refused(INVALID_ARGUMENT, "MALFORMED_CURSOR") as refusal:
        await members(world, team.as_owner, page_token=token)
    assert refusal.fields == ["page_token"]


async def test_a_negative_page_size(world, refused):
    team = await world.organisation()
    with refused(INVALID_ARGUMENT, "PAGE_SIZE_OUT_OF_RANGE") as refusal:
        await members(world, team.as_owner, page_size=-1)
    assert refusal.fields == ["page_size"]


async def test_another_organisation_is_not_found(world, refused):
    team, other = await world.organisation(), await world.organisation()
    for wanted in (other.id, str(uuid4()), "malformed", other.organisation.slug, "\x00"):
        with refused(NOT_FOUND, "ORGANISATION_NOT_FOUND"):
            await world.organisations.GetOrganisation(
                organisations_pb2.GetOrganisationRequest(id=wanted), metadata=team.as_owner
            )
    with refused(INVALID_ARGUMENT, "INVALID_ARGUMENT") as refusal:
        await world.organisations.GetOrganisation(organisations_pb2.GetOrganisationRequest(), metadata=team.as_owner)
    assert refusal.fields == ["id"]


async def test_a_person_nobody_knew_is_created_and_can_sign_in(world):
    team = await world.organisation()
    email = f"new-{uuid4().hex}@example.org"
    member = await add(world, team.as_owner, email.upper(), ROLE_VIEWER, "Newcomer", "a password of some length")
    assert (member.email, member.name, member.role) == (email, "Newcomer", ROLE_VIEWER)
    session = await world.sessions.SignIn(sessions_pb2.SignInRequest(email=email, password="a password of some length"))
    assert session.access.organisation_id == team.id
    row, added = (await world.events(team.id))[-1]
    assert added == events_pb2.MemberAdded(organisation_id=team.id, user_id=member.user_id, role=ROLE_VIEWER)
    assert row["aggregate_version"] == 3


async def test_a_known_person_keeps_name_and_password(world):
    team, person = await world.organisation(), await world.person("Grace")
    member = await add(world, team.as_owner, person.email, ROLE_MEMBER, "Mallory", "another password altogether")
    assert (member.user_id, member.name) == (str(person.id), "Grace")
    assert (await world.sign_in(person)).access.organisation_id == team.id


@pytest.mark.parametrize("password", ["", "too short", "x" * 129])
async def test_a_new_person_needs_a_password(world, refused, password):
    team = await world.organisation()
    with refused(INVALID_ARGUMENT, "INVALID_ARGUMENT") as refusal:
        await add(world, team.as_owner, f"new-{uuid4().hex}@example.org", password=password)
    assert refusal.fields == ["password"]


async def test_fields_of_a_new_member(world, refused):
    team = await world.organisation()
    with refused(INVALID_ARGUMENT, "INVALID_ARGUMENT") as refusal:
        await add(world, team.as_owner, "ada@example.org", role=0)
    assert refusal.fields == ["role"]
    with refused(INVALID_ARGUMENT, "INVALID_ARGUMENT") as refusal:
        await add(world, team.as_owner, "ada@example.org", role=77)
    assert refusal.fields == ["role"]
    with refused(INVALID_ARGUMENT, "INVALID_ARGUMENT") as refusal:
        await add(world, team.as_owner, "", name="x\x00")
    assert refusal.fields == ["email", "name"]


async def test_a_person_joins_once(world, refused):
    team = await world.organisation()
    with refused(grpc.StatusCode.ALREADY_EXISTS, "ALREADY_MEMBER"):
        await add(world, team.as_owner, team.owner.email)
    assert len(await world.events(team.id)) == 2


async def test_a_person_added_twice_at_once_joins_once_and_is_one_person(world):
    team, other = await world.organisation(), await world.organisation()
    email = f"new-{uuid4().hex}@example.org"
    password = "a password of some length"
    answers = await asyncio.gather(
        *(add(world, each.as_owner, email, password=password) for each in (team, other, team, other)),
        return_exceptions=True,
    )
    joined = [answer for answer in answers if isinstance(answer, organisations_pb2.Member)]
    assert len(joined) == 2
    assert len({member.user_id for member in joined}) == 1


async def test_members_are_listed_page_by_page(world):
    team = await world.organisation()
    joined = {team.owner.id} | {(await team.joined(ROLE_VIEWER))[0].id for _ in range(4)}
    found, token = [], ""
    for size in (2, 2, 1):
        page = await members(world, team.as_owner, page_size=2, page_token=token)
        assert len(page.members) == size
        found += [UUID(member.user_id) for member in page.members]
        token = page.next_page_token
    assert token == ""
    assert set(found) == joined


async def test_a_role_changes_once(world):
    team = await world.organisation()
    person, _ = await team.joined(ROLE_VIEWER)
    for _ in range(2):
        assert (await change(world, team.as_owner, person.id, ROLE_ADMIN)).role == ROLE_ADMIN
    changed = [message for _, message in await world.events(team.id)][3:]
    assert changed == [events_pb2.MemberRoleChanged(organisation_id=team.id, user_id=str(person.id), role=ROLE_ADMIN)]


async def test_the_last_owner_is_neither_demoted_nor_removed(world, refused):
    team = await world.organisation()
    with refused(grpc.StatusCode.FAILED_PRECONDITION, "LAST_OWNER"):
        await change(world, team.as_owner, team.owner.id, ROLE_ADMIN)
    with refused(grpc.StatusCode.FAILED_PRECONDITION, "LAST_OWNER"):
        await remove(world, team.as_owner, team.owner.id)
    assert await roles(world, team.as_owner) == {team.owner.id: ROLE_OWNER}


async def test_one_of_two_owners_may_go(world):
    team = await world.organisation()
    person, as_second = await team.joined(ROLE_OWNER)
    assert await remove(world, as_second, team.owner.id) == Empty()
    assert await roles(world, as_second) == {person.id: ROLE_OWNER}
    _, removed = (await world.events(team.id))[-1]
    assert removed == events_pb2.MemberRemoved(organisation_id=team.id, user_id=str(team.owner.id))


async def test_two_owners_who_resign_at_once_do_not_both(world, refused):
    team = await world.organisation()
    second, as_second = await team.joined(ROLE_OWNER)
    answers = await asyncio.gather(
        remove(world, team.as_owner, team.owner.id), remove(world, as_second, second.id), return_exceptions=True
    )
    assert sorted(isinstance(answer, Empty) for answer in answers) == [False, True]
    left = as_second if isinstance(answers[0], Empty) else team.as_owner
    assert list((await roles(world, left)).values()) == [ROLE_OWNER]


async def test_an_administrator_cannot_touch_owners(world, refused):
    team = await world.organisation()
    admin, as_admin = await team.joined(ROLE_ADMIN)
    stranger = await world.person()
    for attempt in (
        lambda: add(world, as_admin, stranger.email, ROLE_OWNER),
        lambda: change(world, as_admin, admin.id, ROLE_OWNER),
        lambda: change(world, as_admin, team.owner.id, ROLE_VIEWER),
        lambda: remove(world, as_admin, team.owner.id),
    ):
        with refused(PERMISSION_DENIED, "OWNERSHIP_RESERVED"):
            await attempt()
    await add(world, as_admin, stranger.email, ROLE_ADMIN)


async def test_a_removed_administrator_cannot_use_the_last_minutes_of_a_token(world, refused):
    team = await world.organisation()
    admin, as_admin = await team.joined(ROLE_ADMIN)
    member, _ = await team.joined(ROLE_MEMBER)
    await remove(world, team.as_owner, admin.id)
    for attempt in (
        lambda: add(world, as_admin, admin.email, ROLE_ADMIN),
        lambda: change(world, as_admin, member.id, ROLE_ADMIN),
        lambda: remove(world, as_admin, member.id),
    ):
        with refused(PERMISSION_DENIED, "PERMISSION_LOST") as refusal:
            await attempt()
        assert refusal.details == {"permission": "members:write"}


async def test_a_member_of_another_organisation_is_not_found(world, refused):
    team, other = await world.organisation(), await world.organisation()
    for wanted in (other.owner.id, uuid4(), "malformed", "\x00"):
        with refused(NOT_FOUND, "MEMBER_NOT_FOUND"):
            await change(world, team.as_owner, wanted, ROLE_VIEWER)
        with refused(NOT_FOUND, "MEMBER_NOT_FOUND"):
            await remove(world, team.as_owner, wanted)
    assert await roles(world, other.as_owner) == {other.owner.id: ROLE_OWNER}


async def test_empty_ids_are_named(world, refused):
    team = await world.organisation()
    for attempt in (
        lambda: change(world, team.as_owner, "", ROLE_VIEWER),
        lambda: remove(world, team.as_owner, ""),
    ):
        with refused(INVALID_ARGUMENT, "INVALID_ARGUMENT") as refusal:
            await attempt()
        assert refusal.fields == ["user_id"]
