"""A signing key is published, then signs, then verifies: nobody who checks tokens is ever without the key."""

import asyncio
import json
from datetime import timedelta

import jwt
import pytest

from assay.auth.v1 import sessions_pb2
from assay_auth.application.tokens.signing_key import RotateSigningKey
from assay_auth.domain.access import PUBLISHED_BEFORE, ROTATION_LEAD, SIGNING_PERIOD
from assay_common.rpc.jwks import TokenVerifier

MOMENT = timedelta(seconds=5)


@pytest.fixture
async def world(fresh_settings, inhabit):
    async with inhabit(fresh_settings) as inhabited:
        yield inhabited


async def published(world):
    document = (await world.sessions.GetJwks(sessions_pb2.GetJwksRequest())).jwks
    return [key["kid"] for key in json.loads(document)["keys"]]


async def signs(world, person):
    return jwt.get_unverified_header((await world.sign_in(person)).access.access_token)["kid"]


async def test_the_next_key_is_published_an_hour_before_it_signs(world):
    person = await world.person()
    first = await signs(world, person)
    world.clock.shift = SIGNING_PERIOD - PUBLISHED_BEFORE + MOMENT
    await world.parts.ensure_signing_key()
    known, second = await published(world)
    assert known == first
    assert await signs(world, person) == first
    world.clock.shift = SIGNING_PERIOD + MOMENT
    assert await signs(world, person) == second
    assert await published(world) == [first, second]


async def test_a_rotation_by_hand_interrupts_nobody(world):
    person = await world.person()
    fetched = []

    async def fetch():
        fetched.append(1)
        return (await world.sessions.GetJwks(sessions_pb2.GetJwksRequest())).jwks

    first = await signs(world, person)
    rotate = RotateSigningKey(world.parts.uow, world.parts.signer, world.parts.clock)
    second = (await rotate()).material.id
    assert await published(world) == [first, second]
    # A verifier that fetches in the lead, and never again, knows the key when it begins to sign.
    verifier = TokenVerifier(fetch)
    await verifier.verify((await world.sign_in(person)).access.access_token)
    assert await signs(world, person) == first
    world.clock.shift = ROTATION_LEAD + MOMENT
    assert await signs(world, person) == second
    assert await published(world) == [first, second]
    assert len(fetched) == 1
    world.clock.shift = ROTATION_LEAD + timedelta(hours=2)
    assert await published(world) == [second]


async def test_a_rotation_asked_for_twice_leaves_one_key_that_takes_over(world):
    person = await world.person()
    first = await signs(world, person)
    rotate = RotateSigningKey(world.parts.uow, world.parts.signer, world.parts.clock)
    keys = await asyncio.gather(*(rotate() for _ in range(3)))
    world.clock.shift = ROTATION_LEAD + MOMENT
    signing = await signs(world, person)
    assert signing in {key.material.id for key in keys}
    assert signing != first
    for _ in range(3):
        world.clock.shift += timedelta(minutes=2)
        assert await signs(world, person) == signing


async def test_a_replica_that_remembers_a_key_hears_of_a_rotation_before_the_old_key_is_refused(world):
    person = await world.person()
    await signs(world, person)
    rotate = RotateSigningKey(world.parts.uow, world.parts.signer, world.parts.clock)
    second = (await rotate()).material.id
    world.clock.shift = ROTATION_LEAD + timedelta(minutes=1, seconds=1)
    assert await signs(world, person) == second
