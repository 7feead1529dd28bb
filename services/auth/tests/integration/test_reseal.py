"""The key encryption key is changed while replicas run, and the old one goes."""

import asyncio
import base64
import os
import subprocess
import sys
import time
from contextlib import AsyncExitStack

import pyotp
import pytest

from assay.auth.v1 import accounts_pb2
from assay_auth import bootstrap
from assay_auth.adapters.sealing import Sealer
from assay_auth.adapters.signing import SigningKeyUnreadable
from assay_auth.application import reseal as module
from assay_auth.application.ports import SealBroken
from assay_auth.settings import BootstrapAdmin
from assay_common.clock import utc_now

OLD = base64.b64encode(bytes(range(32))).decode()
NEW = base64.b64encode(b"n" * 32).decode()


def under(settings, key, *previous):
    """The settings of a replica with these keys."""
    secret = type(settings.key_encryption_key)
    return settings.model_copy(
        update={"key_encryption_key": secret(key), "previous_key_encryption_keys": secret(",".join(previous))}
    )


async def reseal(settings):
    """Run the operation as a process of its own: its exit code and what it said."""
    variables = {
        "ASSAY_DATABASE__URL": settings.database.url.get_secret_value(),
        "ASSAY_KEY_ENCRYPTION_KEY": settings.key_encryption_key.get_secret_value(),
        "ASSAY_PREVIOUS_KEY_ENCRYPTION_KEYS": settings.previous_key_encryption_keys.get_secret_value(),
    }
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ASSAY_")} | variables
    command = [sys.executable, "-m", "assay_auth", "reseal"]
    ended = await asyncio.to_thread(subprocess.run, command, env=environment, capture_output=True, text=True)
    return ended.returncode, ended.stdout + ended.stderr


async def protected(world):
    """Somebody with a second factor, and their authenticator."""
    person = await world.person()
    metadata = await world.signed_in(person)
    left = 30 - time.time() % 30
    if left < 5:  # the code of the step before this one must still be good when it arrives
        await asyncio.sleep(left + 0.1)
    enrolment = await world.second_factors.EnrolTotp(accounts_pb2.EnrolTotpRequest(), metadata=metadata)
    totp = pyotp.TOTP(enrolment.secret)
    code = totp.at(utc_now(), counter_offset=-1)
    await world.second_factors.ConfirmTotp(accounts_pb2.ConfirmTotpRequest(code=code), metadata=metadata)
    return person, totp


def code_of(totp, step=0):
    return totp.at(utc_now(), counter_offset=step)


async def test_the_key_is_changed_in_steps_of_which_none_interrupts_anybody(fresh_settings, inhabit, replica):
    steps = {
        "before": under(fresh_settings, OLD),
        "known": under(fresh_settings, OLD, NEW),
        "taken": under(fresh_settings, NEW, OLD),
        "after": under(fresh_settings, NEW),
    }
    async with AsyncExitStack() as stack:
        old = await stack.enter_async_context(inhabit(steps["before"]))
        first, first_totp = await protected(old)
        known = await stack.enter_async_context(inhabit(steps["known"]))
        taken = await stack.enter_async_context(inhabit(steps["taken"]))
        second, second_totp = await protected(taken)
        await known.sign_in(second, code=code_of(second_totp))
        await taken.sign_in(first, code=code_of(first_totp))

        async with replica(steps["after"]) as too_early:
            with pytest.raises(SigningKeyUnreadable, match="ASSAY_PREVIOUS_KEY_ENCRYPTION_KEYS"):
                await bootstrap.prepare(too_early, BootstrapAdmin())

        code, output = await reseal(steps["taken"])
        assert code == 0, output
        assert '"signing_keys":1' in output.replace(" ", "")
        assert '"second_factors":1' in output.replace(" ", "")
        await known.sign_in(first, code=code_of(first_totp, 1))

        after = await stack.enter_async_context(inhabit(steps["after"]))
        await after.sign_in(second, code=code_of(second_totp, 1))
        code, output = await reseal(steps["after"])
        assert code == 0, output
        assert '"second_factors":0' in output.replace(" ", "")


async def test_what_no_key_opens_is_named_and_left_as_it_is(fresh_settings, inhabit):
    async with inhabit(under(fresh_settings, OLD)) as world:
        person, _ = await protected(world)

    code, output = await reseal(under(fresh_settings, NEW))

    assert code == 1
    assert f"second factor of {person.id}" in output
    assert "keep the previous keys" in output
    async with inhabit(under(fresh_settings, OLD)):
        pass  # which it would not be, had anything been changed


async def test_many_are_sealed_anew_in_batches(fresh_settings, inhabit, monkeypatch):
    monkeypatch.setattr(module, "BATCH", 2)
    async with inhabit(under(fresh_settings, OLD)) as world:
        people = [await protected(world) for _ in range(5)]
    async with inhabit(under(fresh_settings, NEW, OLD)) as world:
        done = await module.Reseal(world.parts.uow, world.parts.sealer)()
        assert (done.signing_keys, done.second_factors, done.unreadable) == (1, 5, [])
    async with inhabit(under(fresh_settings, NEW)) as world:
        for person, totp in people:
            await world.sign_in(person, code=code_of(totp))


def test_a_secret_opens_under_its_own_name_only_whatever_the_key():
    old, new = os.urandom(32), os.urandom(32)
    sealed = Sealer(old).seal(b"secret", "name")
    both = Sealer(new, old)
    assert both.unseal(sealed, "name") == b"secret"
    anew = both.sealed_anew(sealed, "name")
    assert Sealer(new).unseal(anew, "name") == b"secret"
    assert both.sealed_anew(anew, "name") is None
    for sealer, name in ((both, "other name"), (Sealer(new), "name")):
        with pytest.raises(SealBroken):
            sealer.sealed_anew(sealed, name)
