"""Subscriptions over a real WebSocket, with events from a real Kafka."""

import asyncio
import json
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from assay.auth.v1.events_pb2 import ApiKeyRevoked
from assay.evaluation.v1 import runs_pb2
from assay.prompt.v1.events_pb2 import LabelMoved
from assay_protos.topics import AUTH_EVENTS, PROMPT_EVENTS

UPDATES = (
    "subscription U($topics: [String!], $after: String) "
    "{ updates(topics: $topics, after: $after) { id event { type subject data } } }"
)


class Socket:
    """One connection, as a client library uses it."""

    def __init__(self, websocket):
        self._websocket = websocket

    async def say(self, **message):
        await self._websocket.send(json.dumps(message))

    async def hear(self):
        async with asyncio.timeout(30):
            return json.loads(await self._websocket.recv())

    async def subscribe(self, query=UPDATES, **variables):
        await self.say(id="1", type="subscribe", payload={"query": query, "variables": variables})

    async def update(self):
        heard = await self.hear()
        assert heard["type"] == "next", heard
        assert "errors" not in heard["payload"], heard
        return heard["payload"]["data"]["updates"]


@asynccontextmanager
async def opened(gateway, token=None, header=None):
    headers = {"authorization": f"Bearer {header}"} if header else {}
    url = f"ws://{gateway.address}/graphql"
    async with connect(url, subprotocols=["graphql-transport-ws"], additional_headers=headers, proxy=None) as websocket:
        socket = Socket(websocket)
        payload = {"authorization": f"Bearer {token}"} if token else None
        await socket.say(type="connection_init", **({"payload": payload} if payload else {}))
        yield socket


@asynccontextmanager
async def accepted(gateway, token):
    async with opened(gateway, token) as socket:
        assert (await socket.hear())["type"] == "connection_ack"
        yield socket


def moved(version=2):
    return LabelMoved(prompt_id=str(uuid4()), name="greeting", label="production", version=version)


@pytest.fixture
async def listening(gateway):
    await gateway.ready()
    return gateway


async def listens(gateway, eventually, number=1):
    """Wait until so many listen: what happens before that is not told."""

    async def counted():
        text = (await gateway.http.get("/metrics")).text
        values = [float(line.split()[-1]) for line in text.splitlines() if line.startswith("gateway_live_connections ")]
        return values and values[0] >= number

    await eventually(counted)


async def test_updates_come_as_they_happen(listening, token, org, publish, eventually):
    async with accepted(listening, token) as socket:
        await socket.subscribe(topics=["prompt"])
        await listens(listening, eventually)
        await publish(AUTH_EVENTS, ApiKeyRevoked(api_key_id=str(uuid4())), org=org)
        await publish(PROMPT_EVENTS, moved(), org=uuid4())
        await publish(PROMPT_EVENTS, moved(), org=org, key="p1")
        update = await socket.update()
    assert update["event"]["type"] == "assay.prompt.v1.LabelMoved"
    assert update["event"]["subject"] == "p1"
    assert update["event"]["data"]["version"] == 2


async def test_a_listener_goes_on_after_an_id(listening, token, org, publish, eventually):
    async with accepted(listening, token) as socket:
        await socket.subscribe()
        await listens(listening, eventually)
        await publish(PROMPT_EVENTS, moved(1), org=org)
        heard = await socket.update()
    for version in (2, 3):
        await publish(PROMPT_EVENTS, moved(version), org=org)
    async with accepted(listening, token) as socket:
        await socket.subscribe(after=heard["id"])
        versions = [(await socket.update())["event"]["data"]["version"] for _ in range(2)]
    assert versions == [2, 3]


async def test_a_revoked_key_hears_no_more(listening, backend, org, publish, eventually):
    key, key_id = backend.issue_key("prompts:read", org=org)
    async with accepted(listening, key) as socket:
        await socket.subscribe()
        await listens(listening, eventually)
        await publish(AUTH_EVENTS, ApiKeyRevoked(api_key_id=str(key_id)), org=org)
        heard = await socket.hear()
        while heard["type"] == "next" and not heard["payload"].get("errors"):
            heard = await socket.hear()
    errors = heard["payload"]["errors"] if heard["type"] == "next" else heard["payload"]
    assert errors[0]["extensions"]["code"] == "REVOKED"


async def test_a_subscription_ends_with_its_token(listening, issuer, org):
    async with accepted(listening, issuer.token("prompts:read", org=org, lifetime=2)) as socket:
        await socket.subscribe()
        heard = await socket.hear()
    errors = heard["payload"]["errors"] if heard["type"] == "next" else heard["payload"]
    assert errors[0]["extensions"]["code"] == "TOKEN_EXPIRED"


async def test_queries_may_come_this_way_too(listening, backend, token):
    backend.answers["BatchGetRuns"] = runs_pb2.BatchGetRunsResponse(runs=[])
    async with accepted(listening, token) as socket:
        await socket.subscribe("{ me { email } }")
        heard = await socket.hear()
        assert heard["payload"]["data"]["me"]["email"]
        assert (await socket.hear())["type"] == "complete"


@pytest.mark.parametrize("bearer", [None, "garbage"])
async def test_who_does_not_say_who_it_is_is_sent_away(listening, bearer):
    async with opened(listening, bearer) as socket:
        with pytest.raises(ConnectionClosed) as closed:
            await socket.hear()
    assert closed.value.rcvd.code == 4403


async def test_a_header_will_do(listening, token):
    async with opened(listening, header=token) as socket:
        assert (await socket.hear())["type"] == "connection_ack"


@pytest.mark.parametrize(
    ("variables", "code"), [({"topics": ["nothing"]}, "UNKNOWN_TOPIC"), ({"after": "?"}, "MALFORMED_CURSOR")]
)
async def test_bad_arguments(listening, token, variables, code):
    async with accepted(listening, token) as socket:
        await socket.subscribe(**variables)
        heard = await socket.hear()
    assert code in json.dumps(heard), heard
