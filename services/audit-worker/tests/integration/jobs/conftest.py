"""A small server that speaks the part of Kubernetes' API that workers use, and runs the Jobs' containers as processes.

The real API server is asked by the tests in tests/cluster; this one can also be away, full, or unable to start a pod.
"""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import uvicorn
import yaml
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from assay_audit.adapters.git.bundles import unpack
from assay_audit.adapters.git.mirror import GitMirror
from assay_audit.adapters.jobs.certificate import Certificate
from assay_audit.adapters.jobs.cluster import KubernetesJobs
from assay_audit.adapters.jobs.engine_jobs import EngineJobs, Patience
from assay_audit.adapters.jobs.exchange import Exchange, Orders
from assay_audit.adapters.jobs.manifest import Owner
from assay_audit.domain.files import take_inventory
from assay_audit.settings import JobsSettings


class Server(uvicorn.Server):
    def capture_signals(self):
        return nullcontext()


class FakeCluster:
    """What it holds can be looked at, and be changed as an operator or a fault would."""

    def __init__(self, logs: Path) -> None:
        self.logs = logs
        self.jobs: dict[str, dict[str, Any]] = {}
        self.made: list[dict[str, Any]] = []
        self.processes: dict[str, asyncio.subprocess.Process] = {}
        self.ended: dict[str, int] = {}
        self.url = ""
        self.refusal: tuple[int, str] | None = None
        self.pods_start = True
        self.calls: list[tuple[str, str]] = []
        self._watching: set[asyncio.Task[None]] = set()

    def app(self) -> Starlette:
        path = "/apis/batch/v1/namespaces/{namespace}/jobs"
        return Starlette(
            routes=[
                Route(path, self.create, methods=["POST"]),
                Route(path, self.list, methods=["GET"]),
                Route(path + "/{name}", self.delete, methods=["DELETE"]),
            ]
        )

    async def create(self, request: Request) -> Response:
        self.calls.append(("create", request.path_params["namespace"]))
        if self.refusal:
            return _status(*self.refusal)
        job = await request.json()
        name = job["metadata"]["name"]
        if name in self.jobs:
            return _status(409, "AlreadyExists")
        self.jobs[name] = job
        self.made.append(job)
        if self.pods_start:
            await self._start(name, job)
        return JSONResponse(job, 201)

    async def list(self, request: Request) -> Response:
        self.calls.append(("list", request.path_params["namespace"]))
        if self.refusal:
            return _status(*self.refusal)
        key, _, value = request.query_params["labelSelector"].partition("=")
        items = [
            {**job, "status": self._status_of(name)}
            for name, job in self.jobs.items()
            if job["metadata"]["labels"].get(key) == value
        ]
        return JSONResponse({"apiVersion": "batch/v1", "kind": "JobList", "metadata": {}, "items": items})

    async def delete(self, request: Request) -> Response:
        self.calls.append(("delete", request.path_params["namespace"]))
        name = request.path_params["name"]
        if name not in self.jobs:
            return _status(404, "NotFound")
        del self.jobs[name]
        self.signal(name, signal.SIGTERM)
        return JSONResponse({"kind": "Status", "status": "Success"})

    def signal(self, name: str, which: signal.Signals) -> None:
        process = self.processes.get(name)
        if process is not None and process.returncode is None:
            os.killpg(process.pid, which)

    async def _start(self, name: str, job: dict[str, Any]) -> None:
        (container,) = job["spec"]["template"]["spec"]["containers"]
        env = {each["name"]: each["value"] for each in container["env"]}
        with (self.logs / f"{name}.log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                *container["args"],
                env={"PATH": os.environ["PATH"], **env},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.processes[name] = process
        task = asyncio.create_task(self._wait(name, process))
        self._watching.add(task)
        task.add_done_callback(self._watching.discard)

    async def _wait(self, name: str, process: asyncio.subprocess.Process) -> None:
        self.ended[name] = await process.wait()

    def _status_of(self, name: str) -> dict[str, Any]:
        code = self.ended.get(name)
        if code is None:
            return {"active": 1}
        if code == 0:
            return {"succeeded": 1, "conditions": [{"type": "Complete", "status": "True"}]}
        return {"failed": 1, "conditions": [{"type": "Failed", "status": "True"}]}

    async def close(self) -> None:
        for name in self.processes:
            self.signal(name, signal.SIGKILL)
        await asyncio.gather(*self._watching)


def _status(code: int, message: str) -> Response:
    body = {"apiVersion": "v1", "kind": "Status", "status": "Failure", "message": message, "code": code}
    return JSONResponse(body, code)


@pytest.fixture
async def cluster(tmp_path, monkeypatch) -> AsyncIterator[FakeCluster]:
    """The server, to which KUBECONFIG leads."""
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    fake = FakeCluster(tmp_path)
    server = Server(uvicorn.Config(fake.app(), port=0, log_config=None, lifespan="off", ws="none"))
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn offers nothing to wait for
        await asyncio.sleep(0.01)
    fake.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    (tmp_path / "kubeconfig").write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "it",
                "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
                "clusters": [{"name": "it", "cluster": {"server": fake.url}}],
                "users": [{"name": "it", "user": {}}],
            }
        )
    )
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    try:
        yield fake
    finally:
        await fake.close()
        server.should_exit = True
        await serving


ORDERS = Orders(lanes=2, seconds=60, memory_bytes=4 * 1024**3, file_bytes=1024**3, patience_seconds=6)
TEMPLATE = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {"name": "audit-job", "namespace": "it", "labels": {"app.kubernetes.io/name": "assay-audit-job"}},
    "spec": {
        "backoffLimit": 0,
        "template": {"spec": {"containers": [{"name": "engines", "args": ["assay_audit.job"], "env": []}]}},
    },
}


@pytest.fixture
def make_exchange():
    """An exchange that listens, with changed orders if asked."""

    @asynccontextmanager
    async def make(max_answer: int = 32 * 1024**2, **orders: Any) -> AsyncIterator[Exchange]:
        certificate = Certificate.for_address("127.0.0.1")
        exchange = Exchange(replace(ORDERS, **orders), "127.0.0.1", certificate, max_answer)
        async with exchange.listening("127.0.0.1:0"):
            yield exchange

    return make


@pytest.fixture
def jobs_settings(cluster) -> JobsSettings:
    """What a worker is told that makes its Jobs in the cluster."""
    return JobsSettings(
        template=TEMPLATE,
        listen=f"127.0.0.1:{free_port()}",
        address="127.0.0.1",
        pod_name="worker-1",
        start_seconds=60,
        idle_seconds=3,
        silence_seconds=6,
    )


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture
async def exchange(make_exchange):
    async with make_exchange() as listening:
        yield listening


@pytest.fixture
def make_jobs(cluster, exchange):
    """Engines in Jobs of the cluster."""

    @asynccontextmanager
    async def make(**patience: float) -> AsyncIterator[EngineJobs]:
        waits = Patience(**{"start_seconds": 30, "idle_seconds": 30, "silence_seconds": 30, **patience})
        with closing(KubernetesJobs("it")) as api:
            jobs = EngineJobs(api, exchange, TEMPLATE, Owner("worker-1", "uid-1"), waits)
            async with jobs.running():
                yield jobs

    return make


@pytest.fixture
def opened(work_tree, git, tmp_path):
    """Commits files; gives the repository as engines see it, and what is in it."""

    async def open_(files: dict[str, str | bytes]):
        work_tree.put(files)
        work_tree.commit()
        (tmp_path / "it.bundle").write_bytes(work_tree.bundle())
        await unpack(git, tmp_path / "it.bundle", tmp_path / "it.git")
        mirror = GitMirror(git, tmp_path / "it.git", max_commits=10)
        return mirror, take_inventory(await mirror.tree("HEAD"), max_bytes=1_000_000, max_files=1_000)

    return open_
