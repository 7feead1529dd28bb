"""Signing in on another device, RFC 8628, through real RPCs."""

import asyncio
import re
from datetime import timedelta
from uuid import uuid4

import grpc
import grpc.aio
import jwt
import pytest
from google.protobuf.empty_pb2 import Empty

from assay.auth.v1 import events_pb2, organisations_pb2, sessions_pb2, single_sign_on_pb2, single_sign_on_pb2_grpc
from assay_common.origin import Origin

FAILED, NOT_FOUND = grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.NOT_FOUND
INVALID = grpc.StatusCode.INVALID_ARGUMENT
LAPTOP = Origin("203.0.113.7", "assay-cli/1.0 (laptop-17)")


@pytest.fixture
def devices(world):
    return single_sign_on_pb2_grpc.DeviceServiceStub(world.channel)


async def start(devices, name="assay on laptop-17"):
    return await devices.StartDeviceAuthorization(
        single_sign_on_pb2.StartDeviceAuthorizationRequest(client_name=name), metadata=LAPTOP.to_metadata()
    )


async def poll(devices, code):
    request = single_sign_on_pb2.PollDeviceTokenRequest(device_code=code)
    return await devices.PollDeviceToken(request, metadata=LAPTOP.to_metadata())


async def describe(devices, code, metadata):
    return await devices.DescribeDevice(single_sign_on_pb2.DescribeDeviceRequest(user_code=code), metadata=metadata)


async def approve(devices, code, metadata, organisation=""):
    request = single_sign_on_pb2.ApproveDeviceRequest(user_code=code, organisation=organisation)
    return await devices.ApproveDevice(request, metadata=metadata)


async def deny(devices, code, metadata):
    return await devices.DenyDevice(single_sign_on_pb2.DenyDeviceRequest(user_code=code), metadata=metadata)


def claims_of(tokens):
    return jwt.decode(tokens.access.access_token, options={"verify_signature": False})


async def test_a_device_gets_a_session_of_whoever_approves_it(world, devices, refused):
    team = await world.organisation()
    codes = await start(devices)
    assert re.fullmatch(r"[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}", codes.user_code)
    assert len(codes.device_code) == 43  # 256 bits
    assert codes.interval == 5
    with refused(FAILED, "AUTHORIZATION_PENDING"):
        await poll(devices, codes.device_code)

    seen = await describe(devices, codes.user_code.lower(), team.as_owner)
    assert (seen.client_name, seen.address, seen.user_code) == (
        "assay on laptop-17",
        "203.0.113.7",
        codes.user_code,
    )
    assert seen.expires_at.seconds - seen.requested_at.seconds == 600
    assert await approve(devices, codes.user_code.replace("-", ""), team.as_owner) == Empty()

    tokens = await poll(devices, codes.device_code)
    claims = claims_of(tokens)
    assert (claims["sub"], claims["kind"], claims["org"]) == (str(team.owner.id), "user", team.id)
    renewed = await world.sessions.RefreshTokens(sessions_pb2.RefreshTokensRequest(refresh_token=tokens.refresh_token))
    assert claims_of(renewed)["sub"] == str(team.owner.id)
    with refused(FAILED, "INVALID_GRANT"):
        await poll(devices, codes.device_code)


async def test_the_session_is_the_devices_own(world, devices):
    person = await world.person()
    metadata = await world.signed_in(person)
    codes = await start(devices)
    await approve(devices, codes.user_code, metadata)
    tokens = await poll(devices, codes.device_code)
    listed = await world.sessions.ListSessions(
        sessions_pb2.ListSessionsRequest(), metadata=(("authorization", f"Bearer {tokens.access.access_token}"),)
    )
    (session,) = [each for each in listed.sessions if each.current]
    assert (session.method, session.user_agent, session.address) == ("device", LAPTOP.user_agent, LAPTOP.address)
    facts = [message for _, message in await world.events(person.id)]
    opened = events_pb2.SessionOpened(session_id=session.id, user_id=str(person.id), method="device")
    assert opened in facts


async def test_whose_account_is_closed_meanwhile_gets_none(world, devices, refused):
    person = await world.person()
    metadata = await world.signed_in(person)
    codes = await start(devices)
    await approve(devices, codes.user_code, metadata)
    async with world.parts.uow.system() as tx:
        await tx.tenant.connection.execute("UPDATE users SET deactivated_at = now() WHERE id = $1", person.id)
    with refused(FAILED, "ACCESS_DENIED"):
        await poll(devices, codes.device_code)


async def test_a_device_code_is_good_for_one_session_even_when_it_comes_twice_at_once(world, devices):
    team = await world.organisation()
    codes = await start(devices)
    await approve(devices, codes.user_code, team.as_owner)
    answers = await asyncio.gather(*(poll(devices, codes.device_code) for _ in range(4)), return_exceptions=True)
    assert len([answer for answer in answers if isinstance(answer, sessions_pb2.Tokens)]) == 1


async def test_a_refused_device(world, devices, refused):
    metadata = await world.signed_in(await world.person())
    codes = await start(devices)
    await deny(devices, codes.user_code, metadata)
    for _ in range(2):
        with refused(FAILED, "ACCESS_DENIED"):
            await poll(devices, codes.device_code)
    for act in (describe, approve, deny):
        with refused(NOT_FOUND, "USER_CODE_UNKNOWN"):
            await act(devices, codes.user_code, metadata)


async def test_an_impatient_device_is_slowed_down(world, devices, refused):
    codes = await start(devices)
    with refused(FAILED, "AUTHORIZATION_PENDING"):
        await poll(devices, codes.device_code)
    for interval in ("10", "15"):
        with refused(FAILED, "SLOW_DOWN") as refusal:
            await poll(devices, codes.device_code)
        assert refusal.details == {"interval": interval}
    world.clock.shift = timedelta(seconds=16)
    with refused(FAILED, "AUTHORIZATION_PENDING"):
        await poll(devices, codes.device_code)


async def test_codes_end_after_ten_minutes(world, devices, refused):
    metadata = await world.signed_in(await world.person())
    codes, approved = await start(devices), await start(devices)
    await approve(devices, approved.user_code, metadata)
    world.clock.shift = timedelta(minutes=10)
    with refused(NOT_FOUND, "USER_CODE_UNKNOWN"):
        await approve(devices, codes.user_code, metadata)
    for each in (codes, approved):
        with refused(FAILED, "EXPIRED_TOKEN"):
            await poll(devices, each.device_code)


@pytest.mark.parametrize("code", ["unheard-of", "x" * 10_000, "\x00", "BCDF-GHJK"])
async def test_an_unknown_device_code(devices, refused, code):
    with refused(FAILED, "INVALID_GRANT"):
        await poll(devices, code)


async def test_what_is_missing_or_too_long_is_named(world, devices, refused):
    for name in ("", "  ", "x" * 101, "two\nlines"):
        with refused(INVALID, "INVALID_ARGUMENT") as refusal:
            await start(devices, name)
        assert refusal.fields == ["client_name"]
    with refused(INVALID, "INVALID_ARGUMENT") as refusal:
        await poll(devices, "")
    assert refusal.fields == ["device_code"]
    with refused(INVALID, "INVALID_ARGUMENT") as refusal:
        await approve(devices, "", await world.signed_in(await world.person()))
    assert refusal.fields == ["user_code"]


async def test_only_a_person_decides(world, devices, refused):
    codes = await start(devices)
    metadata = await world.token(kind="api_key")
    for act in (describe, approve, deny):
        with refused(grpc.StatusCode.PERMISSION_DENIED, "PERSON_NEEDED"):
            await act(devices, codes.user_code, metadata)
    nobody = await world.token(subject=uuid4())
    with refused(grpc.StatusCode.UNAUTHENTICATED, "SUBJECT_UNKNOWN"):
        await approve(devices, codes.user_code, nobody)
    with refused(FAILED, "AUTHORIZATION_PENDING"):
        await poll(devices, codes.device_code)


async def test_whoever_is_wrong_too_often_must_wait(world, devices, refused):
    guesser, other = [await world.signed_in(await world.person()) for _ in range(2)]
    codes = await start(devices)
    for _ in range(5):
        with refused(NOT_FOUND, "USER_CODE_UNKNOWN"):
            await describe(devices, "BBBB-BBBB", guesser)
    for act in (describe, approve, deny):
        with refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_USER_CODES") as refusal:
            await act(devices, codes.user_code, guesser)
        assert 0 < int(refusal.details["retry_after"]) <= 600
    await describe(devices, codes.user_code, other)
    world.clock.shift = timedelta(minutes=10)
    fresh = await start(devices)
    await approve(devices, fresh.user_code, guesser)


async def test_guesses_at_once_are_counted_one_by_one(world, devices):
    guesser = await world.signed_in(await world.person())
    answers = await asyncio.gather(
        *(describe(devices, "CCCC-CCCC", guesser) for _ in range(12)), return_exceptions=True
    )
    statuses = [answer.code() for answer in answers if isinstance(answer, grpc.aio.AioRpcError)]
    assert statuses.count(NOT_FOUND) == 5
    assert statuses.count(grpc.StatusCode.RESOURCE_EXHAUSTED) == 7


async def test_the_device_acts_where_it_was_told_to(world, devices, refused):
    person = await world.person()
    first, second = await world.organisation(person), await world.organisation(person)
    stranger = await world.organisation()
    in_first = await world.signed_in(person, first.id)

    async def session(organisation=""):
        codes = await start(devices)
        await approve(devices, codes.user_code, in_first, organisation)
        return claims_of(await poll(devices, codes.device_code))

    assert (await session())["org"] == first.id
    assert (await session(second.organisation.slug))["org"] == second.id
    codes = await start(devices)
    with refused(NOT_FOUND, "ORGANISATION_NOT_FOUND"):
        await approve(devices, codes.user_code, in_first, stranger.id)
    await approve(devices, codes.user_code, in_first, second.id)  # it is still open
    assert claims_of(await poll(devices, codes.device_code))["org"] == second.id


async def test_whoever_left_meanwhile_gets_a_session_without_the_organisation(world, devices):
    team = await world.organisation()
    person, metadata = await team.joined(organisations_pb2.ROLE_MEMBER)
    codes = await start(devices)
    await approve(devices, codes.user_code, metadata)
    await world.organisations.RemoveMember(
        organisations_pb2.RemoveMemberRequest(user_id=str(person.id)), metadata=team.as_owner
    )
    claims = claims_of(await poll(devices, codes.device_code))
    assert "org" not in claims
    assert claims["scope"] == ""


async def test_of_a_device_code_only_a_digest_is_stored(world, devices):
    codes = await start(devices)
    async with world.parts.uow.system() as tx:
        rows = await tx.tenant.connection.fetch("SELECT * FROM device_requests")
    assert rows
    assert not any(codes.device_code in str(dict(row)) for row in rows)
