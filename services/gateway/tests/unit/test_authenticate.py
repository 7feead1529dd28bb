import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from assay_common.errors import Unauthenticated
from assay_common.identity import Principal
from assay_gateway.application.authenticate import (
    REFUSAL_KEPT,
    RENEW_BEFORE,
    RENEWAL_PUT_OFF,
    AuthAway,
    Authenticate,
    KeyRefused,
    MembershipEnded,
)
from assay_gateway.application.ports import ExchangedKey

START = datetime(2026, 3, 1, tzinfo=UTC)


class World:
    """Auth, its tokens and the time."""

    def __init__(self):
        self.now = START
        self.tokens = {}
        self.keys = {}
        self.exchanges = 0
        self.away = False
        self.asked = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()

    def give(self, name, *, org=None, subject=None, kind="user", lifetime=600):
        expires_at = self.now + timedelta(seconds=lifetime)
        self.tokens[name] = (
            Principal(subject or uuid4(), kind, org, frozenset({"prompts:read"}), name, expires_at),
            self.now,
        )
        return self.tokens[name][0]

    async def verify(self, token):
        if token not in self.tokens:
            raise Unauthenticated("unknown")
        principal = self.tokens[token][0]
        if principal.expires_at <= self.now:
            raise Unauthenticated("expired")
        return principal

    async def exchange(self, api_key):
        self.exchanges += 1
        self.asked.set()
        await self.gate.wait()
        if self.away:
            raise AuthAway("away")
        if api_key not in self.keys:
            raise KeyRefused("no")
        token = f"token {self.exchanges}"
        principal = self.give(token, **self.keys[api_key], kind="api_key")
        return ExchangedKey(token, principal.expires_at)

    def issued_at(self, token):
        return self.tokens[token][1]

    def seconds(self):
        return self.now.timestamp()

    def pass_by(self, seconds):
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def world():
    return World()


@pytest.fixture
def authenticate(world):
    return Authenticate(world, world, world.issued_at, world.seconds)


async def test_an_access_token_is_verified_and_not_exchanged(world, authenticate):
    caller = world.give("a.b.c")
    assert await authenticate("a.b.c") is caller
    assert world.exchanges == 0


async def test_a_key_is_exchanged_once(world, authenticate):
    world.keys["assay_1"] = {}
    first = await authenticate("assay_1")
    assert await authenticate("assay_1") is first
    assert world.exchanges == 1


async def test_requests_at_once_share_an_exchange(world, authenticate):
    world.keys["assay_1"] = {}
    callers = await asyncio.gather(*(authenticate("assay_1") for _ in range(50)))
    assert len({caller.token for caller in callers}) == 1
    assert world.exchanges == 1


async def test_a_key_is_renewed_before_its_token_expires(world, authenticate):
    world.keys["assay_1"] = {"lifetime": 600}
    first = await authenticate("assay_1")
    world.pass_by(600 - RENEW_BEFORE)
    assert (await authenticate("assay_1")).token != first.token


async def test_while_auth_is_away_a_known_key_works_until_its_token_expires(world, authenticate):
    world.keys["assay_1"] = {"lifetime": 600}
    first = await authenticate("assay_1")
    world.away = True
    world.pass_by(590)
    assert await authenticate("assay_1") is first
    world.pass_by(10)
    with pytest.raises(Unauthenticated):
        await authenticate("assay_1")


async def test_while_auth_is_away_an_unknown_key_is_not_refused_but_put_off(world, authenticate):
    world.away = True
    with pytest.raises(AuthAway):
        await authenticate("assay_1")


async def test_a_refusal_is_remembered_for_a_moment_only(world, authenticate):
    for _ in range(3):
        with pytest.raises(KeyRefused):
            await authenticate("assay_1")
    assert world.exchanges == 1
    world.keys["assay_1"] = {}
    world.pass_by(REFUSAL_KEPT)
    await authenticate("assay_1")


async def test_a_revoked_key_is_asked_for_again(world, authenticate):
    key_id = uuid4()
    world.keys["assay_1"] = {"subject": key_id}
    await authenticate("assay_1")
    del world.keys["assay_1"]
    authenticate.forget_key(key_id)
    with pytest.raises(KeyRefused):
        await authenticate("assay_1")


async def test_another_key_stays_when_one_is_revoked(world, authenticate):
    world.keys |= {"assay_1": {}, "assay_2": {}}
    await authenticate("assay_1")
    await authenticate("assay_2")
    authenticate.forget_key(uuid4())
    await authenticate("assay_2")
    assert world.exchanges == 2


async def test_a_key_revoked_while_it_is_exchanged_is_refused(world, authenticate):
    key_id = uuid4()
    world.keys["assay_1"] = {"subject": key_id}
    world.gate.clear()
    exchanging = asyncio.create_task(authenticate("assay_1"))
    await world.asked.wait()
    authenticate.forget_key(key_id)
    world.gate.set()
    for bearer in (exchanging, authenticate("assay_1")):
        with pytest.raises(KeyRefused):
            await bearer


async def test_a_key_that_was_being_exchanged_at_a_gap_is_asked_for_again(world, authenticate):
    world.keys["assay_1"] = {}
    world.gate.clear()
    exchanging = asyncio.create_task(authenticate("assay_1"))
    await world.asked.wait()
    authenticate.renew_all()
    world.gate.set()
    await exchanging
    await authenticate("assay_1")
    assert world.exchanges == 2


async def test_a_key_that_auth_no_longer_knows_does_not_live_on_while_auth_is_away(world, authenticate):
    world.keys["assay_1"] = {}
    await authenticate("assay_1")
    del world.keys["assay_1"]
    authenticate.renew_all()
    with pytest.raises(KeyRefused):
        await authenticate("assay_1")
    world.pass_by(REFUSAL_KEPT)
    world.away = True
    with pytest.raises(AuthAway):
        await authenticate("assay_1")


async def test_a_token_given_before_the_member_was_removed_no_longer_holds(world, authenticate):
    org, user = uuid4(), uuid4()
    world.give("old", org=org, subject=user)
    authenticate.forget_member(org, user, world.now)
    with pytest.raises(MembershipEnded):
        await authenticate("old")
    world.pass_by(1)
    world.give("new", org=org, subject=user)
    await authenticate("new")


async def test_other_members_and_other_organisations_are_not_concerned(world, authenticate):
    org, user = uuid4(), uuid4()
    world.give("colleague", org=org)
    world.give("elsewhere", org=uuid4(), subject=user)
    authenticate.forget_member(org, user, world.now)
    await authenticate("colleague")
    await authenticate("elsewhere")


async def test_keys_of_an_organisation_are_asked_for_again_when_a_member_goes(world, authenticate):
    org = uuid4()
    world.keys |= {"assay_1": {"org": org}, "assay_2": {"org": uuid4()}}
    await authenticate("assay_1")
    await authenticate("assay_2")
    authenticate.forget_member(org, uuid4(), world.now)
    await authenticate("assay_1")
    await authenticate("assay_2")
    assert world.exchanges == 3


async def test_after_a_gap_keys_are_asked_for_again_unless_auth_is_away(world, authenticate):
    world.keys["assay_1"] = {}
    first = await authenticate("assay_1")
    authenticate.renew_all()
    world.away = True
    for _ in range(5):
        assert await authenticate("assay_1") is first
    assert world.exchanges == 2
    world.away = False
    world.pass_by(RENEWAL_PUT_OFF)
    assert await authenticate("assay_1") is not first


async def test_a_revoked_key_does_not_work_while_auth_is_away(world, authenticate):
    key_id = uuid4()
    world.keys["assay_1"] = {"subject": key_id}
    await authenticate("assay_1")
    authenticate.forget_key(key_id)
    world.away = True
    with pytest.raises((AuthAway, KeyRefused)):
        await authenticate("assay_1")


async def test_keys_are_not_kept_in_the_clear(world, authenticate):
    world.keys["assay_secret"] = {}
    await authenticate("assay_secret")
    assert "assay_secret" not in repr(vars(authenticate))
