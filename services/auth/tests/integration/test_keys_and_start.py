"""Signing keys, the first administrator, and several replicas that start at once."""

import asyncio
import base64
import json
from contextlib import AsyncExitStack
from datetime import timedelta

import grpc
import jwt
import pytest

from assay.auth.v1 import sessions_pb2
from assay_auth import bootstrap
from assay_auth.adapters.signing import Ed25519Signer, SigningKeyUnreadable
from assay_auth.settings import BootstrapAdmin
from assay_common.clock import utc_now

ADMIN = BootstrapAdmin(email="Admin@Example.org", password="correct horse battery staple")


async def count(parts, table):
    async with parts.uow.system() as tx:
        return await tx.tenant.connection.fetchval(f"SELECT count(*) FROM {table}")


async def test_replicas_that_start_at_once_make_one_key_and_one_administrator(fresh_settings, replica):
    async with AsyncExitStack() as stack:
        replicas = [await stack.enter_async_context(replica(fresh_settings)) for _ in range(4)]
        await asyncio.gather(*(bootstrap.prepare(parts, ADMIN) for parts in replicas))
        assert await count(replicas[0], "signing_keys") == 1
        assert await count(replicas[0], "users") == 1


async def test_the_administrator_signs_in_and_is_not_made_again(fresh_settings, inhabit, refused):
    settings = fresh_settings.model_copy(update={"bootstrap_admin": ADMIN})
    other = BootstrapAdmin(email="other@example.org", password="another password altogether")
    async with inhabit(settings) as world:
        request = sessions_pb2.SignInRequest(email="admin@example.org", password="correct horse battery staple")
        assert (await world.sessions.SignIn(request)).access.organisation_id == ""
        await bootstrap.prepare(world.parts, other)
        request = sessions_pb2.SignInRequest(email=other.email, password=other.password.get_secret_value())
        with refused(grpc.StatusCode.UNAUTHENTICATED, "INVALID_CREDENTIALS"):
            await world.sessions.SignIn(request)


async def test_no_administrator_is_made_where_none_is_configured(fresh_settings, replica):
    async with replica(fresh_settings) as parts:
        await bootstrap.prepare(parts, BootstrapAdmin())
        assert await count(parts, "users") == 0


async def test_a_private_key_is_sealed_in_the_database(fresh_settings, replica):
    async with replica(fresh_settings) as parts:
        key = await parts.ensure_signing_key()
        private = parts.signer.open(key.material).private_bytes_raw()
        async with parts.uow.system() as tx:
            row = await tx.tenant.connection.fetchrow("SELECT * FROM signing_keys")
        assert private not in row["sealed_private_key"]
        assert private != row["public_key"]


async def test_another_key_encryption_key_stops_the_start(fresh_settings, replica):
    async with replica(fresh_settings) as parts:
        await bootstrap.prepare(parts, BootstrapAdmin())
    changed = fresh_settings.model_copy(
        update={"key_encryption_key": type(fresh_settings.key_encryption_key)(base64.b64encode(b"x" * 32).decode())}
    )
    async with replica(changed) as parts:
        with pytest.raises(SigningKeyUnreadable):
            await bootstrap.prepare(parts, BootstrapAdmin())


async def test_a_key_is_followed_by_another_and_published_until_its_tokens_are_gone(fresh_settings, inhabit):
    async with inhabit(fresh_settings) as world:
        person = await world.person()

        async def key_of_new_token():
            return jwt.get_unverified_header((await world.sign_in(person)).access.access_token)["kid"]

        async def published():
            document = (await world.sessions.GetJwks(sessions_pb2.GetJwksRequest())).jwks
            return [key["kid"] for key in json.loads(document)["keys"]]

        first = await key_of_new_token()
        assert await published() == [first]
        world.clock.shift = timedelta(days=89)
        assert await key_of_new_token() == first
        world.clock.shift = timedelta(days=90, seconds=1)
        second = await key_of_new_token()
        assert second != first
        assert await published() == [first, second]
        world.clock.shift = timedelta(days=90, hours=2)
        assert await published() == [second]


async def test_replicas_that_need_the_next_key_at_once_make_one(fresh_settings, replica):
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(replica(fresh_settings))
        old = await first.ensure_signing_key()

        def later():
            return utc_now() + timedelta(days=91)

        replicas = [await stack.enter_async_context(replica(fresh_settings, later)) for _ in range(3)]
        made = await asyncio.gather(*(parts.ensure_signing_key() for parts in replicas))
        assert len({key.material.id for key in made}) == 1
        assert made[0].material.id != old.material.id
        Ed25519Signer(*fresh_settings.key_encryption_keys).open(made[0].material)
