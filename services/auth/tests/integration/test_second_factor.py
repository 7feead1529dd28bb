"""The second factor: authenticators and recovery codes."""

import asyncio
import re
import time
from datetime import timedelta

import grpc
import pyotp

from assay.auth.v1 import accounts_pb2, events_pb2
from assay_common.clock import utc_now

UNAUTHENTICATED = grpc.StatusCode.UNAUTHENTICATED
FAILED = grpc.StatusCode.FAILED_PRECONDITION


def at(totp, step=0):
    """The code of the present time step, or of one so many steps later."""
    return totp.at(utc_now(), counter_offset=step)


async def enrolled(world, metadata):
    enrolment = await world.second_factors.EnrolTotp(accounts_pb2.EnrolTotpRequest(), metadata=metadata)
    assert pyotp.parse_uri(enrolment.otpauth_uri).secret == enrolment.secret
    return pyotp.TOTP(enrolment.secret)


async def confirm(world, metadata, code):
    request = accounts_pb2.ConfirmTotpRequest(code=code)
    return list((await world.second_factors.ConfirmTotp(request, metadata=metadata)).codes)


async def disable(world, metadata, code):
    await world.second_factors.DisableTotp(accounts_pb2.DisableTotpRequest(code=code), metadata=metadata)


async def replace_codes(world, metadata, code):
    request = accounts_pb2.ReplaceRecoveryCodesRequest(code=code)
    return list((await world.second_factors.ReplaceRecoveryCodes(request, metadata=metadata)).codes)


async def protected(world):
    """Somebody with a second factor: they, the metadata of their calls, their authenticator and recovery codes.

    The code of the step before the present was used to turn it on, so that those of the present and the next are left.
    """
    person = await world.person()
    metadata = await world.signed_in(person)
    totp = await enrolled(world, metadata)
    await _until_far_from_the_end_of_a_step()
    return person, metadata, totp, await confirm(world, metadata, at(totp, -1))


async def _until_far_from_the_end_of_a_step(seconds=8):
    left = 30 - time.time() % 30
    if left < seconds:
        await asyncio.sleep(left + 0.1)


async def account(world, metadata):
    return await world.accounts.GetAccount(accounts_pb2.GetAccountRequest(), metadata=metadata)


async def test_it_counts_once_a_code_confirmed_it(world, refused):
    person = await world.person()
    metadata = await world.signed_in(person)
    with refused(FAILED, "SECOND_FACTOR_OFF"):
        await confirm(world, metadata, "123456")
    totp = await enrolled(world, metadata)
    await world.sign_in(person)
    with refused(UNAUTHENTICATED, "SECOND_FACTOR_WRONG"):
        await confirm(world, metadata, "000000" if at(totp) != "000000" else "000001")
    codes = await confirm(world, metadata, at(totp))
    assert len(set(codes)) == 10
    assert all(re.fullmatch(r"[a-z2-7]{4}(-[a-z2-7]{4}){3}", code) for code in codes)
    with refused(UNAUTHENTICATED, "SECOND_FACTOR_NEEDED"):
        await world.sign_in(person)
    mine = await account(world, metadata)
    assert (mine.second_factor, mine.recovery_codes) == (True, 10)
    with refused(FAILED, "SECOND_FACTOR_ON"):
        await enrolled(world, metadata)
    with refused(FAILED, "SECOND_FACTOR_ON"):
        await confirm(world, metadata, at(totp, 1))


async def test_a_code_works_one_step_early_or_late_and_only_once(world, refused):
    person, _, totp, _ = await protected(world)
    await world.sign_in(person, code=at(totp))
    for used in (at(totp), at(totp, -1)):
        with refused(UNAUTHENTICATED, "SECOND_FACTOR_WRONG"):
            await world.sign_in(person, code=used)
    await world.sign_in(person, code=f" {at(totp, 1)[:3]} {at(totp, 1)[3:]} ")
    with refused(UNAUTHENTICATED, "SECOND_FACTOR_WRONG"):
        await world.sign_in(person, code=at(totp, 3))


async def test_of_one_code_at_once_one_session_opens(world):
    person, _, totp, _ = await protected(world)
    code = at(totp)
    answers = await asyncio.gather(*(world.sign_in(person, code=code) for _ in range(4)), return_exceptions=True)
    assert sum(not isinstance(answer, Exception) for answer in answers) == 1


async def test_a_recovery_code_stands_in_once(world, refused):
    person, metadata, _, codes = await protected(world)
    await world.sign_in(person, code=codes[0].upper().replace("-", " "))
    with refused(UNAUTHENTICATED, "SECOND_FACTOR_WRONG"):
        await world.sign_in(person, code=codes[0])
    assert (await account(world, metadata)).recovery_codes == 9
    answers = await asyncio.gather(*(world.sign_in(person, code=codes[1]) for _ in range(4)), return_exceptions=True)
    assert sum(not isinstance(answer, Exception) for answer in answers) == 1


async def test_the_password_comes_first(world, refused):
    person, _, totp, _ = await protected(world)
    with refused(UNAUTHENTICATED, "INVALID_CREDENTIALS"):
        await world.sign_in(person, password="not the password I have", code=at(totp))
    await world.sign_in(person, code=at(totp))


async def test_recovery_codes_are_replaced(world, refused):
    person, metadata, totp, codes = await protected(world)
    with refused(UNAUTHENTICATED, "SECOND_FACTOR_WRONG"):
        await replace_codes(world, metadata, "aaaa-aaaa-aaaa-aaaa")
    fresh = await replace_codes(world, metadata, at(totp))
    assert not set(fresh) & set(codes)
    with refused(UNAUTHENTICATED, "SECOND_FACTOR_WRONG"):
        await world.sign_in(person, code=codes[0])
    await world.sign_in(person, code=fresh[0])


async def test_it_is_turned_off_by_a_code(world, refused):
    person, metadata, _, codes = await protected(world)
    with refused(UNAUTHENTICATED, "SECOND_FACTOR_WRONG"):
        await disable(world, metadata, "aaaa-aaaa-aaaa-aaaa")
    await disable(world, metadata, codes[0])
    await world.sign_in(person)
    for call in (disable, replace_codes):
        with refused(FAILED, "SECOND_FACTOR_OFF"):
            await call(world, metadata, codes[1])
    changes = [m for _, m in await world.events(person.id) if isinstance(m, events_pb2.SecondFactorChanged)]
    assert [change.enabled for change in changes] == [True, False]


async def test_codes_cannot_be_guessed(world, refused):
    person, metadata, totp, _ = await protected(world)
    wrong = ["not-a-code"] * 5
    for code in wrong:
        with refused(UNAUTHENTICATED, "SECOND_FACTOR_WRONG"):
            await disable(world, metadata, code)
    with refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_ATTEMPTS"):
        await disable(world, metadata, at(totp))
    with refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_ATTEMPTS"):
        await world.sign_in(person, code=at(totp))


async def test_closing_the_account_asks_for_it_too(world, refused):
    person, metadata, _, codes = await protected(world)
    request = accounts_pb2.DeactivateAccountRequest(password=person.password)
    with refused(UNAUTHENTICATED, "SECOND_FACTOR_NEEDED"):
        await world.accounts.DeactivateAccount(request, metadata=metadata)
    request.one_time_code = codes[0]
    await world.accounts.DeactivateAccount(request, metadata=metadata)


async def test_secrets_are_sealed_and_recovery_codes_hashed(world):
    _, _, totp, codes = await protected(world)
    async with world.parts.uow.system() as tx:
        factors = await tx.tenant.connection.fetch("SELECT * FROM second_factors")
        stored = b"".join(row["sealed_secret"] for row in factors)
        hashed = str([dict(row) for row in await tx.tenant.connection.fetch("SELECT * FROM recovery_codes")])
    assert totp.secret.encode() not in stored
    assert totp.byte_secret() not in stored
    assert not any(code in hashed or code.replace("-", "") in hashed for code in codes)


async def test_a_reset_of_the_password_leaves_it_on(world, refused):
    person, _, _, codes = await protected(world)
    await world.accounts.RequestPasswordReset(accounts_pb2.RequestPasswordResetRequest(email=person.email))
    text = (await world.mails_to(person.email))[-1]["text"]
    token = re.search(r"token=([\w-]{43})", text)[1]
    new = "another one nobody thought of"
    await world.accounts.ResetPassword(accounts_pb2.ResetPasswordRequest(token=token, new_password=new))
    with refused(UNAUTHENTICATED, "SECOND_FACTOR_NEEDED"):
        await world.sign_in(person, password=new)
    await world.sign_in(person, password=new, code=codes[0])


async def test_asking_for_the_code_is_no_failure(world, refused):
    """A client asks without a code first; that must not use up the attempts."""
    person, _, totp, _ = await protected(world)
    for _ in range(8):
        with refused(UNAUTHENTICATED, "SECOND_FACTOR_NEEDED"):
            await world.sign_in(person)
    await world.sign_in(person, code=at(totp))


async def test_after_a_wait_one_right_password_is_enough_to_be_asked_for_the_code(world, refused):
    person, _, _, codes = await protected(world)
    for _ in range(5):
        with refused(UNAUTHENTICATED, "INVALID_CREDENTIALS"):
            await world.sign_in(person, password="not the password I have")
    world.clock.shift = timedelta(seconds=2)
    with refused(UNAUTHENTICATED, "SECOND_FACTOR_NEEDED"):
        await world.sign_in(person)
    await world.sign_in(person, code=codes[0])
