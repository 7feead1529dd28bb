"""The live feed over a real WebSocket, with events from a real Kafka."""

import asyncio
import json
import random
import socket
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from uuid import uuid4

import psutil
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from assay.audit.v1.events_pb2 import AuditStarted
from assay.auth.v1.events_pb2 import ApiKeyRevoked
from assay.evaluation.v1.events_pb2 import RunCompleted
from assay.prompt.v1.events_pb2 import LabelMoved, PromptCreated
from assay_gateway.application.live_feed import QUEUE_SIZE
from assay_gateway.domain.cursor import Cursor
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
        assert json.loads(await websocket.recv())["type"] == "subscribed"
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


async def test_a_quiet_feed_has_a_heartbeat_that_says_where_one_stands(make_gateway, backend, token):
    gateway = await make_gateway(backend, live={"heartbeat_seconds": 0.05})
    await gateway.ready()
    async with in_header(f"ws://{gateway.address}/ws/live", token) as websocket:
        greeting, *pings = [json.loads(await websocket.recv()) for _ in range(3)]
    assert greeting["type"] == "subscribed"
    assert greeting["topics"] == ["audit", "auth", "evaluation", "prompt"]
    assert [ping["type"] for ping in pings] == ["ping", "ping"]
    assert Cursor.decode(pings[-1]["id"]).reaches(Cursor.decode(greeting["id"]))


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


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="only Linux can")
async def test_the_connection_of_who_does_not_read_is_cut(make_gateway, backend, token, org, publish, eventually):
    gateway = await make_gateway(backend, http={"listen": "127.0.0.1:0", "unread_seconds": 1})
    await gateway.ready()
    silent = _small_socket(gateway)
    request = f"GET /v1/live HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n"
    await asyncio.to_thread(silent.sendall, request.encode())
    own = silent.getsockname()

    def is_connected():
        return any(
            each.raddr == own and each.status != "CLOSE_WAIT" for each in psutil.Process().net_connections("tcp")
        )

    # Once it has begun: what is published before is not told, and an empty connection is not unread.
    assert (await asyncio.to_thread(silent.recv, 16)).startswith(b"HTTP/1.1 200")
    assert is_connected()
    big = PromptCreated(prompt_id="p", name="x", description="x" * 100_000)
    for _ in range(QUEUE_SIZE + 150):
        await publish(topics.PROMPT_EVENTS, big, org=org, key="same")
    await eventually(lambda: not is_connected(), seconds=90)
    silent.close()


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


async def test_topics_are_chosen_by_address_and_by_message(url, gateway, token, org, publish, moved):
    await gateway.ready()
    created, run = PromptCreated(prompt_id="p", name="x"), RunCompleted()

    async def send_all():
        await publish(topics.EVALUATION_EVENTS, run, org=org, key="k")
        await publish(topics.PROMPT_EVENTS, created, org=org, key="k")
        await publish(topics.PROMPT_EVENTS, moved, org=org, key="k")

    async with in_header(f"{url}?topics=assay.prompt.v1.LabelMoved", token) as websocket:
        assert json.loads(await websocket.recv())["topics"] == ["assay.prompt.v1.LabelMoved"]
        await send_all()
        assert (await next_event(websocket))["type"] == "assay.prompt.v1.LabelMoved"
        await websocket.send('{"type":"subscribe","topics":["evaluation"]}')
        await websocket.send('{"type":"unsubscribe","topics":["prompt"]}')
        answers = [json.loads(await websocket.recv())["topics"] for _ in range(2)]
        assert answers == [["evaluation", "assay.prompt.v1.LabelMoved"], ["evaluation"]]
        await send_all()
        assert (await next_event(websocket))["type"] == "assay.evaluation.v1.RunCompleted"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("x", "MALFORMED_JSON"),
        ("[]", "UNKNOWN_MESSAGE"),
        ('{"type":"hello"}', "UNKNOWN_MESSAGE"),
        ('{"type":"subscribe","topics":[]}', "UNKNOWN_MESSAGE"),
        ('{"type":"subscribe","topics":["promt"]}', "UNKNOWN_TOPIC"),
    ],
)
async def test_who_says_something_wrong_is_told_so_and_stays(url, token, said, reason):
    async with in_header(url, token) as websocket:
        await websocket.recv()
        await websocket.send(said)
        assert json.loads(await websocket.recv())["reason"] == reason
        await websocket.send('{"type":"ping"}')
        assert json.loads(await websocket.recv()) == {"type": "pong"}


async def test_who_says_too_much_is_sent_away(make_gateway, backend, token):
    gateway = await make_gateway(backend, limits={"per_second": 0.01, "burst": 3})
    async with in_header(f"ws://{gateway.address}/ws/live", token) as websocket:
        for _ in range(5):
            await websocket.send('{"type":"ping"}')
        assert await closed_with(websocket) == 1013


@pytest.mark.parametrize("query", ["topics=promt", "after=nonsense", "after=AgAA"])
async def test_what_cannot_be_understood_is_4400_or_422(query, url, gateway, token):
    async with in_header(f"{url}?{query}", token) as websocket:
        assert await closed_with(websocket) == 4400
    answered = await gateway.http.get(f"/v1/live?{query}", headers={"authorization": f"Bearer {token}"})
    assert answered.status_code == 422
    assert answered.json()["errors"][0]["pointer"] in ("/topics", "/after")


async def test_audit_updates_are_what_happens_to_repositories_and_audits(gateway, token, org, publish, moved):
    await gateway.ready()
    async with in_header(f"ws://{gateway.address}/ws/audit-updates", token) as websocket:
        await publish(topics.PROMPT_EVENTS, moved, org=org, key="k")
        await publish(topics.AUDIT_EVENTS, AuditStarted(audit_id="a"), org=org, key="k")
        assert (await next_event(websocket))["type"] == "assay.audit.v1.AuditStarted"


async def test_what_is_private_is_told_to_its_creator_and_to_administrators(url, gateway, issuer, org, publish, moved):
    await gateway.ready()
    creator = uuid4()
    tokens = {
        "creator": issuer.token("prompts:read", org=org, sub=creator, role="member"),
        "admin": issuer.token("prompts:read", org=org, role="admin"),
        "member": issuer.token("prompts:read", org=org, role="member"),
    }
    async with AsyncExitStack() as stack:
        listeners = {who: await stack.enter_async_context(in_header(url, token)) for who, token in tokens.items()}
        await publish(topics.PROMPT_EVENTS, moved, org=org, key="k", private_to=creator)
        shared = PromptCreated(prompt_id="shared", name="x")
        await publish(topics.PROMPT_EVENTS, shared, org=org, key="k")
        first = {who: (await next_event(listener))["data"]["prompt_id"] for who, listener in listeners.items()}
    assert first == {"creator": moved.prompt_id, "admin": moved.prompt_id, "member": "shared"}


async def test_a_key_limited_to_prompts_hears_only_of_those(url, gateway, issuer, org, publish, moved):
    await gateway.ready()
    key = issuer.token("prompts:read", org=org, kind="api_key", prompts=["mine"])
    async with in_header(url, key) as websocket:
        await publish(topics.PROMPT_EVENTS, moved, org=org, key="k")
        await publish(topics.PROMPT_EVENTS, PromptCreated(prompt_id="p", name="mine"), org=org, key="k")
        assert (await next_event(websocket))["data"]["name"] == "mine"


async def test_a_listener_is_one_task_while_nothing_happens(url, gateway, token):
    await gateway.ready()
    async with AsyncExitStack() as stack:
        before = len(asyncio.all_tasks())
        listeners = [await stack.enter_async_context(in_header(url, token)) for _ in range(20)]
        for listener in listeners:
            await listener.recv()
        tasks = len(asyncio.all_tasks()) - before
    assert tasks <= 20 * 2  # The listener's own, and its client's.


# Server-sent events


class Stream:
    """A reader of server-sent events."""

    def __init__(self, answered):
        self._lines = answered.aiter_lines()
        self.id = None

    async def next(self):
        """The next event with data, as (kind, data); ids are remembered as browsers do."""
        kind, data = "message", []
        async with asyncio.timeout(30):
            async for line in self._lines:
                name, _, value = line.partition(": ")
                match name:
                    case "id":
                        self.id = value
                    case "event":
                        kind = value
                    case "data":
                        data.append(value)
                    case "" if data and not line:
                        return kind, json.loads("\n".join(data))
        raise EOFError


@asynccontextmanager
async def stream_of(gateway, token, query="", **headers):
    headers = {"authorization": f"Bearer {token}"} | {name.replace("_", "-"): value for name, value in headers.items()}
    async with gateway.http.stream("GET", f"/v1/live{query}", headers=headers) as answered:
        assert answered.status_code == 200
        assert answered.headers["content-type"].startswith("text/event-stream")
        assert answered.headers["cache-control"] == "no-store"
        yield Stream(answered)


async def test_events_come_as_server_sent_events_too(gateway, token, org, publish, moved):
    await gateway.ready()
    async with stream_of(gateway, token, "?topics=prompt") as stream:
        sent = await publish(topics.PROMPT_EVENTS, moved, org=org, key="k")
        kind, data = await stream.next()
    assert (kind, data["id"], data["data"]["label"]) == ("message", str(sent.id), "production")
    missed = await publish(topics.PROMPT_EVENTS, moved, org=org, key="k")
    async with stream_of(gateway, token, last_event_id=stream.id) as stream:
        _, data = await stream.next()
    assert data["id"] == str(missed.id)
    async with stream_of(gateway, token, f"?after={stream.id}") as stream:
        following = await publish(topics.PROMPT_EVENTS, moved, org=org, key="k")
        _, data = await stream.next()
    assert data["id"] == str(following.id)


async def test_a_stream_needs_a_token_and_an_organisation(gateway, issuer):
    assert (await gateway.http.get("/v1/live")).status_code == 401
    nowhere = issuer.token("prompts:read")
    answered = await gateway.http.get("/v1/live", headers={"authorization": f"Bearer {nowhere}"})
    assert (answered.status_code, answered.json()["reason"]) == (403, "ORGANISATION_NOT_CHOSEN")


async def test_a_stream_ends_with_its_token_and_says_so(gateway, issuer, org):
    async with stream_of(gateway, issuer.token("prompts:read", org=org, lifetime=2)) as stream:
        assert await stream.next() == ("end", {"code": 4001, "reason": "the token has expired"})
        with pytest.raises(EOFError):
            await stream.next()


async def test_a_stream_whose_reader_left_is_listened_to_no_more(gateway, token, eventually):
    async def listeners(count):
        return f"gateway_live_connections {count}.0" in (await gateway.http.get("/metrics")).text

    async with stream_of(gateway, token):
        await eventually(lambda: listeners(1))
    await eventually(lambda: listeners(0))


# Coming back, to whichever replica


async def test_who_was_away_for_too_long_is_told_so(make_gateway, backend, token, org, publish, moved):
    gateway = await make_gateway(backend, live={"replay_bytes": 1})
    await gateway.ready()
    url = f"ws://{gateway.address}/ws/live"
    async with in_header(url, token) as websocket:
        position = json.loads(await websocket.recv())["id"]
        await publish(topics.PROMPT_EVENTS, moved, org=org, key="k")
        await next_event(websocket)
    async with in_header(f"{url}?after={position}", token) as websocket:
        assert json.loads(await websocket.recv())["type"] == "subscribed"
        gap = json.loads(await websocket.recv())
        assert gap["type"] == "gap"
        assert Cursor.decode(gap["id"]).reaches(Cursor.decode(position))
        await publish(topics.PROMPT_EVENTS, moved, org=org, key="k")
        assert (await next_event(websocket))["data"]["prompt_id"] == moved.prompt_id


async def test_whatever_breaks_off_every_event_is_heard_once_and_in_the_order_of_its_key(
    make_gateway, backend, token, org, publish
):
    """Two replicas, of which one dies and another takes its place; the listener is cut off again and again."""
    replicas = [await make_gateway(backend) for _ in range(2)]
    for replica in replicas:
        await replica.ready()
    keys, count, chance = ("a", "b", "c", "d"), 240, random.Random(4)
    heard, position = [], None
    begun, a_third, done = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def speak():
        await begun.wait()
        for number in range(count):
            key = keys[number % len(keys)]
            created = PromptCreated(prompt_id=f"{key}-{number // len(keys):03}", name="x")
            await publish(topics.PROMPT_EVENTS, created, org=org, key=f"{org}-{key}")
            await asyncio.sleep(0.005)
        done.set()

    async def kill_one():
        await begun.wait()
        await a_third.wait()
        replicas[0].lifecycle.stop()
        fresh = await make_gateway(backend)
        await fresh.ready()
        replicas[0] = fresh

    async def listen_for_a_moment(replica):
        nonlocal position
        after = f"?after={position}" if position else ""
        async with in_header(f"ws://{replica.address}/ws/live{after}", token) as websocket:
            until = asyncio.get_running_loop().time() + chance.uniform(0.01, 0.15)
            with suppress(TimeoutError, ConnectionClosed):
                async with asyncio.timeout_at(until):
                    while True:
                        message = json.loads(await websocket.recv())
                        assert message["type"] != "gap"
                        position = message["id"]
                        begun.set()
                        if message["type"] == "event":
                            heard.append(message["event"]["data"]["prompt_id"])
            if chance.random() < 0.5:
                websocket.transport.abort()

    async def listen():
        while len(heard) < count or not done.is_set():
            with suppress(OSError, InvalidStatus):
                await listen_for_a_moment(chance.choice(replicas))
            if len(heard) >= count // 3:
                a_third.set()

    async with asyncio.timeout(120), asyncio.TaskGroup() as tasks:
        for work in (speak, kill_one, listen):
            tasks.create_task(work())
    for key in keys:
        assert [each for each in heard if each.startswith(key)] == [
            f"{key}-{number:03}" for number in range(count // len(keys))
        ]
