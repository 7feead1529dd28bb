"""The live feed over a real WebSocket, with events from a real Kafka."""

import asyncio
import json
import socket
from uuid import uuid4

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from assay.auth.v1.events_pb2 import ApiKeyRevoked
from assay.evaluation.v1.events_pb2 import RunCompleted
from assay.prompt.v1.events_pb2 import LabelMoved, PromptCreated
from assay_gateway.application.live_feed import QUEUE_SIZE
from assay_protos import topics


@pytest.fixture
def url(gateway):
    return f"ws://{gateway.address}/ws/live"


@pytest.fixture
def moved():
    return LabelMoved(prompt_id=str(uuid4()), name="greeting", label="production", version=2)


async def next_event(websocket):
    """The next event; pings are passed over."""
    async with asyncio.timeout(30):
        while True:
            message = json.loads(await websocket.recv())
            if message["type"] == "event":
                return message["event"]


async def closed_with(websocket):
    async with asyncio.timeout(30):
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                await websocket.recv()
        return closed.value.rcvd.code if closed.value.rcvd else 1006


def in_header(url, token):
    return connect(url, additional_headers={"authorization": f"Bearer {token}"}, proxy=None)


def in_query(url, token):
    return connect(f"{url}?token={token}", proxy=None)


@pytest.mark.parametrize("how", [in_header, in_query])
async def test_events_come_as_they_happen(how, url, gateway, token, org, publish, moved):
    await gateway.ready()
    async with how(url, token) as websocket:
        sent = await publish(topics.PROMPT_EVENTS, moved, org=org, key=moved.prompt_id)
        event = await next_event(websocket)
    assert event == {
        "id": str(sent.id),
        "type": "assay.prompt.v1.LabelMoved",
        "source": "prompt",
        "time": sent.time.isoformat().replace("+00:00", "Z"),
        "subject": moved.prompt_id,
        "data": {
            "prompt_id": moved.prompt_id,
            "name": "greeting",
            "label": "production",
            "version": 2,
            "previous_version": 0,
            "gate_decision_id": "",
        },
    }


async def test_the_first_message_may_say_who(url, gateway, token, org, publish, moved):
    await gateway.ready()
    async with connect(url, proxy=None) as websocket:
        await websocket.send(json.dumps({"type": "authenticate", "token": token}))
        assert json.loads(await websocket.recv()) == {"type": "authenticated"}
        await publish(topics.PROMPT_EVENTS, moved, org=org, key="k")
        assert (await next_event(websocket))["data"]["prompt_id"] == moved.prompt_id


async def test_an_api_key_may_listen_until_it_is_revoked(url, gateway, backend, org, publish, moved):
    await gateway.ready()
    key, key_id = backend.issue_key("prompts:read", org=org)
    async with in_header(url, key) as websocket:
        await publish(topics.PROMPT_EVENTS, moved, org=org, key="k")
        assert (await next_event(websocket))["data"]["prompt_id"] == moved.prompt_id
        await publish(topics.AUTH_EVENTS, ApiKeyRevoked(api_key_id=str(key_id)), org=org)
        assert await closed_with(websocket) == 4001


async def test_one_hears_of_ones_own_organisation_and_what_one_may_read(url, gateway, issuer, org, publish, moved):
    await gateway.ready()
    async with in_header(url, issuer.token("prompts:read", org=org)) as websocket:
        run = RunCompleted()
        run.run.id = "r"
        await publish(topics.PROMPT_EVENTS, moved, org=uuid4(), key="k")
        await publish(topics.EVALUATION_EVENTS, run, org=org, key="k")
        mine = PromptCreated(prompt_id=str(uuid4()), name="x")
        await publish(topics.PROMPT_EVENTS, mine, org=org, key="k")
        assert (await next_event(websocket))["data"]["prompt_id"] == mine.prompt_id


@pytest.mark.parametrize("how", [in_header, in_query])
@pytest.mark.parametrize("token", ["garbage", "assay_unknown"])
async def test_a_token_that_does_not_hold_is_refused_before_the_connection(how, token, url):
    with pytest.raises(InvalidStatus) as refused:
        async with how(url, token):
            pass
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize(
    "message",
    ['{"type":"authenticate","token":"garbage"}', '{"type":"authenticate"}', '{"type":"hello"}', "[]", "no json", "{"],
)
async def test_a_first_message_that_does_not_say_who_is_4401(message, url):
    async with connect(url, proxy=None) as websocket:
        await websocket.send(message)
        assert await closed_with(websocket) == 4401


async def test_bytes_instead_of_text_are_4401(url):
    async with connect(url, proxy=None) as websocket:
        await websocket.send(b"\x00\xff")
        assert await closed_with(websocket) == 4401


async def test_who_says_nothing_is_4401(make_gateway, backend):
    gateway = await make_gateway(backend, live={"authenticate_seconds": 0.1})
    async with connect(f"ws://{gateway.address}/ws/live", proxy=None) as websocket:
        assert await closed_with(websocket) == 4401


async def test_a_token_without_organisation_is_refused(url, issuer):
    with pytest.raises(InvalidStatus):
        async with in_header(url, issuer.token("prompts:read")):
            pass
    async with connect(url, proxy=None) as websocket:
        await websocket.send(json.dumps({"type": "authenticate", "token": issuer.token("prompts:read")}))
        assert await closed_with(websocket) == 4003


async def test_the_connection_ends_with_its_token(url, issuer, org):
    async with in_header(url, issuer.token("prompts:read", org=org, lifetime=2)) as websocket:
        assert await closed_with(websocket) == 4001


async def test_a_quiet_feed_has_a_heartbeat(make_gateway, backend, token):
    gateway = await make_gateway(backend, live={"heartbeat_seconds": 0.05})
    async with in_header(f"ws://{gateway.address}/ws/live", token) as websocket:
        assert json.loads(await websocket.recv()) == {"type": "ping"}
        assert json.loads(await websocket.recv()) == {"type": "ping"}


async def test_a_stopping_gateway_says_goodbye(url, gateway, token):
    async with in_header(url, token) as websocket:
        gateway.lifecycle.stop()
        assert await closed_with(websocket) == 1001


async def test_who_reads_too_slowly_is_let_go_and_the_others_go_on(url, gateway, token, org, publish):
    await gateway.ready()
    big = "x" * 100_000
    async with (
        connect(
            url,
            additional_headers={"authorization": f"Bearer {token}"},
            proxy=None,
            sock=_small_socket(gateway),
            max_queue=1,
        ) as slow,
        in_header(url, token) as fast,
    ):
        count = QUEUE_SIZE + 150
        hearing = asyncio.create_task(_hear(fast, count))
        for number in range(count):
            created = PromptCreated(prompt_id=str(number), name="x", description=big)
            await publish(topics.PROMPT_EVENTS, created, org=org, key="same")
        assert await hearing == [str(number) for number in range(count)]
        # The farewell (4008) stands behind megabytes that nobody has read; after a second the line is cut.
        assert await closed_with(slow) in (4008, 1006)


async def _hear(websocket, count):
    return [(await next_event(websocket))["data"]["prompt_id"] for _ in range(count)]


def _small_socket(gateway):
    """A connection whose kernel buffers hold little, so that a reader who does not read is felt."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.setblocking(True)
    connection.connect(("127.0.0.1", gateway.port))
    return connection


async def test_listening_too_often_is_refused(make_gateway, backend, token):
    gateway = await make_gateway(backend, limits={"per_second": 0.01, "burst": 1})
    url = f"ws://{gateway.address}/ws/live"
    async with in_header(url, token):
        pass
    with pytest.raises(InvalidStatus):
        async with in_header(url, token):
            pass


async def test_listeners_are_counted(url, gateway, token, eventually):
    async def listeners(count):
        metrics = (await gateway.http.get("/metrics")).text
        return f"gateway_live_connections {count}.0" in metrics

    async with in_header(url, token):
        await eventually(lambda: listeners(1))
    await eventually(lambda: listeners(0))
