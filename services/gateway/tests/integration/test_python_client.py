"""The Python client against the real gateway: what it promises when the gateway is killed, and on its live feed."""

import asyncio
import logging
import os
import socket
import sys
from contextlib import aclosing, asynccontextmanager
from uuid import uuid4

import httpx
import pytest

from assay.prompt.v1 import prompts_pb2
from assay.prompt.v1.events_pb2 import LabelMoved
from assay.type.v1.visibility_pb2 import VISIBILITY_ORGANISATION
from assay_client import AsyncAssay, CachePolicy, Event, Problem
from assay_common.errors import NotFound
from assay_protos import topics


class PromptNotFound(NotFound):
    pass


def version(number):
    content = prompts_pb2.Content(text="Hello {{ name }}")
    known = {"prompt_id": str(uuid4()), "prompt_name": "greeting", "variables": ["name"]}
    return prompts_pb2.Version(number=number, content=content, visibility=VISIBILITY_ORGANISATION, **known)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


@pytest.fixture
async def started(backend, valkey, kafka, kafka_settings):
    """`async with started(port)`: a gateway in a process of its own, which is killed at the end."""
    target = f"127.0.0.1:{backend.port}"

    @asynccontextmanager
    async def start(port):
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("ASSAY_")},
            "ASSAY_HTTP__LISTEN": f"127.0.0.1:{port}",
            "ASSAY_OPS__LISTEN": "127.0.0.1:0",
            "ASSAY_VALKEY__URL": valkey.url,
            "ASSAY_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
            **{f"ASSAY_TARGETS__{name}": target for name in ("AUTH", "PROMPT", "EVALUATION", "AUDIT", "ANALYTICS")},
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "assay_gateway", "serve", env=environment, stdout=asyncio.subprocess.DEVNULL
        )
        try:
            await _answers(f"http://127.0.0.1:{port}/readyz")
            yield
        finally:
            process.kill()
            await process.wait()

    return start


async def _answers(url):
    async with asyncio.timeout(90), httpx.AsyncClient() as http:
        while True:
            try:
                if (await http.get(url)).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.1)


async def test_a_prompt_is_served_while_the_gateway_is_away(started, backend, token, caplog, tmp_path, eventually):
    port = free_port()
    policy = CachePolicy(fresh_seconds=0, stale_seconds=0, folder=tmp_path)
    async with AsyncAssay(f"http://127.0.0.1:{port}", api_key=token, cache=policy) as client:
        backend.answers["ResolveVersion"] = version(1)
        async with started(port):
            served = await client.prompt("greeting", label="production")
            assert (served.number, served.is_stale) == (1, False)
            assert served.render(name="Ada") == [{"role": "user", "content": "Hello Ada"}]
        with caplog.at_level(logging.INFO, "assay_client"):
            away = await client.prompt("greeting", label="production")
        assert (away.number, away.is_stale) == (1, True)
        assert "does not answer" in caplog.text
        async with AsyncAssay(f"http://127.0.0.1:{port}", api_key=token, cache=policy) as restarted:
            assert (await restarted.prompt("greeting", label="production")).number == 1
        backend.answers["ResolveVersion"] = version(2)
        async with started(port):

            async def is_fresh():
                return not (await client.prompt("greeting", label="production")).is_stale

            # It is left alone for some seconds after it did not answer.
            await eventually(is_fresh)
            assert (await client.prompt("greeting", label="production")).number == 2


async def test_the_clients_live_feed_goes_on_where_it_was_left(gateway, token, org, publish):
    await gateway.ready()
    moved = [LabelMoved(prompt_id=str(uuid4()), name="greeting", label="production", version=n) for n in (1, 2, 3)]
    async with AsyncAssay(f"http://{gateway.address}", api_key=token) as client:
        told = asyncio.Queue()

        async def listen():
            async with aclosing(client.events(["prompt"])) as events:
                async for event in events:
                    await told.put(event)

        listening = asyncio.create_task(listen())
        async with asyncio.timeout(30):
            while told.empty():  # until the listener is there
                await publish(topics.PROMPT_EVENTS, moved[0], org=org)
                await asyncio.sleep(0.2)
        first = await told.get()
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        assert isinstance(first, Event)
        assert (first.type, first.data["version"]) == ("assay.prompt.v1.LabelMoved", 1)
        await publish(topics.PROMPT_EVENTS, moved[1], org=org)
        await publish(topics.PROMPT_EVENTS, moved[2], org=org)
        heard = []
        async with asyncio.timeout(30), aclosing(client.events(["prompt"], after=first.cursor)) as events:
            async for event in events:
                heard.append(event.data["version"])
                if event.data["version"] == 3:
                    break
        assert heard[-2:] == [2, 3]


async def test_a_change_under_one_key_is_made_once_and_a_refusal_is_typed(gateway, backend, token):
    async with AsyncAssay(f"http://{gateway.address}", api_key=token) as client:
        for _ in range(2):
            await client.prompts.create_prompt({"name": "greeting"}, idempotency_key="once")
        assert len(backend.asked("CreatePrompt")) == 1
        backend.answers["GetPrompt"] = PromptNotFound("no prompt greeting")
        with pytest.raises(Problem) as refused:
            await client.prompts.get_prompt("greeting")
        assert (refused.value.status, refused.value.reason) == (404, "PROMPT_NOT_FOUND")
        assert refused.value.type.endswith("/prompt-not-found")
        assert refused.value.request_id
