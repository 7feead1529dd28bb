"""Runs in a pod: steady requests at the gateway's Service, and evaluations and audits meanwhile.

Told by one JSON argument: `rate` (requests a second), `work_seconds` (between two pieces of work, 0 = none), `model`,
`attempts` (1 = nothing is tried again). It says one JSON document a line: `flowing` when it has begun, and `summary`
when /tmp/stop appeared and all work has ended.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from assay_client import Assay

WORDS = ("blue", "river", "stone")
STOP = Path("/tmp/stop")
PATIENCE = 180.0
CONNECTIONS = 20


@dataclass
class Traffic:
    """What has been done, and how it went."""

    client: Assay
    options: dict[str, Any]
    key: str
    requests: int = 0
    retried: int = 0
    failures: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)
    audits: list[str] = field(default_factory=list)

    @property
    def goes_on(self) -> bool:
        """Whether nobody has told it to stop."""
        return not STOP.exists()

    async def flow(self) -> None:
        """Requests at the wanted rate, each at its time whether or not the ones before are answered."""
        limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
        headers = {"authorization": f"Bearer {self.key}"}
        async with (
            httpx.AsyncClient(base_url=os.environ["ASSAY_URL"], headers=headers, limits=limits, timeout=20) as http,
            asyncio.TaskGroup() as group,
        ):
            began = time.monotonic()
            while self.goes_on:
                due = began + self.requests / self.options["rate"]
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                self.requests += 1
                group.create_task(self.one(http, self.requests))

    async def one(self, http: httpx.AsyncClient, number: int) -> None:
        """One request: mostly a label resolved, as applications do; now and then a list, or a version published."""
        started = time.monotonic()
        for attempt in range(1, self.options["attempts"] + 1):
            problem = await self.tried(http, number)
            if problem is None:
                self.seconds.append(time.monotonic() - started)
                return
            if attempt < self.options["attempts"]:
                self.retried += 1
                await asyncio.sleep(0.2 * attempt)
        self.failures.append(f"{time.monotonic() - started:.3f} s: {problem}")

    async def tried(self, http: httpx.AsyncClient, number: int) -> str | None:
        """What went wrong, if anything did."""
        try:
            if number % 50 == 0:
                body = {"content": {"text": f"Repeat the word: {{{{ word }}}} {number}"}}
                keyed = {"idempotency-key": f"traffic-{number}"}
                answer = await http.post("/v1/prompts/traffic/versions", json=body, headers=keyed)
            elif number % 10 == 0:
                answer = await http.get("/v1/prompts")
            else:
                answer = await http.get("/v1/prompts/traffic/resolve", params={"label": "production"})
        except httpx.HTTPError as error:
            return f"{type(error).__name__} {error}"
        return None if answer.is_success else f"{answer.status_code} {answer.text[:200]}"

    async def work(self) -> None:
        """Evaluations and audits in turn, begun one after another."""
        while self.goes_on:
            try:
                await asyncio.to_thread(self.begin)
            except Exception as error:
                self.failures.append(f"work not begun: {error!r}")
            await asyncio.sleep(self.options["work_seconds"])

    def begin(self) -> None:
        """Begin a run and an audit."""
        run = self.client.runs.create_run(
            {
                "prompt": "traffic",
                "version": 1,
                "dataset": "words",
                "model": self.options["model"],
                "parameters": {"max_tokens": 4, "temperature": 0.0},
                "evaluators": [{"kind": "contains"}],
            }
        )
        self.runs.append(run["id"])
        self.audits.append(self.client.audits.start_audit({"repository": "traffic"})["id"])

    def ended(self) -> dict[str, dict[str, int]]:
        """How all work ended, by its status; waits for it."""
        give_up_at = time.monotonic() + PATIENCE
        counted: dict[str, dict[str, int]] = {"runs": {}, "audits": {}}
        reads = {"runs": self.client.runs.get_run, "audits": self.client.audits.get_audit}
        for kind, ids in (("runs", self.runs), ("audits", self.audits)):
            for each in ids:
                thing = reads[kind](each)
                while thing["finished_at"] is None and time.monotonic() < give_up_at:
                    time.sleep(0.3)
                    thing = reads[kind](each)
                status = thing["status"]
                if kind == "runs" and thing["progress"]["unmeasured"]:
                    status = "unmeasured"
                counted[kind][status] = counted[kind].get(status, 0) + 1
        return counted


def prepare(client: Assay, email: str, with_work: bool) -> str:
    """An organisation of its own with what the traffic is about; the key that it uses."""
    client.sign_in(email, os.environ["ASSAY_PASSWORD"])
    slug = f"traffic-{uuid4().hex[:10]}"
    client.act_in(client.organisations.create_organisation({"slug": slug, "name": slug})["id"])
    client.prompts.create_prompt({"name": "traffic"})
    client.prompts.publish_version("traffic", {"content": {"text": "Repeat the word: {{ word }}\nWord:"}})
    client.prompts.set_label("traffic", "production", {"version": 1})
    if with_work:
        client.datasets.create_dataset({"name": "words"})
        lines = "\n".join(json.dumps({"inputs": {"word": word}, "expected": word}) for word in WORDS)
        client.datasets.import_items("words", lines.encode(), "application/x-ndjson")
        client.repositories.create_repository({"name": "traffic"})
        with make_bundle().open("rb") as file:
            client.repositories.upload_bundle("traffic", file, "application/x-git-bundle")
    scopes = ["prompts:read", "prompts:write"]
    return client.api_keys.create_api_key({"name": "traffic", "scopes": scopes})["secret"]


def make_bundle() -> Path:
    """A small repository as one file."""
    root = Path("/tmp/repository")
    root.mkdir()
    (root / "cart.py").write_text("def total(prices):\n    return sum(prices)\n")
    git = ["git", "-C", str(root), "-c", "user.name=Traffic", "-c", "user.email=traffic@example.org"]
    bundle = Path("/tmp/repository.bundle")
    for words in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "-m", "Add a cart"],
                  ["bundle", "create", "--quiet", str(bundle), "HEAD", "--branches"]):  # fmt: skip
        subprocess.run([*git, *words], check=True, capture_output=True)
    return bundle


def say(**document: Any) -> None:
    """One line for whoever reads the pod's log."""
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()


async def main() -> None:
    """Flow until told to stop, then tell how it went."""
    options = json.loads(sys.argv[1])
    client = Assay(os.environ["ASSAY_URL"])
    key = await asyncio.to_thread(prepare, client, options["email"], options["work_seconds"] > 0)
    traffic = Traffic(client, options, key)
    say(flowing=True)
    async with asyncio.TaskGroup() as group:
        group.create_task(traffic.flow())
        if options["work_seconds"]:
            group.create_task(traffic.work())
    ended = await asyncio.to_thread(traffic.ended)
    taken = sorted(traffic.seconds) or [0.0]
    say(
        summary={
            "requests": traffic.requests,
            "retried": traffic.retried,
            "failed": len(traffic.failures),
            "failures": traffic.failures[:20],
            "p50_ms": round(1000 * taken[len(taken) // 2], 1),
            "p99_ms": round(1000 * taken[len(taken) * 99 // 100], 1),
            **ended,
        }
    )


if __name__ == "__main__":
    asyncio.run(main())
