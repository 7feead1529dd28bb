"""Safe by default: what browsers are told, who is said to ask, and what a strange client can hold up."""

import asyncio
import json
import re
import time

import httpx
import pytest

from assay_common.origin import origin
from assay_gateway.entrypoints.http.security import policy_for_page

PAGE = "https://app.example.org"


async def metric(gateway, name):
    lines = (await gateway.http.get("/metrics")).text.splitlines()
    return next(float(line.split()[-1]) for line in lines if line.startswith(name + " "))


@pytest.mark.parametrize("path", ["/v1/prompts/x", "/v1/prompts/x/resolve", "/v1/nowhere", "/openapi.json", "/docs"])
async def test_every_answer_is_safe_to_show(path, client):
    for _ in range(2):  # the second hot read comes from memory
        headers = (await client.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "strict-transport-security" not in headers
        assert "no-store" in headers["cache-control"] or "no-cache" in headers["cache-control"]


async def test_an_answer_does_nothing_in_a_browser_and_in_no_frame(client):
    for path in ("/v1/prompts/x", "/v1/nowhere"):
        policy = (await client.get(path)).headers["content-security-policy"]
        assert policy == "default-src 'none'; frame-ancestors 'none'"


async def test_the_documentation_runs_no_script_but_its_own(gateway):
    answered = await gateway.http.get("/docs")
    policy = answered.headers["content-security-policy"]
    assert policy == policy_for_page(answered.text)
    assert re.search(r"script-src 'self' 'sha256-[A-Za-z0-9+/]{43}=';", policy)
    assert "http" not in policy


async def test_with_tls_in_front_browsers_are_told_to_stay_with_it(make_gateway, backend, token):
    gateway = await make_gateway(backend, public_url="https://assay.example.org")
    for path in ("/v1/prompts/x", "/v1/prompts/x/resolve", "/v1/prompts/x/resolve"):
        answered = await gateway.http.get(path, headers={"authorization": f"Bearer {token}"})
        assert answered.headers["strict-transport-security"] == "max-age=31536000"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/sessions", {"email": "a@example.org", "password": "x"}),
        ("POST", "/v1/sessions/refresh", {"refresh_token": "x"}),
        ("POST", "/v1/api-keys", {"name": "ci", "scopes": ["prompts:read"]}),
    ],
)
async def test_credentials_are_kept_by_nobody(method, path, body, client):
    answered = await client.request(method, path, json=body)
    assert answered.status_code == 201
    assert answered.headers["cache-control"] == "no-store"


async def test_no_page_may_call_unless_its_origin_is_named(gateway, make_gateway, backend, token):
    asking = {"origin": PAGE, "access-control-request-method": "POST", "access-control-request-headers": "if-match"}
    refused = await gateway.http.options("/v1/prompts", headers=asking)
    assert not [name for name in refused.headers if name.startswith("access-control")]
    opened = await make_gateway(backend, cors={"origins": f"https://other.example.org, {PAGE}"})
    allowed = await opened.http.options("/v1/prompts", headers=asking)
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == PAGE
    assert "access-control-allow-credentials" not in allowed.headers
    stranger = await opened.http.options("/v1/prompts", headers={**asking, "origin": "https://evil.example.org"})
    assert "access-control-allow-origin" not in stranger.headers
    for _ in range(2):
        read = await opened.http.get(
            "/v1/prompts/x/resolve", headers={"origin": PAGE, "authorization": f"Bearer {token}"}
        )
        assert read.headers["access-control-allow-origin"] == PAGE
        assert "ETag" in read.headers["access-control-expose-headers"]


async def test_services_learn_where_a_request_comes_from(make_gateway, backend, token):
    seen = []

    async def answer(request):
        seen.append(origin())
        return backend.fill(request.DESCRIPTOR.file.message_types_by_name["Prompt"])

    backend.answers["GetPrompt"] = answer
    headers = {"authorization": f"Bearer {token}", "user-agent": "tests/1", "x-forwarded-for": "203.0.113.9"}
    for trusted in ("", "127.0.0.1"):
        gateway = await make_gateway(backend, http={"trusted_proxies": trusted})
        assert (await gateway.http.get("/v1/prompts/x", headers=headers)).status_code == 200
    assert [(found.address, found.user_agent) for found in seen] == [
        ("127.0.0.1", "tests/1"),
        ("203.0.113.9", "tests/1"),
    ]


@pytest.mark.parametrize(
    "headers",
    [{f"x-{number}": "y" for number in range(120)}, {"x-large": "y" * 40_000}],
    ids=["many", "large"],
)
async def test_more_headers_than_anybody_needs_are_431(headers, client, backend):
    answered = await client.get("/v1/prompts/x", headers=headers)
    assert answered.status_code == 431
    assert answered.json()["reason"] == "REQUEST_HEADER_FIELDS_TOO_LARGE"
    assert answered.headers["x-request-id"]
    assert backend.asked("GetPrompt") == []
    assert (await client.get("/v1/prompts/x")).status_code == 200


class Raw:
    """A connection on which a test writes what it likes."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    @classmethod
    async def to(cls, gateway):
        return cls(*await asyncio.open_connection("127.0.0.1", gateway.port))

    async def send(self, data):
        self.writer.write(data)
        await self.writer.drain()

    async def rest(self, seconds=10):
        """What comes until the other side closes."""
        return await asyncio.wait_for(self.reader.read(), seconds)

    async def trickle(self, data, seconds=10):
        """Send byte by byte until the other side says something, which is returned."""
        async with asyncio.timeout(seconds):
            reading = asyncio.create_task(self.reader.read(64 * 1024))
            for byte in data:
                if reading.done():
                    break
                self.writer.write(bytes([byte]))
                await asyncio.wait([reading], timeout=0.02)
            return await reading

    def close(self):
        self.writer.close()


@pytest.fixture
async def hasty(make_gateway, backend):
    return await make_gateway(backend, http={"head_seconds": 0.3, "body_idle_seconds": 0.3, "deadline_seconds": 1.0})


async def test_a_head_without_end_is_431_before_it_fills_the_memory(hasty):
    raw = await Raw.to(hasty)
    await raw.send(b"GET / HTTP/1.1\r\nx-large: " + b"y" * 64 * 1024)
    answered = await raw.rest()
    assert answered.startswith(b"HTTP/1.1 431 ")
    assert b"application/problem+json" in answered
    raw.close()


async def test_who_connects_and_says_nothing_is_sent_away(hasty):
    raw = await Raw.to(hasty)
    assert (await raw.rest()).startswith(b"HTTP/1.1 408 ")
    raw.close()


@pytest.mark.parametrize("before", [b"", b"GET /v1/nowhere HTTP/1.1\r\nhost: x\r\n\r\n"], ids=["first", "kept alive"])
async def test_a_head_that_comes_byte_by_byte_is_408(before, hasty):
    raw = await Raw.to(hasty)
    if before:
        await raw.send(before)
        await raw.reader.readuntil(b"}")
    answered = await raw.trickle(b"GET /v1/prompts HTTP/1.1\r\nx-slow: " + b"y" * 2000)
    assert b"HTTP/1.1 408 " in answered
    raw.close()


async def test_empty_lines_do_not_keep_a_connection(hasty):
    raw = await Raw.to(hasty)
    await raw.send(b"GET /v1/nowhere HTTP/1.1\r\nhost: x\r\n\r\n")
    await raw.reader.readuntil(b"}")
    assert b"HTTP/1.1 408 " in await raw.trickle(b"\r\n" * 1000)
    raw.close()


async def test_a_body_that_stops_or_crawls_is_408(hasty, token, backend):
    head = (
        b"POST /v1/prompts HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 5000\r\n"
        b"authorization: Bearer " + token.encode() + b"\r\n\r\n"
    )
    stopped = await Raw.to(hasty)
    await stopped.send(head + b'{"name":')
    answered = await stopped.rest()
    assert answered.startswith(b"HTTP/1.1 408 ")
    assert json.loads(answered.partition(b"\r\n\r\n")[2].splitlines()[-1])["reason"] == "REQUEST_TIMEOUT"
    crawling = await Raw.to(hasty)
    await crawling.send(head)
    started = time.monotonic()
    assert (await crawling.trickle(b" " * 4000, seconds=15)).startswith(b"HTTP/1.1 408 ")
    assert time.monotonic() - started < 5
    assert backend.asked("CreatePrompt") == []
    for raw in (stopped, crawling):
        raw.close()


async def test_slow_connections_hold_up_nobody(hasty, token):
    slow = [await Raw.to(hasty) for _ in range(200)]
    for raw in slow:
        await raw.send(b"POST /v1/prompts HTTP/1.1\r\n")
    answered = await hasty.http.get("/v1/prompts/x", headers={"authorization": f"Bearer {token}"})
    assert answered.status_code == 200
    for raw in slow:
        assert (await raw.rest()).startswith(b"HTTP/1.1 408 ")
        raw.close()


@pytest.fixture
def slow_prompts(backend):
    """GetPrompt waits for `release`."""
    release = asyncio.Event()
    default = backend.fill

    async def answer(request):
        await release.wait()
        return default(request.DESCRIPTOR.file.message_types_by_name["Prompt"])

    backend.answers["GetPrompt"] = answer
    return release


async def test_a_full_queue_turns_requests_away_at_once(make_gateway, backend, token, slow_prompts, eventually):
    gateway = await make_gateway(backend, http={"max_concurrent": 2, "max_queued": 3})
    await gateway.ready()  # From now on events are followed, and what is read is remembered.
    headers = {"authorization": f"Bearer {token}"}
    assert (await gateway.http.get("/v1/prompts/x/resolve", headers=headers)).status_code == 200
    asked = [asyncio.create_task(gateway.http.get("/v1/prompts/x", headers=headers)) for _ in range(5)]

    async def full():
        counted = [await metric(gateway, f"gateway_requests_{name}") for name in ("running", "queued")]
        return counted == [2, 3]

    await eventually(full)
    refused = await gateway.http.get("/v1/prompts/x", headers=headers)
    assert (refused.status_code, refused.json()["reason"]) == (503, "OVERLOADED")
    assert int(refused.headers["retry-after"]) >= 1
    assert refused.headers["x-request-id"]
    # What is answered from memory waits for nobody, and operators are let in.
    assert (await gateway.http.get("/v1/prompts/x/resolve", headers=headers)).status_code == 200
    assert (await gateway.http.get("/healthz")).status_code == 200
    assert len(backend.asked("GetPrompt")) == 2
    slow_prompts.set()
    assert [answered.status_code for answered in await asyncio.gather(*asked)] == [200] * 5
    assert await metric(gateway, "gateway_requests_turned_away_total") >= 1
    assert (await gateway.http.get("/v1/prompts/x", headers=headers)).status_code == 200


async def test_nobody_queues_for_ever(make_gateway, backend, token, slow_prompts, eventually):
    gateway = await make_gateway(backend, http={"max_concurrent": 1, "max_queued": 3, "queue_seconds": 0.1})
    headers = {"authorization": f"Bearer {token}"}
    first = asyncio.create_task(gateway.http.get("/v1/prompts/x", headers=headers))
    await eventually(lambda: backend.asked("GetPrompt"))
    waited = await gateway.http.get("/v1/prompts/x", headers=headers)
    assert (waited.status_code, waited.json()["reason"]) == (503, "OVERLOADED")
    slow_prompts.set()
    assert (await first).status_code == 200


async def test_who_leaves_the_queue_takes_no_place(make_gateway, backend, token, slow_prompts):
    gateway = await make_gateway(backend, http={"max_concurrent": 1, "max_queued": 10})
    headers = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=f"http://{gateway.address}", headers=headers) as impatient:
        for _ in range(5):
            with pytest.raises(httpx.ReadTimeout):
                await impatient.get("/v1/prompts/x", timeout=0.1)
    slow_prompts.set()
    assert (await gateway.http.get("/v1/prompts/x", headers=headers)).status_code == 200
