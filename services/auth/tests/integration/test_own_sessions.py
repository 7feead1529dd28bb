"""A person sees where they are signed in, and signs out elsewhere."""

from datetime import timedelta
from uuid import uuid4

import grpc
import jwt

from assay.auth.v1 import events_pb2, organisations_pb2, sessions_pb2

UNAUTHENTICATED = grpc.StatusCode.UNAUTHENTICATED
LAPTOP = (("x-client-address", "192.0.2.7"), ("x-client-user-agent", "Laptop/1"))
PHONE = (("x-client-address", "2001:db8::7"), ("x-client-user-agent", "Phone/2"))


def bearer(session):
    return (("authorization", f"Bearer {session.access.access_token}"),)


def claims(session):
    return jwt.decode(session.access.access_token, options={"verify_signature": False})


async def listed(world, metadata, **asked):
    return await world.sessions.ListSessions(sessions_pb2.ListSessionsRequest(**asked), metadata=metadata)


async def revoke(world, metadata, session_id=""):
    answer = await world.sessions.RevokeSessions(sessions_pb2.RevokeSessionsRequest(id=session_id), metadata=metadata)
    return answer.revoked


async def refresh(world, session):
    return await world.sessions.RefreshTokens(sessions_pb2.RefreshTokensRequest(refresh_token=session.refresh_token))


async def reasons(world, person):
    return [
        (message.session_id, message.reason)
        for _, message in await world.events(person.id)
        if isinstance(message, events_pb2.SessionRevoked)
    ]


async def test_sessions_are_listed_newest_first_with_where_they_came_from(world):
    team = await world.organisation()
    laptop = await world.sign_in(team.owner, metadata=LAPTOP)
    phone = await world.sign_in(team.owner, metadata=PHONE)
    found = (await listed(world, bearer(laptop))).sessions
    assert [each.id for each in found[:2]] == [claims(phone)["sid"], claims(laptop)["sid"]]
    first, second = found[:2]
    assert (first.method, first.user_agent, first.address) == ("password", "Phone/2", "2001:db8::7")
    assert (second.user_agent, second.address, second.organisation_id) == ("Laptop/1", "192.0.2.7", team.id)
    assert [each.current for each in found[:2]] == [False, True]
    assert second.created_at == second.last_used_at
    assert second.expires_at.seconds - second.created_at.seconds == 30 * 86400


async def test_a_renewed_session_is_the_same_and_was_used(world):
    person = await world.person()
    session = await world.sign_in(person, metadata=LAPTOP)
    world.clock.shift = timedelta(minutes=5)
    renewed = await refresh(world, session)
    world.clock.shift = timedelta()
    assert claims(renewed)["sid"] == claims(session)["sid"]
    (found,) = (await listed(world, bearer(session))).sessions
    assert found.last_used_at.seconds - found.created_at.seconds in (299, 300, 301)
    assert (found.address, found.user_agent) == ("192.0.2.7", "Laptop/1")


async def test_the_list_comes_in_pages(world):
    person = await world.person()
    sessions = [await world.sign_in(person) for _ in range(3)]
    metadata = bearer(sessions[0])
    first = await listed(world, metadata, page_size=2)
    second = await listed(world, metadata, page_size=2, page_token=first.next_page_token)
    found = [each.id for each in (*first.sessions, *second.sessions)]
    assert found == [claims(session)["sid"] for session in reversed(sessions)]
    assert second.next_page_token == ""


async def test_one_session_is_closed(world, refused):
    person = await world.person()
    mine, other, third = [await world.sign_in(person) for _ in range(3)]
    assert await revoke(world, bearer(mine), claims(other)["sid"]) == 1
    with refused(UNAUTHENTICATED, "REFRESH_TOKEN_INVALID"):
        await refresh(world, other)
    await refresh(world, third)
    assert claims(other)["sid"] not in {each.id for each in (await listed(world, bearer(mine))).sessions}
    with refused(grpc.StatusCode.NOT_FOUND, "SESSION_NOT_FOUND"):
        await revoke(world, bearer(mine), claims(other)["sid"])
    assert await reasons(world, person) == [(claims(other)["sid"], "revoked")]


async def test_all_others_are_closed(world, refused):
    person = await world.person()
    mine, *others = [await world.sign_in(person) for _ in range(3)]
    assert await revoke(world, bearer(mine)) == 2
    for session in others:
        with refused(UNAUTHENTICATED, "REFRESH_TOKEN_INVALID"):
            await refresh(world, session)
    await refresh(world, mine)
    assert await revoke(world, bearer(mine)) == 0
    assert {each for each, _ in await reasons(world, person)} == {claims(session)["sid"] for session in others}


async def test_a_session_of_somebody_else_is_not_found(world, refused):
    mine, theirs = await world.sign_in(await world.person()), await world.sign_in(await world.person())
    for session_id in (claims(theirs)["sid"], str(uuid4()), "no id"):
        with refused(grpc.StatusCode.NOT_FOUND, "SESSION_NOT_FOUND"):
            await revoke(world, bearer(mine), session_id)
    await refresh(world, theirs)


async def test_whatever_opens_or_closes_a_session_is_told(world, refused):
    person = await world.person()
    signed_out, reused = await world.sign_in(person, metadata=PHONE), await world.sign_in(person)
    await world.sessions.SignOut(sessions_pb2.SignOutRequest(refresh_token=signed_out.refresh_token))
    await refresh(world, reused)
    with refused(UNAUTHENTICATED, "REFRESH_TOKEN_REUSED"):
        await refresh(world, reused)
    told = await world.events(person.id)
    opened = [(row, message) for row, message in told if isinstance(message, events_pb2.SessionOpened)]
    assert [(message.session_id, message.method) for _, message in opened] == [
        (claims(signed_out)["sid"], "password"),
        (claims(reused)["sid"], "password"),
    ]
    assert [row["client_address"] for row, _ in opened] == ["2001:db8::7", None]
    assert await reasons(world, person) == [
        (claims(signed_out)["sid"], "signed_out"),
        (claims(reused)["sid"], "refresh_token_reused"),
    ]
    assert {row["key"] for row, _ in told} == {str(person.id)}


async def test_a_token_names_role_and_session(world):
    team = await world.organisation()
    person, _ = await team.joined(organisations_pb2.ROLE_VIEWER)
    session = await world.sign_in(person)
    assert claims(session)["role"] == "viewer"
    me = await world.sessions.WhoAmI(sessions_pb2.WhoAmIRequest(), metadata=bearer(session))
    assert (me.role, me.session_id) == (organisations_pb2.ROLE_VIEWER, claims(session)["sid"])
    alone = await world.sign_in(await world.person())
    assert "role" not in claims(alone)
    me = await world.sessions.WhoAmI(sessions_pb2.WhoAmIRequest(), metadata=bearer(alone))
    assert (me.role, me.session_id) == (organisations_pb2.ROLE_UNSPECIFIED, claims(alone)["sid"])
