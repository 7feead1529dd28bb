"""Invitations: a link by mail, once and for a week, for one address."""

import asyncio
import re
from datetime import timedelta
from uuid import UUID, uuid4

import grpc
import pytest

from assay.auth.v1 import api_keys_pb2, events_pb2, invitations_pb2, organisations_pb2, sessions_pb2, teams_pb2
from assay.auth.v1.invitations_pb2 import (
    INVITATION_STATUS_ACCEPTED,
    INVITATION_STATUS_EXPIRED,
    INVITATION_STATUS_OPEN,
    INVITATION_STATUS_REVOKED,
)
from assay.auth.v1.organisations_pb2 import ROLE_ADMIN, ROLE_MEMBER, ROLE_OWNER, ROLE_VIEWER
from assay_auth.application.organisations.accept_invitation import AcceptInvitation
from assay_auth.domain.invitations import Invitation, digest_of
from assay_auth.domain.roles import Role

ALREADY_EXISTS = grpc.StatusCode.ALREADY_EXISTS
FAILED_PRECONDITION = grpc.StatusCode.FAILED_PRECONDITION
INVALID_ARGUMENT = grpc.StatusCode.INVALID_ARGUMENT
NOT_FOUND = grpc.StatusCode.NOT_FOUND
PERMISSION_DENIED = grpc.StatusCode.PERMISSION_DENIED


async def invite(world, metadata, email, role=ROLE_MEMBER, *teams):
    request = invitations_pb2.CreateInvitationRequest(email=email, role=role, teams=teams)
    return await world.invitations.CreateInvitation(request, metadata=metadata)


async def token_sent_to(world, email):
    """The token of the newest link."""
    newest = (await world.mails_to(email))[-1]
    return re.search(r"http://localhost:8080/accept-invitation\?token=([\w-]{43})\s", newest["text"])[1]


async def accept(world, metadata, token):
    return await world.invitations.AcceptInvitation(
        invitations_pb2.AcceptInvitationRequest(token=token), metadata=metadata
    )


async def revoke(world, metadata, invitation_id):
    return await world.invitations.RevokeInvitation(
        invitations_pb2.RevokeInvitationRequest(id=invitation_id), metadata=metadata
    )


async def describe(world, token):
    return await world.invitations.DescribeInvitation(invitations_pb2.DescribeInvitationRequest(token=token))


async def listed(world, metadata, **asked):
    return await world.invitations.ListInvitations(invitations_pb2.ListInvitationsRequest(**asked), metadata=metadata)


async def member(world, team, person):
    return await world.organisations.GetMember(
        organisations_pb2.GetMemberRequest(user_id=str(person.id)), metadata=team.as_owner
    )


async def test_whoever_is_invited_joins_by_the_link(world):
    team, guest = await world.organisation(), await world.person()
    invited = await invite(world, team.as_owner, f" {guest.email.upper()} ", ROLE_VIEWER)
    assert (invited.email, invited.role, invited.status) == (guest.email, ROLE_VIEWER, INVITATION_STATUS_OPEN)
    assert invited.invited_by == str(team.owner.id)
    assert invited.expires_at.ToDatetime() - invited.created_at.ToDatetime() == timedelta(days=7)
    token = await token_sent_to(world, guest.email)
    offer = await describe(world, token)
    assert (offer.organisation_name, offer.organisation_slug) == (team.organisation.name, team.organisation.slug)
    assert (offer.email, offer.role, offer.expires_at) == (guest.email, ROLE_VIEWER, invited.expires_at)
    joined = await accept(world, await world.signed_in(guest), token)
    assert (joined.user_id, joined.role) == (str(guest.id), ROLE_VIEWER)
    assert await member(world, team, guest) == joined
    (found,) = (await listed(world, team.as_owner)).invitations
    assert found.status == INVITATION_STATUS_ACCEPTED
    assert [message for _, message in (await world.events(team.id))[2:]] == [
        events_pb2.InvitationCreated(invitation_id=invited.id, email=guest.email, role=ROLE_VIEWER),
        events_pb2.InvitationAccepted(invitation_id=invited.id, user_id=str(guest.id)),
        events_pb2.MemberAdded(organisation_id=team.id, user_id=str(guest.id), role=ROLE_VIEWER),
    ]


async def test_the_link_is_nowhere_but_in_the_mail(world):
    team, email = await world.organisation(), f"{uuid4().hex}@example.org"
    invited = await invite(world, team.as_owner, email)
    token = await token_sent_to(world, email)
    assert token not in str(invited)
    async with world.parts.uow.system() as tx:
        rows = await tx.tenant.connection.fetch("SELECT * FROM invitations WHERE org_id = $1", UUID(team.id))
        rows += await tx.tenant.connection.fetch("SELECT * FROM events WHERE org_id = $1", UUID(team.id))
    assert rows
    assert not any(token in str(dict(row)) for row in rows)


async def test_a_link_works_once_even_for_two_at_once(world, refused):
    team, guest = await world.organisation(), await world.person()
    await invite(world, team.as_owner, guest.email)
    token, as_guest = await token_sent_to(world, guest.email), await world.signed_in(guest)
    answers = await asyncio.gather(*(accept(world, as_guest, token) for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(answer, organisations_pb2.Member) for answer in answers) == 1
    assert [type(message) for _, message in await world.events(team.id)].count(events_pb2.MemberAdded) == 2
    with refused(FAILED_PRECONDITION, "INVITATION_NOT_OPEN") as refusal:
        await accept(world, as_guest, token)
    assert refusal.details == {"status": "accepted"}
    with refused(FAILED_PRECONDITION, "INVITATION_NOT_OPEN"):
        await describe(world, token)


async def test_a_link_ends_after_a_week(world, refused):
    team, guest = await world.organisation(), await world.person()
    invited = await invite(world, team.as_owner, guest.email)
    token = await token_sent_to(world, guest.email)
    world.clock.shift = timedelta(days=7, seconds=1)
    with refused(FAILED_PRECONDITION, "INVITATION_NOT_OPEN") as refusal:
        await describe(world, token)
    assert refusal.details == {"status": "expired"}
    async with world.parts.uow(UUID(team.id)) as tx:
        stored = await tx.invitations.get_for_change(UUID(team.id), UUID(invited.id))
    assert stored.status(world.clock()).value == "expired"


async def test_a_link_is_for_one_address(world, refused):
    team, guest, thief = await world.organisation(), await world.person(), await world.person("Eve")
    await invite(world, team.as_owner, guest.email)
    token = await token_sent_to(world, guest.email)
    with refused(PERMISSION_DENIED, "ADDRESS_NOT_INVITED"):
        await accept(world, await world.signed_in(thief), token)
    assert (await describe(world, token)).email == guest.email


async def test_the_link_verifies_the_address(world):
    team, guest = await world.organisation(), await world.person()
    async with world.parts.uow.system() as tx:
        await tx.tenant.connection.execute("UPDATE users SET email_verified_at = NULL WHERE id = $1", guest.id)
        token = "t" * 43
        now = world.clock()
        made = Invitation(
            uuid4(), UUID(team.id), guest.email, Role.MEMBER, (), team.owner.id, now, now + timedelta(days=1)
        )
        await tx.invitations.add(made, digest_of(f"{token}{guest.id}"))
        user = await tx.users.find(guest.id)
        await AcceptInvitation(world.parts.uow, world.clock).in_transaction(tx, user, f"{token}{guest.id}")
    async with world.parts.uow.system() as tx:
        assert await tx.tenant.connection.fetchval(
            "SELECT email_verified_at IS NOT NULL FROM users WHERE id = $1", guest.id
        )
    assert [message for _, message in await world.events(guest.id)] == [events_pb2.EmailVerified(user_id=str(guest.id))]


async def test_a_wrong_token(world, refused):
    as_guest = await world.signed_in(await world.person())
    for token in ("garbage", "\x00", "é", "x" * 10_000):
        with refused(NOT_FOUND, "INVITATION_NOT_FOUND"):
            await describe(world, token)
        with refused(NOT_FOUND, "INVITATION_NOT_FOUND"):
            await accept(world, as_guest, token)
    with refused(INVALID_ARGUMENT, "INVALID_ARGUMENT") as refusal:
        await describe(world, "")
    assert refusal.fields == ["token"]


async def test_a_second_invitation_replaces_the_first(world, refused):
    team, guest = await world.organisation(), await world.person()
    first = await invite(world, team.as_owner, guest.email, ROLE_ADMIN)
    old = await token_sent_to(world, guest.email)
    second = await invite(world, team.as_owner, guest.email, ROLE_VIEWER)
    new = await token_sent_to(world, guest.email)
    with refused(FAILED_PRECONDITION, "INVITATION_NOT_OPEN") as refusal:
        await describe(world, old)
    assert refusal.details == {"status": "revoked"}
    assert (await describe(world, new)).role == ROLE_VIEWER
    found = (await listed(world, team.as_owner)).invitations
    assert [(each.id, each.status) for each in found] == [
        (second.id, INVITATION_STATUS_OPEN),
        (first.id, INVITATION_STATUS_REVOKED),
    ]


async def test_four_at_once_leave_one_open_invitation(world):
    team, guest = await world.organisation(), await world.person()
    await asyncio.gather(*(invite(world, team.as_owner, guest.email) for _ in range(4)))
    assert len((await listed(world, team.as_owner, status=INVITATION_STATUS_OPEN)).invitations) == 1


async def test_an_invitation_is_taken_back(world, refused):
    team, guest = await world.organisation(), await world.person()
    invited = await invite(world, team.as_owner, guest.email)
    token = await token_sent_to(world, guest.email)
    for _ in range(2):
        assert (await revoke(world, team.as_owner, invited.id)).status == INVITATION_STATUS_REVOKED
    with refused(FAILED_PRECONDITION, "INVITATION_NOT_OPEN"):
        await accept(world, await world.signed_in(guest), token)
    told = [message for _, message in await world.events(team.id)][3:]
    assert told == [events_pb2.InvitationRevoked(invitation_id=invited.id)]


async def test_what_was_accepted_is_not_taken_back(world, refused):
    team, guest = await world.organisation(), await world.person()
    invited = await invite(world, team.as_owner, guest.email)
    await accept(world, await world.signed_in(guest), await token_sent_to(world, guest.email))
    with refused(FAILED_PRECONDITION, "INVITATION_NOT_OPEN"):
        await revoke(world, team.as_owner, invited.id)


async def test_a_member_is_not_invited(world, refused):
    team = await world.organisation()
    with refused(ALREADY_EXISTS, "ALREADY_MEMBER"):
        await invite(world, team.as_owner, team.owner.email)


async def test_who_became_a_member_otherwise_cannot_accept(world, refused):
    team, guest = await world.organisation(), await world.person()
    await invite(world, team.as_owner, guest.email, ROLE_ADMIN)
    await team.join(guest, ROLE_VIEWER)
    with refused(ALREADY_EXISTS, "ALREADY_MEMBER"):
        await accept(world, await world.signed_in(guest), await token_sent_to(world, guest.email))
    assert (await member(world, team, guest)).role == ROLE_VIEWER


async def test_only_owners_invite_owners(world, refused):
    team = await world.organisation()
    _, as_admin = await team.joined(ROLE_ADMIN)
    email = f"{uuid4().hex}@example.org"
    with refused(PERMISSION_DENIED, "OWNERSHIP_RESERVED"):
        await invite(world, as_admin, email, ROLE_OWNER)
    assert (await invite(world, team.as_owner, email, ROLE_OWNER)).role == ROLE_OWNER
    assert await world.mails_to(email)


async def test_who_was_removed_invites_nobody(world, refused):
    team, email = await world.organisation(), f"{uuid4().hex}@example.org"
    admin, as_admin = await team.joined(ROLE_ADMIN)
    await world.organisations.RemoveMember(
        organisations_pb2.RemoveMemberRequest(user_id=str(admin.id)), metadata=team.as_owner
    )
    with refused(PERMISSION_DENIED, "PERMISSION_LOST"):
        await invite(world, as_admin, email)
    assert not await world.mails_to(email)


async def test_an_invitation_names_teams(world, refused):
    team, guest = await world.organisation(), await world.person()
    red, blue = [
        await world.teams.CreateTeam(teams_pb2.CreateTeamRequest(slug=slug), metadata=team.as_owner)
        for slug in ("red", "blue")
    ]
    invited = await invite(world, team.as_owner, guest.email, ROLE_MEMBER, red.id, "blue", "red")
    assert list(invited.teams) == [red.id, blue.id]
    await world.teams.DeleteTeam(teams_pb2.DeleteTeamRequest(team="blue"), metadata=team.as_owner)
    await accept(world, await world.signed_in(guest), await token_sent_to(world, guest.email))
    there = await world.teams.ListTeamMembers(teams_pb2.ListTeamMembersRequest(team="red"), metadata=team.as_owner)
    assert [each.user_id for each in there.members] == [str(guest.id)]
    with refused(NOT_FOUND, "TEAM_NOT_FOUND"):
        await invite(world, team.as_owner, f"{uuid4().hex}@example.org", ROLE_MEMBER, "blue")


async def test_a_key_invites_but_does_not_join(world, refused):
    team, email = await world.organisation(), f"{uuid4().hex}@example.org"
    created = await world.api_keys.CreateApiKey(
        api_keys_pb2.CreateApiKeyRequest(name="ci", scopes=["members:write"]), metadata=team.as_owner
    )
    access = await world.sessions.ExchangeApiKey(sessions_pb2.ExchangeApiKeyRequest(api_key=created.secret))
    as_key = (("authorization", f"Bearer {access.access_token}"),)
    assert (await invite(world, as_key, email)).invited_by == created.api_key.id
    with refused(PERMISSION_DENIED, "PERSON_NEEDED"):
        await accept(world, as_key, await token_sent_to(world, email))


async def test_fields_of_an_invitation(world, refused):
    team = await world.organisation()
    with refused(INVALID_ARGUMENT, "INVALID_ARGUMENT") as refusal:
        await invite(world, team.as_owner, "nobody")
    assert refusal.fields == ["email"]
    with refused(INVALID_ARGUMENT, "INVALID_ARGUMENT") as refusal:
        await invite(world, team.as_owner, "ada@example.org", 0)
    assert refusal.fields == ["role"]
    with refused(INVALID_ARGUMENT, "INVALID_ARGUMENT") as refusal:
        await invite(world, team.as_owner, "ada@example.org", ROLE_VIEWER, *["x"] * 51)
    assert refusal.fields == ["teams"]


async def test_invitations_are_listed_newest_first_page_by_page(world, refused):
    team, other = await world.organisation(), await world.organisation()
    await invite(world, other.as_owner, f"{uuid4().hex}@example.org")
    mine = [await invite(world, team.as_owner, f"{uuid4().hex}@example.org") for _ in range(3)]
    first = await listed(world, team.as_owner, page_size=2)
    second = await listed(world, team.as_owner, page_size=2, page_token=first.next_page_token)
    assert [*first.invitations, *second.invitations] == mine[::-1]
    assert second.next_page_token == ""
    assert not (await listed(world, team.as_owner, status=INVITATION_STATUS_EXPIRED)).invitations
    with refused(INVALID_ARGUMENT, "INVALID_ARGUMENT") as refusal:
        await listed(world, team.as_owner, status=99)
    assert refusal.fields == ["status"]


async def test_an_invitation_of_another_organisation_is_not_found(world, refused):
    team, other = await world.organisation(), await world.organisation()
    foreign = await invite(world, other.as_owner, f"{uuid4().hex}@example.org")
    for wanted in (foreign.id, str(uuid4()), "malformed"):
        with refused(NOT_FOUND, "INVITATION_NOT_FOUND"):
            await revoke(world, team.as_owner, wanted)


@pytest.mark.parametrize("role", [ROLE_MEMBER, ROLE_VIEWER])
async def test_members_invite_nobody(world, refused, role):
    team = await world.organisation()
    _, metadata = await team.joined(role)
    with refused(PERMISSION_DENIED, "MISSING_PERMISSION"):
        await invite(world, metadata, f"{uuid4().hex}@example.org")
