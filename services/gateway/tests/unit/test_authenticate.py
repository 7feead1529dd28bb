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
    RENEWED_EVERY,
    AuthAway,
    Authenticate,
)
from assay_gateway.application.ports import ExchangedKey
from assay_gateway.application.revocations import (
    TOKEN_LIFETIME,
    AccountDeactivated,
    KeyRefused,
    MembershipChanged,
    MembershipEnded,
    Revocations,
    SessionEnded,
)

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

    def give(self, name, *, org=None, subject=None, kind="user", lifetime=600, **claims):
        expires_at = self.now + timedelta(seconds=lifetime)
        self.tokens[name] = Principal(
            subject or uuid4(),
            kind,
            org,
            frozenset({"prompts:read"}),
            name,
            expires_at,
            issued_at=self.now,
            **claims,
        )
        return self.tokens[name]

    async def verify(self, token):
        if token not in self.tokens:
            raise Unauthenticated("unknown")
        principal = self.tokens[token]
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

    def seconds(self):
        return self.now.timestamp()

    def pass_by(self, seconds):
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def world():
    return World()


@pytest.fixture
def authenticate(world):
    return Authenticate(world, world, Revocations(world.seconds), world.seconds)


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


async def test_auth_hears_of_a_key_in_use_every_minute(world, authenticate):
    world.keys["assay_1"] = {"lifetime": 600}
    for _ in range(9):
        await authenticate("assay_1")
        world.pass_by(RENEWED_EVERY / 3)
    assert world.exchanges == 3


async def test_a_key_that_is_being_exchanged_need_not_be_asked_for_again(world, authenticate):
    world.keys["assay_1"] = {}
    world.gate.clear()
    assert not authenticate.remembers("assay_1")
    exchanging = asyncio.create_task(authenticate("assay_1"))
    await world.asked.wait()
    assert authenticate.remembers("assay_1")
    world.gate.set()
    await exchanging
    assert authenticate.remembers("assay_1")


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


@pytest.mark.parametrize(("removed", "error"), [(True, MembershipEnded), (False, MembershipChanged)])
async def test_a_token_given_before_its_membership_changed_no_longer_holds(world, authenticate, removed, error):
    org, user = uuid4(), uuid4()
    world.give("old", org=org, subject=user)
    authenticate.change_member(org, user, world.now, removed=removed)
    with pytest.raises(error):
        await authenticate("old")
    world.pass_by(0.001)
    world.give("new", org=org, subject=user)
    await authenticate("new")


async def test_other_members_and_other_organisations_are_not_concerned(world, authenticate):
    org, user = uuid4(), uuid4()
    world.give("colleague", org=org)
    world.give("elsewhere", org=uuid4(), subject=user)
    authenticate.change_member(org, user, world.now, removed=True)
    await authenticate("colleague")
    await authenticate("elsewhere")


async def test_of_two_changes_the_later_counts_in_whichever_order_they_are_heard_of(world, authenticate):
    org, user = uuid4(), uuid4()
    earlier = world.now
    world.pass_by(5)
    authenticate.change_member(org, user, world.now, removed=True)
    authenticate.change_member(org, user, earlier, removed=False)
    world.give("between", org=org, subject=user)
    with pytest.raises(MembershipEnded):
        await authenticate("between")


async def test_a_closed_session_ends_its_own_tokens_and_no_others(world, authenticate):
    user, session = uuid4(), uuid4()
    world.give("phone", subject=user, session_id=session)
    world.give("laptop", subject=user, session_id=uuid4())
    authenticate.end_session(session)
    with pytest.raises(SessionEnded):
        await authenticate("phone")
    await authenticate("laptop")


async def test_a_closed_account_ends_all_its_tokens_and_keys_everywhere(world, authenticate):
    person = uuid4()
    world.give("here", subject=person, org=uuid4())
    world.give("there", subject=person)
    world.keys |= {"assay_1": {"owner": person}, "assay_2": {}}
    for bearer in ("assay_1", "assay_2"):
        await authenticate(bearer)
    authenticate.close_account(person)
    for bearer in ("here", "there", "assay_1"):
        with pytest.raises(AccountDeactivated):
            await authenticate(bearer)
    await authenticate("assay_2")


async def test_keys_of_a_member_are_asked_for_again_when_the_membership_changes(world, authenticate):
    org, owner = uuid4(), uuid4()
    world.keys |= {
        "assay_1": {"org": org, "owner": owner},
        "assay_2": {"org": org, "owner": uuid4()},
        "assay_3": {"org": uuid4(), "owner": owner},
    }
    for key in world.keys:
        await authenticate(key)
    authenticate.change_member(org, owner, world.now, removed=False)
    for key in world.keys:
        await authenticate(key)
    assert world.exchanges == 4


@pytest.mark.parametrize(("mine", "exchanges"), [(True, 2), (False, 1)])
async def test_a_key_whose_member_changes_while_it_is_exchanged_is_asked_for_again(
    world, authenticate, mine, exchanges
):
    org, owner = uuid4(), uuid4()
    world.keys["assay_1"] = {"org": org, "owner": owner}
    world.gate.clear()
    exchanging = asyncio.create_task(authenticate("assay_1"))
    await world.asked.wait()
    authenticate.change_member(org, owner if mine else uuid4(), world.now, removed=False)
    world.gate.set()
    await exchanging
    await authenticate("assay_1")
    assert world.exchanges == exchanges


async def test_keys_of_a_changed_member_do_not_live_on_while_auth_is_away(world, authenticate):
    org, owner = uuid4(), uuid4()
    world.keys["assay_1"] = {"org": org, "owner": owner}
    await authenticate("assay_1")
    world.away = True
    authenticate.change_member(org, owner, world.now, removed=True)
    with pytest.raises(AuthAway):
        await authenticate("assay_1")


async def test_revocations_are_forgotten_once_no_token_that_they_concern_can_live(world):
    revocations = Revocations(world.seconds)
    for _ in range(100):
        revocations.end_session(uuid4())
    world.pass_by(TOKEN_LIFETIME)
    revocations.end_session(uuid4())
    assert len(revocations._sessions._noted) == 1


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
