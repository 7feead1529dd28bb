"""What auth takes away stops working at every replica: at once by event, and with the token when Kafka is away."""

import asyncio
import json
import statistics
import time
from uuid import uuid4

import pytest
from aiokafka.errors import KafkaError
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from assay.auth.v1 import events_pb2 as auth
from assay_common.clock import utc_now
from assay_common.ids import new_id
from assay_common.kafka.headers import CloudEvent
from assay_common.kafka.producer import producer
from assay_common.kafka.topics import ensure_topics
from assay_common.settings import KafkaSettings
from assay_gateway.adapters.event_stream import AWAY_SECONDS
from assay_local.components import Kafka
from assay_protos import topics

WITHIN = 1.0
"""Seconds in which a revocation must have reached every replica."""
PERSON, SESSION, KEY = uuid4(), uuid4(), uuid4()


def bearer(token):
    return {"authorization": f"Bearer {token}"}


@pytest.fixture
async def replicas(make_gateway, backend):
    made = [await make_gateway(backend) for _ in range(2)]
    for replica in made:
        await replica.ready()
    return made


async def read(replica, token):
    return await replica.http.get("/v1/prompts/x", headers=bearer(token))


async def refused_by(replica, token):
    """Ask until it is refused; the problem's reason."""
    async with asyncio.timeout(30):
        answered = await read(replica, token)
        while answered.status_code == 200:
            answered = await read(replica, token)
    assert answered.status_code == 401
    return answered.json()["reason"]


@pytest.mark.parametrize(
    ("message", "claims", "reason"),
    [
        (auth.SessionRevoked(session_id=str(SESSION), user_id=str(PERSON)), {"sid": str(SESSION)}, "SESSION_ENDED"),
        (auth.UserDeactivated(user_id=str(PERSON)), {}, "ACCOUNT_DEACTIVATED"),
        (auth.MemberRemoved(user_id=str(PERSON)), {}, "MEMBERSHIP_ENDED"),
        (auth.MemberRoleChanged(user_id=str(PERSON)), {}, "MEMBERSHIP_CHANGED"),
        (auth.OwnershipTransferred(from_user_id=str(PERSON), to_user_id=str(uuid4())), {}, "MEMBERSHIP_CHANGED"),
        (auth.OwnershipTransferred(from_user_id=str(uuid4()), to_user_id=str(PERSON)), {}, "MEMBERSHIP_CHANGED"),
        (auth.ApiKeyRevoked(api_key_id=str(KEY)), {"kind": "api_key", "sub": KEY}, "KEY_REFUSED"),
        (
            auth.ServiceAccountDeleted(service_account_id=str(PERSON)),
            {"kind": "api_key", "sub": KEY, "owner": str(PERSON)},
            "ACCOUNT_DEACTIVATED",
        ),
    ],
    ids=lambda value: type(value).__name__ if hasattr(value, "DESCRIPTOR") else "",
)
async def test_every_replica_refuses_it_and_ends_its_connections(
    replicas, issuer, org, publish, message, claims, reason
):
    # Ids of this test alone: other tests' gateways read the same events.
    ids = {str(each): str(uuid4()) for each in (PERSON, SESSION, KEY)}
    for field, value in message.ListFields():
        setattr(message, field.name, ids.get(value, value))
    own = {name: ids.get(str(value), value) for name, value in {"sub": PERSON, **claims}.items()}
    token = issuer.token("prompts:read", org=org, **own)
    other = issuer.token("prompts:read", org=org, sid=str(uuid4()))
    listening = [
        await connect(f"ws://{replica.address}/ws/live", additional_headers=bearer(token), proxy=None)
        for replica in replicas
    ]
    for replica in replicas:
        assert (await read(replica, token)).status_code == 200
    await asyncio.sleep(
        1.1
    )  # Tokens tell the second in which they were given; those of the same second count as before.
    await publish(topics.AUTH_EVENTS, message, org=org)
    assert await asyncio.gather(*(refused_by(replica, token) for replica in replicas)) == [reason] * 2
    for websocket in listening:
        with pytest.raises(ConnectionClosed) as closed:
            async with asyncio.timeout(10):
                while True:
                    await websocket.recv()
        assert closed.value.rcvd.code == 4001
    for replica in replicas:
        assert (await read(replica, other)).status_code == 200


async def test_it_is_a_matter_of_less_than_a_second(replicas, issuer, org, publish):
    took = []
    for _ in range(9):
        session = uuid4()
        token = issuer.token("prompts:read", org=org, sid=str(session))
        for replica in replicas:
            assert (await read(replica, token)).status_code == 200
        started_at = time.perf_counter()
        closed = auth.SessionRevoked(session_id=str(session), user_id=str(uuid4()))
        await publish(topics.AUTH_EVENTS, closed, org=uuid4())
        await asyncio.gather(*(refused_by(replica, token) for replica in replicas))
        took.append(time.perf_counter() - started_at)
    assert statistics.median(took) < WITHIN


async def test_after_a_change_a_new_token_works(replicas, issuer, org, publish):
    person = uuid4()
    old = issuer.token("prompts:read", org=org, sub=person)
    await publish(topics.AUTH_EVENTS, auth.MemberRoleChanged(user_id=str(person)), org=org)
    for replica in replicas:
        await refused_by(replica, old)
        new = issuer.token("prompts:read", org=org, sub=person, iat=time.time() + 0.001)
        assert (await read(replica, new)).status_code == 200


async def test_a_key_whose_owner_has_another_role_is_asked_for_again(
    replicas, backend, issuer, org, publish, eventually
):
    owner, key_id = uuid4(), uuid4()
    key, _ = backend.issue_key("prompts:read", org=org, sub=key_id)
    backend.keys[key] = issuer.token("prompts:read", org=org, sub=key_id, kind="api_key", owner=str(owner))
    for replica in replicas:
        assert (await read(replica, key)).status_code == 200
    backend.keys[key] = issuer.token("audits:read", org=org, sub=key_id, kind="api_key", owner=str(owner))
    await publish(topics.AUTH_EVENTS, auth.MemberRoleChanged(user_id=str(owner)), org=org)

    async def both_know():
        return [(await read(replica, key)).status_code for replica in replicas] == [403, 403]

    await eventually(both_know)


async def test_a_replica_that_starts_later_knows(make_gateway, backend, issuer, org, publish):
    session = uuid4()
    token = issuer.token("prompts:read", org=org, sid=str(session))
    closed = auth.SessionRevoked(session_id=str(session), user_id=str(uuid4()))
    await publish(topics.AUTH_EVENTS, closed, org=uuid4())
    fresh = await make_gateway(backend)
    await fresh.ready()
    assert (await read(fresh, token)).json()["reason"] == "SESSION_ENDED"


@pytest.mark.chaos
async def test_while_kafka_is_away_a_metric_says_so_and_tokens_live_out_their_life(
    make_gateway, backend, issuer, org, make_site, eventually
):
    kafka = Kafka(make_site())
    await kafka.start()
    settings = KafkaSettings(bootstrap_servers=kafka.bootstrap_servers)
    await ensure_topics(settings, topics.ALL)
    gateway = await make_gateway(backend, kafka=settings)
    await gateway.ready()

    async def metric(name):
        lines = (await gateway.http.get("/metrics")).text.splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))

    async def is_up():
        return await metric("gateway_event_stream_up") == 1

    async def is_away():
        return await metric("gateway_event_stream_up") == 0

    await eventually(is_up)
    session = uuid4()
    token = issuer.token("prompts:read", org=org, sid=str(session))
    # A token is accepted half a minute after its end, for clocks differ.
    short = issuer.token("prompts:read", org=org, lifetime=-22)
    for each in (token, short):
        assert (await read(gateway, each)).status_code == 200
    await kafka.kill()
    await eventually(is_away)
    assert await metric("gateway_event_stream_age_seconds") >= AWAY_SECONDS
    assert (await read(gateway, token)).status_code == 200
    assert (await gateway.http.get("/readyz")).status_code == 200

    async def short_has_ended():
        return (await read(gateway, short)).json().get("reason") == "TOKEN_EXPIRED"

    await eventually(short_has_ended)
    await kafka.start()
    closed = auth.SessionRevoked(session_id=str(session), user_id=str(uuid4()))
    event = CloudEvent(
        id=new_id(), type=closed.DESCRIPTOR.full_name, source="auth", time=utc_now(), subject="x", org_id=uuid4()
    )
    async with producer(settings) as opened:

        async def published():
            try:
                await (
                    await opened.publish(
                        topics.AUTH_EVENTS.name, key="k", event=event, payload=closed.SerializeToString()
                    )
                )
            except (KafkaError, OSError):
                return False
            return True

        await eventually(published, 60)
    assert await refused_by(gateway, token) == "SESSION_ENDED"
    await eventually(is_up)
    await kafka.stop()


@pytest.mark.parametrize(
    ("issued", "ends", "status"),
    [(25, 600, 200), (-600, -25, 200), (40, 600, 401), (-600, -40, 401)],
    ids=["clock behind", "clock ahead", "clock far behind", "clock far ahead"],
)
async def test_clocks_may_differ_by_half_a_minute(replicas, issuer, org, issued, ends, status):
    now = int(time.time())
    token = issuer.token("prompts:read", org=org, iat=now + issued, exp=now + ends)
    for replica in replicas:
        assert (await read(replica, token)).status_code == status


async def test_a_token_that_ended_by_a_clock_that_differs_may_still_listen(replicas, issuer, org):
    token = issuer.token("prompts:read", org=org, lifetime=-20)
    url = f"ws://{replicas[0].address}/ws/live"
    async with connect(url, additional_headers=bearer(token), proxy=None) as websocket:
        assert json.loads(await websocket.recv())["type"] == "subscribed"
