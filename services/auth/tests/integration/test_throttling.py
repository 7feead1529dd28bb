"""Nobody guesses a password, and nobody locks somebody else out."""

import asyncio
import re
from datetime import timedelta
from uuid import uuid4

import grpc
import pytest

from assay.auth.v1 import accounts_pb2, events_pb2, sessions_pb2
from assay_auth.domain.throttle import limits_of

UNAUTHENTICATED = grpc.StatusCode.UNAUTHENTICATED
EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED
WRONG = "not the password at all"


def place(number=0):
    """The metadata of a client somewhere, and nowhere else than this test."""
    return (("x-client-address", f"2001:db8:{uuid4().hex[:4]}:{number:x}::1"),)


def address_of(metadata):
    return dict(metadata)["x-client-address"]


async def fail(world, refused, person, metadata=(), times=1):
    for _ in range(times):
        with refused(UNAUTHENTICATED, "INVALID_CREDENTIALS"):
            await world.sign_in(person, password=WRONG, metadata=metadata)


async def counted(world, person, metadata, *, is_known, failures):
    """Let the counts of a person stand at so many failures, as if they had just happened."""
    limits = limits_of(person.email, address_of(metadata), is_known=is_known)
    async with world.parts.uow.system() as tx:
        for limit in limits:
            await tx.tenant.connection.execute(
                "INSERT INTO throttles (bucket, failures, last_at) VALUES ($1, $2, $3) "
                "ON CONFLICT (bucket) DO UPDATE SET (failures, last_at) = (excluded.failures, excluded.last_at)",
                limit.bucket,
                failures,
                world.clock(),
            )


async def test_after_five_failures_even_the_right_password_waits(world, refused):
    person, here = await world.person(), place()
    await fail(world, refused, person, here, 5)
    with refused(EXHAUSTED, "TOO_MANY_ATTEMPTS") as refusal:
        await world.sign_in(person, metadata=here)
    assert refusal.details == {"retry_after": "1"}
    world.clock.shift = timedelta(seconds=2)
    await fail(world, refused, person, here)
    with refused(EXHAUSTED, "TOO_MANY_ATTEMPTS") as refusal:
        await world.sign_in(person, metadata=here)
    assert refusal.details == {"retry_after": "2"}
    world.clock.shift = timedelta(seconds=5)
    await world.sign_in(person, metadata=here)
    world.clock.shift = timedelta()
    await fail(world, refused, person, here, 5)  # what failed before the success is forgiven


async def test_a_refused_attempt_prolongs_nothing(world, refused):
    person, here = await world.person(), place()
    await fail(world, refused, person, here, 5)
    for _ in range(20):
        with refused(EXHAUSTED, "TOO_MANY_ATTEMPTS") as refusal:
            await world.sign_in(person, metadata=here)
        assert refusal.details == {"retry_after": "1"}
    world.clock.shift = timedelta(seconds=2)
    await world.sign_in(person, metadata=here)


async def test_an_unknown_address_is_throttled_alike(world, refused):
    request, here = sessions_pb2.SignInRequest(email=f"{uuid4().hex}@example.org", password=WRONG), place()
    for _ in range(5):
        with refused(UNAUTHENTICATED, "INVALID_CREDENTIALS"):
            await world.sessions.SignIn(request, metadata=here)
    with refused(EXHAUSTED, "TOO_MANY_ATTEMPTS") as refusal:
        await world.sessions.SignIn(request, metadata=here)
    assert refusal.details == {"retry_after": "1"}


async def test_attempts_at_once_are_counted_one_by_one(world):
    person, here = await world.person(), place()
    answers = await asyncio.gather(
        *(world.sign_in(person, password=WRONG, metadata=here) for _ in range(20)), return_exceptions=True
    )
    codes = [answer.code() for answer in answers]
    assert codes.count(UNAUTHENTICATED) == 5
    assert codes.count(EXHAUSTED) == 15


async def test_an_attacker_elsewhere_keeps_nobody_out_of_a_known_place(world, refused):
    person, home = await world.person(), place()
    await world.sign_in(person, metadata=home)
    attackers = [place(number) for number in range(4)]
    for attacker in attackers:
        await counted(world, person, attacker, is_known=False, failures=10_000)
        with refused(EXHAUSTED, "TOO_MANY_ATTEMPTS"):
            await world.sign_in(person, password=WRONG, metadata=attacker)
    await fail(world, refused, person, home, 20)
    await world.sign_in(person, metadata=home)


async def test_at_a_known_place_a_hundred_failures_are_free_and_a_minute_is_the_longest_wait(world, refused):
    person, home = await world.person(), place()
    await world.sign_in(person, metadata=home)
    await counted(world, person, home, is_known=True, failures=99)
    await fail(world, refused, person, home)
    with refused(EXHAUSTED, "TOO_MANY_ATTEMPTS"):
        await world.sign_in(person, metadata=home)
    await counted(world, person, home, is_known=True, failures=10_000)
    with refused(EXHAUSTED, "TOO_MANY_ATTEMPTS") as refusal:
        await world.sign_in(person, metadata=home)
    assert int(refusal.details["retry_after"]) <= 60
    world.clock.shift = timedelta(seconds=61)
    await world.sign_in(person, metadata=home)


async def test_failures_at_a_known_place_do_not_count_for_the_account(world, refused):
    person, home, elsewhere = await world.person(), place(), place()
    await world.sign_in(person, metadata=home)
    await fail(world, refused, person, home, 6)
    *_, account, _ = limits_of(person.email, address_of(elsewhere), is_known=False)
    async with world.parts.uow.system() as tx:
        failures = "SELECT coalesce(max(failures), 0) FROM throttles WHERE bucket = $1"
        assert await tx.tenant.connection.fetchval(failures, account.bucket) == 0
    await world.sign_in(person, metadata=elsewhere)


async def test_many_places_together_are_slowed_to_one_attempt_a_minute(world, refused):
    person = await world.person()
    await counted(world, person, place(), is_known=False, failures=1_000)
    with refused(EXHAUSTED, "TOO_MANY_ATTEMPTS") as refusal:
        await world.sign_in(person, password=WRONG, metadata=place())
    assert 50 < int(refusal.details["retry_after"]) <= 60


async def test_one_place_that_tries_many_accounts_is_stopped(world, refused):
    people, here = [await world.person() for _ in range(3)], place()
    await counted(world, people[0], here, is_known=False, failures=99)
    await fail(world, refused, people[1], here)
    with refused(EXHAUSTED, "TOO_MANY_ATTEMPTS"):
        await world.sign_in(people[2], password=WRONG, metadata=here)


async def test_during_an_attack_a_reset_by_mail_lets_a_person_in_from_a_new_place(world, refused):
    person, hotel = await world.person(), place()
    await counted(world, person, hotel, is_known=False, failures=1_000)
    with refused(EXHAUSTED, "TOO_MANY_ATTEMPTS"):
        await world.sign_in(person, metadata=hotel)
    await world.accounts.RequestPasswordReset(accounts_pb2.RequestPasswordResetRequest(email=person.email))
    token = re.search(r"token=([\w-]{43})", (await world.mails_to(person.email))[-1]["text"])[1]
    new = "another one nobody thought of"
    request = accounts_pb2.ResetPasswordRequest(token=token, new_password=new)
    await world.accounts.ResetPassword(request, metadata=hotel)
    async with world.parts.uow.system() as tx:  # the place as such stays slow: others may be attacking from it
        *_, whole_address = limits_of(person.email, address_of(hotel), is_known=False)
        await tx.throttles.clear([whole_address.bucket])
    await world.sign_in(person, password=new, metadata=hotel)


async def test_changing_the_password_is_throttled_too(world, refused):
    person = await world.person()
    metadata = await world.signed_in(person)
    request = accounts_pb2.ChangePasswordRequest(current_password=WRONG, new_password="another one nobody thought of")
    for _ in range(5):
        with refused(UNAUTHENTICATED, "INVALID_CREDENTIALS"):
            await world.accounts.ChangePassword(request, metadata=metadata)
    with refused(EXHAUSTED, "TOO_MANY_ATTEMPTS"):
        await world.accounts.ChangePassword(request, metadata=metadata)


async def test_replicas_share_the_counts(world, refused, shared_settings, inhabit):
    person, here = await world.person(), place()
    await fail(world, refused, person, here, 3)
    async with inhabit(shared_settings) as replica:
        await fail(replica, refused, person, here, 2)
        with refused(EXHAUSTED, "TOO_MANY_ATTEMPTS"):
            await replica.sign_in(person, metadata=here)


async def test_failures_are_told_and_refusals_once(world, refused):
    person, here = await world.person(), place()
    await fail(world, refused, person, here, 5)
    for _ in range(3):
        with pytest.raises(grpc.aio.AioRpcError):
            await world.sign_in(person, metadata=here)
    told = [(row, m) for row, m in await world.events(person.id) if isinstance(m, events_pb2.SignInFailed)]
    assert [message.reason for _, message in told] == ["password"] * 5 + ["throttled"]
    assert {row["client_address"] for row, _ in told} == {address_of(here)}


async def test_no_address_is_stored_with_the_counts(world, refused):
    person, here = await world.person(), place()
    await fail(world, refused, person, here)
    async with world.parts.uow.system() as tx:
        stored = str([dict(row) for row in await tx.tenant.connection.fetch("SELECT * FROM throttles")])
    assert person.email not in stored
    assert address_of(here) not in stored
