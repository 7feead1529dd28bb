"""Signing in, refreshing, signing out."""

import asyncio
import json
import time
from datetime import timedelta
from uuid import UUID, uuid4

import argon2
import grpc
import jwt
import pytest

from assay.auth.v1 import organisations_pb2, sessions_pb2
from assay_auth.adapters.passwords import Argon2Hasher
from assay_protos.permissions import all_permissions

UNAUTHENTICATED = grpc.StatusCode.UNAUTHENTICATED
NOT_FOUND = grpc.StatusCode.NOT_FOUND


async def refresh(world, token, organisation=""):
    request = sessions_pb2.RefreshTokensRequest(refresh_token=token, organisation=organisation)
    return await world.sessions.RefreshTokens(request)


async def claims_of(world, access):
    """What a token says, verified by the published keys alone."""
    document = json.loads((await world.sessions.GetJwks(sessions_pb2.GetJwksRequest())).jwks)
    keys = {key["kid"]: jwt.PyJWK(key) for key in document["keys"]}
    key = keys[jwt.get_unverified_header(access.access_token)["kid"]]
    return jwt.decode(access.access_token, key, algorithms=["EdDSA"], audience="assay", issuer="assay")


async def test_a_session_opens_in_the_only_organisation(world):
    team = await world.organisation()
    session = await world.sign_in(team.owner)
    claims = await claims_of(world, session.access)
    assert claims["sub"] == str(team.owner.id)
    assert claims["kind"] == "user"
    assert claims["org"] == team.id == session.access.organisation_id
    assert set(claims["scope"].split()) == all_permissions()
    assert 599 < claims["exp"] - claims["iat"] <= 600
    assert claims["exp"] == session.access.expires_at.seconds
    assert UUID(claims["jti"])
    assert abs(session.refresh_expires_at.seconds - time.time() - 30 * 86400) < 60


async def test_a_person_without_an_organisation_gets_a_token_without_one(world):
    session = await world.sign_in(await world.person())
    claims = await claims_of(world, session.access)
    assert "org" not in claims
    assert claims["scope"] == ""
    assert session.access.organisation_id == ""


async def test_a_person_of_several_organisations_chooses_or_has_none(world):
    person = await world.person()
    first, second = await world.organisation(person), await world.organisation(person)
    assert (await world.sign_in(person)).access.organisation_id == ""
    assert (await world.sign_in(person, second.organisation.slug)).access.organisation_id == second.id
    assert (await world.sign_in(person, first.id)).access.organisation_id == first.id


async def test_an_organisation_one_is_not_in_is_not_found(world, refused):
    person, other = await world.person(), await world.organisation()
    for organisation in (other.id, other.organisation.slug, str(uuid4()), "no such", "\x00"):
        with refused(NOT_FOUND, "ORGANISATION_NOT_FOUND"):
            await world.sign_in(person, organisation)


@pytest.mark.parametrize(
    ("email", "password"),
    [
        (None, "wrong horse battery staple"),
        (None, "x"),
        (None, "x" * 100_000),
        ("nobody@example.org", None),
        ("not an address", None),
        ("nul\x00@example.org", None),
    ],
)
async def test_a_wrong_password_and_an_unknown_address_are_not_told_apart(world, refused, email, password):
    person = await world.person()
    request = sessions_pb2.SignInRequest(email=email or person.email, password=password or person.password)
    with refused(UNAUTHENTICATED, "INVALID_CREDENTIALS") as refusal:
        await world.sessions.SignIn(request)
    assert refusal.error.message == "the e-mail address or the password is wrong"
    assert refusal.details == {}


async def test_an_unknown_address_costs_the_time_of_a_wrong_password(shared_settings, inhabit):
    async with inhabit(shared_settings, Argon2Hasher()) as world:
        person, nobody = await world.person(), f"nobody-{uuid4().hex}@example.org"

        async def seconds(email):
            started = time.perf_counter()
            request = sessions_pb2.SignInRequest(email=email, password="wrong horse battery staple")
            with pytest.raises(grpc.aio.AioRpcError):
                await world.sessions.SignIn(request)
            return time.perf_counter() - started

        # The shortest of several: what disturbs a measurement only ever makes it longer.
        wrong = min([await seconds(person.email) for _ in range(5)])
        unknown = min([await seconds(nobody) for _ in range(5)])
    assert 0.5 < unknown / wrong < 2


async def test_empty_fields_are_named(world, refused):
    with refused(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_ARGUMENT") as refusal:
        await world.sessions.SignIn(sessions_pb2.SignInRequest())
    assert refusal.fields == ["email", "password"]
    with refused(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_ARGUMENT") as refusal:
        await refresh(world, "")
    assert refusal.fields == ["refresh_token"]
    with refused(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_ARGUMENT") as refusal:
        await world.sessions.SignOut(sessions_pb2.SignOutRequest())
    assert refusal.fields == ["refresh_token"]


async def test_the_address_is_taken_in_any_case_and_the_password_in_any_composition(world):
    person = await world.person()
    await world.sessions.SignIn(sessions_pb2.SignInRequest(email=f" {person.email.upper()} ", password=person.password))


async def test_a_hash_of_old_parameters_is_renewed_at_sign_in(shared_settings, inhabit):
    old = Argon2Hasher(argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    new = Argon2Hasher(argon2.PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))
    async with inhabit(shared_settings, old) as world:
        person = await world.person()
    async with inhabit(shared_settings, new) as world:
        await world.sign_in(person)
        async with world.parts.uow.system() as tx:
            known = await tx.users.credentials(person.email)
        assert argon2.extract_parameters(known.password_hash).time_cost == 2
        await world.sign_in(person)


async def test_refreshing_rotates_the_token_and_keeps_the_organisation(world):
    team = await world.organisation()
    first = await world.sign_in(team.owner)
    second = await refresh(world, first.refresh_token)
    third = await refresh(world, second.refresh_token)
    assert len({session.refresh_token for session in (first, second, third)}) == 3
    assert third.access.organisation_id == team.id
    assert (await claims_of(world, third.access))["sub"] == str(team.owner.id)


async def test_reuse_of_a_rotated_token_closes_the_session(world, refused):
    person = await world.person()
    first = await world.sign_in(person)
    second = await refresh(world, first.refresh_token)
    with refused(UNAUTHENTICATED, "REFRESH_TOKEN_REUSED"):
        await refresh(world, first.refresh_token)
    for token in (second.refresh_token, first.refresh_token):
        with refused(UNAUTHENTICATED, "REFRESH_TOKEN_INVALID"):
            await refresh(world, token)


async def test_another_session_of_the_person_goes_on(world, refused):
    person = await world.person()
    first, other = await world.sign_in(person), await world.sign_in(person)
    await refresh(world, first.refresh_token)
    with refused(UNAUTHENTICATED, "REFRESH_TOKEN_REUSED"):
        await refresh(world, first.refresh_token)
    await refresh(world, other.refresh_token)


async def test_of_concurrent_rotations_one_wins_and_the_reuse_closes_the_session(world, refused):
    person = await world.person()
    first = await world.sign_in(person)
    answers = await asyncio.gather(*(refresh(world, first.refresh_token) for _ in range(6)), return_exceptions=True)
    winners = [answer for answer in answers if isinstance(answer, sessions_pb2.Tokens)]
    assert len(winners) == 1
    assert {answer.code() for answer in answers if answer is not winners[0]} == {UNAUTHENTICATED}
    with refused(UNAUTHENTICATED, "REFRESH_TOKEN_INVALID"):
        await refresh(world, winners[0].refresh_token)


async def test_refreshing_changes_the_organisation(world, refused):
    person = await world.person()
    first, second = await world.organisation(person), await world.organisation(person)
    session = await refresh(world, (await world.sign_in(person)).refresh_token, first.organisation.slug)
    assert session.access.organisation_id == first.id
    session = await refresh(world, session.refresh_token, second.id)
    assert session.access.organisation_id == second.id
    session = await refresh(world, session.refresh_token)
    assert session.access.organisation_id == second.id


async def test_a_refused_change_of_organisation_spends_nothing(world, refused):
    team, other = await world.organisation(), await world.organisation()
    session = await world.sign_in(team.owner)
    with refused(NOT_FOUND, "ORGANISATION_NOT_FOUND"):
        await refresh(world, session.refresh_token, other.id)
    assert (await refresh(world, session.refresh_token)).access.organisation_id == team.id


async def test_a_removed_member_loses_the_organisation_at_the_next_refresh(world):
    team = await world.organisation()
    person, _ = await team.joined(organisations_pb2.ROLE_MEMBER)
    session = await world.sign_in(person)
    assert session.access.organisation_id == team.id
    await world.organisations.RemoveMember(
        organisations_pb2.RemoveMemberRequest(user_id=str(person.id)), metadata=team.as_owner
    )
    session = await refresh(world, session.refresh_token)
    claims = await claims_of(world, session.access)
    assert session.access.organisation_id == ""
    assert "org" not in claims
    assert claims["scope"] == ""


async def test_a_changed_role_counts_from_the_next_refresh(world):
    team = await world.organisation()
    person, _ = await team.joined(organisations_pb2.ROLE_VIEWER)
    session = await world.sign_in(person)
    await world.organisations.ChangeRole(
        organisations_pb2.ChangeRoleRequest(user_id=str(person.id), role=organisations_pb2.ROLE_ADMIN),
        metadata=team.as_owner,
    )
    before = await claims_of(world, session.access)
    after = await claims_of(world, (await refresh(world, session.refresh_token)).access)
    assert set(before["scope"].split()) < set(after["scope"].split()) == all_permissions()


async def test_a_refresh_token_works_for_30_days(world, refused):
    person = await world.person()
    world.clock.shift = -timedelta(days=29, hours=23)
    young = await world.sign_in(person)
    world.clock.shift = -timedelta(days=30, minutes=1)
    old = await world.sign_in(person)
    world.clock.shift = timedelta()
    renewed = await refresh(world, young.refresh_token)
    with refused(UNAUTHENTICATED, "REFRESH_TOKEN_INVALID"):
        await refresh(world, old.refresh_token)
    await refresh(world, renewed.refresh_token)


async def test_expired_sessions_are_forgotten(world):
    person = await world.person()
    world.clock.shift = -timedelta(days=31)
    await world.sign_in(person)
    world.clock.shift = timedelta()
    await world.sign_in(person)
    async with world.parts.uow.system() as tx:
        count = "SELECT count(*) FROM refresh_tokens t JOIN refresh_families f ON f.id = family_id WHERE user_id = $1"
        assert await tx.tenant.connection.fetchval(count, person.id) == 1


async def test_signing_out_closes_the_session(world, refused):
    person = await world.person()
    session = await world.sign_in(person)
    for _ in range(2):
        await world.sessions.SignOut(sessions_pb2.SignOutRequest(refresh_token=session.refresh_token))
    with refused(UNAUTHENTICATED, "REFRESH_TOKEN_INVALID"):
        await refresh(world, session.refresh_token)


async def test_signing_out_with_an_unknown_token_is_no_error(world):
    await world.sessions.SignOut(sessions_pb2.SignOutRequest(refresh_token="unknown"))


@pytest.mark.parametrize("token", ["unknown", "\x00", "x" * 100_000])
async def test_an_unknown_refresh_token_is_refused(world, refused, token):
    with refused(UNAUTHENTICATED, "REFRESH_TOKEN_INVALID"):
        await refresh(world, token)


async def test_who_am_i(world, refused):
    team = await world.organisation()
    me = await world.sessions.WhoAmI(sessions_pb2.WhoAmIRequest(), metadata=team.as_owner)
    assert (me.subject, me.kind, me.email, me.name) == (str(team.owner.id), "user", team.owner.email, "Ada")
    assert me.organisation == team.organisation
    assert set(me.permissions) == all_permissions()

    alone = await world.signed_in(await world.person())
    me = await world.sessions.WhoAmI(sessions_pb2.WhoAmIRequest(), metadata=alone)
    assert not me.HasField("organisation")
    assert list(me.permissions) == []

    with refused(UNAUTHENTICATED, "SUBJECT_UNKNOWN"):
        await world.sessions.WhoAmI(sessions_pb2.WhoAmIRequest(), metadata=await world.token())
