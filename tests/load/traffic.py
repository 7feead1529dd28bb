"""Requests a second: the bare route, the prompt fetch through the gateway, and publishing a version."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from tests.load.client import NUMBER, Figures, Job, measure, request
from tests.load.suite import gateway_port, start_program

from assay_local.stack import Stack
from assay_testing.api import Api

ROUNDS: Final = 5
SECONDS: Final = 2.0
MANY: Final = 32
"""Connections at once; beside it everything is measured with a single one, where waiting for nothing shows."""

PROMPT: Final = "support-triage"
TEXT: Final = """\
You sort the messages that customers send to the support of an online shop. Read the message below and decide which
team has to answer it. There are five teams, and each message goes to exactly one of them:

billing - charges, invoices, refunds, vouchers, and cards that were declined
delivery - parcels that are late, damaged, incomplete, or were sent to the wrong address
returns - goods that the customer wants to send back or exchange, and the labels for that
account - signing in, passwords, addresses, newsletters, and data protection
other - everything else, praise and complaints about the shop as a whole among it

A message may be short, angry, or about several things at once, and it may be in any language; the names of the teams
stay as they are. When two teams could answer, take the one whose answer the customer needs first. Do not explain your
choice, do not greet, and do not answer the customer. Write nothing but the name of the team, in lower
case, without a full stop.

Message from {{ customer }}, written on {{ date }}:
{{ message }}
Team:"""


@dataclass(slots=True)
class Rounds:
    """The same measurement again and again."""

    each: list[Figures] = field(default_factory=list)

    def median(self, beside: Rounds | None = None) -> dict[str, Any]:
        """The medians, and the median of the rounds' ratios to what was measured beside in the same round."""
        found: dict[str, Any] = {
            "rps": round(statistics.median(each.rps for each in self.each), 1),
            "p50_ms": round(statistics.median(each.p50_ms for each in self.each), 3),
            "p99_ms": round(statistics.median(each.p99_ms for each in self.each), 3),
        }
        if beside is not None:
            pairs = zip(self.each, beside.each, strict=True)
            found["ratio_to_bare_fastapi"] = round(statistics.median(own.rps / bare.rps for own, bare in pairs), 3)
        found["rounds"] = [{key: round(value, 3) for key, value in asdict(each).items()} for each in self.each]
        return found


async def measure_reads(stack: Stack, api: Api) -> dict[str, Any]:
    """The bare route, the fetch, and the fetch of what the client has already; round by round, one after the other."""
    api.prompt(PROMPT, TEXT)
    api.put(f"/v1/prompts/{PROMPT}/labels/production", {"version": 1})
    key = api.key("prompts:read")
    path = f"/v1/prompts/{PROMPT}/resolve?label=production"
    answer = api.http.get(path, headers={"authorization": f"Bearer {key}"})
    body = stack.site.folder / "answer.json"
    body.write_bytes(answer.content)
    bare_port = await start_program(stack, "bare-fastapi", "tests.load.bare", str(body))
    tag = f"If-None-Match: {answer.headers['etag']}"
    scenes = {
        "bare_fastapi": (bare_port, request("GET", "/", bearer=key), 200),
        "prompt_fetch": (gateway_port(stack), request("GET", path, bearer=key), 200),
        "prompt_fetch_not_modified": (gateway_port(stack), request("GET", path, bearer=key, headers=[tag]), 304),
    }
    rounds = {(name, connections): Rounds() for name in scenes for connections in (MANY, 1)}
    for _ in range(ROUNDS):
        for connections in (MANY, 1):
            for name, (port, text, status) in scenes.items():
                job = Job(port, [text] * connections, status, SECONDS)
                rounds[name, connections].each.append(await measure(job))
    bare = {connections: rounds["bare_fastapi", connections] for connections in (MANY, 1)}
    found = {
        name: _both({each: rounds[name, each] for each in (MANY, 1)}, {} if name == "bare_fastapi" else bare)
        for name in scenes
    }
    text = scenes["prompt_fetch"][1]
    half = await _at_half_the_rate(gateway_port(stack), text, found["prompt_fetch"]["rps"])
    return {"answer_bytes": len(answer.content), **found, "prompt_fetch_at_half_the_rate": half}


async def _at_half_the_rate(port: int, text: str, most: float) -> dict[str, Any]:
    """The fetch when half as much is asked for as can be answered: how long a request takes that need not queue."""
    rounds = Rounds()
    for _ in range(ROUNDS):
        rounds.each.append(await measure(Job(port, [text] * MANY, 200, SECONDS, per_second=most / 2)))
    return rounds.median()


async def measure_writes(stack: Stack, api: Api) -> dict[str, Any]:
    """Publishing a version: each connection publishes to a prompt of its own, a different text each time."""
    key = api.key("prompts:write")
    port = gateway_port(stack)
    rounds: dict[int, Rounds] = {MANY: Rounds(), 1: Rounds()}
    for number in range(ROUNDS):
        for connections, so_far in rounds.items():
            names = [f"published-{number}-{connections}-{each}" for each in range(connections)]
            for name in names:
                api.post("/v1/prompts", {"name": name})
            job = Job(port, publications(names, key), 201, SECONDS)
            so_far.each.append(await measure(job))
    return {"create_version": _both(rounds, {})}


def publications(prompts: Sequence[str], key: str) -> list[str]:
    """Requests that publish, one prompt each, a different text each time."""
    content = {"content": {"text": f"{TEXT} {NUMBER.decode()}"}, "commit_message": "Change the wording"}
    return [
        request("POST", f"/v1/prompts/{prompt}/versions", bearer=key, body=json.dumps(content)) for prompt in prompts
    ]


def _both(rounds: dict[int, Rounds], beside: dict[int, Rounds]) -> dict[str, Any]:
    """The figures with many connections, and among them those with one."""
    many, one = (rounds[each].median(beside.get(each)) for each in (MANY, 1))
    return {"connections": MANY, **many, "one_connection": one}
