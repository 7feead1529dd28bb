"""What an operator does by hand."""

import asyncio
import os
import subprocess
import sys

import grpc
import pytest


@pytest.fixture
def operate(shared_settings):
    """Run an operation as a process of its own: its exit code and what it said."""

    async def run(*arguments):
        clean = {name: value for name, value in os.environ.items() if not name.startswith("ASSAY_")}
        environment = clean | {"ASSAY_DATABASE__URL": shared_settings.database.url.get_secret_value()}
        command = [sys.executable, "-m", "assay_auth", *arguments]
        ended = await asyncio.to_thread(subprocess.run, command, env=environment, capture_output=True, text=True)
        return ended.returncode, ended.stdout + ended.stderr

    return run


async def test_an_account_is_closed(world, refused, operate):
    person = await world.person()
    code, output = await operate("deactivate", person.email.upper())
    assert code == 0, output
    with refused(grpc.StatusCode.UNAUTHENTICATED, "INVALID_CREDENTIALS"):
        await world.sign_in(person)
    code, output = await operate("deactivate", person.email)
    assert code == 1
    assert "ACCOUNT_NOT_FOUND" in output


async def test_the_last_owners_is_not(world, operate):
    team = await world.organisation()
    code, output = await operate("deactivate", team.owner.email)
    assert code == 1
    assert "LAST_OWNER" in output
    await world.sign_in(team.owner)


@pytest.mark.parametrize("arguments", [(), ("deactivate",), ("nonsense",)])
async def test_what_cannot_be_understood_is_told(operate, arguments):
    code, output = await operate(*arguments)
    assert code == 2
    assert "usage: python -m assay_auth" in output
