"""The prompt service and the evaluation service together: who may run a private prompt, and see what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import grpc.aio
import pytest

import assay_evaluation.bootstrap
import assay_prompt.bootstrap
from assay.evaluation.v1 import (
    comparisons_pb2,
    comparisons_pb2_grpc,
    datasets_pb2,
    datasets_pb2_grpc,
    runs_pb2,
    runs_pb2_grpc,
)
from assay.prompt.v1 import prompts_pb2, prompts_pb2_grpc
from assay.type.v1 import visibility_pb2
from assay_common.lifecycle import Lifecycle, running
from assay_common.postgres.migrations import migrate
from assay_common.rpc.errors import error_from
from assay_common.settings import DatabaseSettings, GrpcSettings, Targets
from assay_evaluation.settings import CatalogueEntry, ServeSettings
from assay_prompt.settings import Settings as PromptSettings
from assay_testing.auth_server import auth_server

ALL = (
    "prompts:read",
    "prompts:write",
    "labels:write",
    "datasets:read",
    "datasets:write",
    "evaluations:read",
    "evaluations:write",
)
PRIVATE, PUBLIC = visibility_pb2.VISIBILITY_PRIVATE, visibility_pb2.VISIBILITY_PUBLIC
EVALUATOR = runs_pb2.Evaluator(name="same", kind=runs_pb2.EVALUATOR_KIND_EXACT_MATCH)


@dataclass(frozen=True)
class Somebody:
    """A person or key, with the stubs of the two services."""

    id: UUID
    org_id: UUID
    prompts: Any
    datasets: Any
    runs: Any
    comparisons: Any
    metadata: Any

    async def create(self, name: str, visibility: int, text: str = "Sort: {{ message }}") -> str:
        """Create a prompt of one version; its id."""
        made = await self.prompts.CreatePrompt(
            prompts_pb2.CreatePromptRequest(name=name, visibility=visibility), metadata=self.metadata
        )
        version = prompts_pb2.PublishVersionRequest(prompt=made.id, content=prompts_pb2.Content(text=text))
        await self.prompts.PublishVersion(version, metadata=self.metadata)
        return made.id

    async def dataset(self) -> str:
        """Make a dataset of one row; its name."""
        request = datasets_pb2.CreateDatasetRequest(name=f"d-{uuid4().hex[:12]}")
        made = await self.datasets.CreateDataset(request, metadata=self.metadata)

        async def parts() -> AsyncIterator[datasets_pb2.ImportItemsRequest]:
            header = datasets_pb2.ImportHeader(dataset=made.id, format=datasets_pb2.FILE_FORMAT_JSONL)
            yield datasets_pb2.ImportItemsRequest(header=header)
            yield datasets_pb2.ImportItemsRequest(chunk=b'{"inputs": {"message": "hello"}, "expected": "x"}')
            yield datasets_pb2.ImportItemsRequest(complete=True)

        await self.datasets.ImportItems(parts(), metadata=self.metadata)
        return made.name

    async def run(self, prompt: str, dataset: str) -> runs_pb2.Run:
        """Create a run."""
        request = runs_pb2.CreateRunRequest(prompt=prompt, dataset=dataset, model="small", evaluators=[EVALUATOR])
        return await self.runs.CreateRun(request, metadata=self.metadata)

    async def refused_gate(self, prompt: str, dataset: str) -> str:
        """Compare two runs, and ask a gate; the reason that it is refused with, empty when there is an answer."""
        one, other = [await self.run(prompt, dataset) for _ in range(2)]
        compare = comparisons_pb2.CreateComparisonRequest(baseline_run_id=one.id, candidate_run_id=other.id)
        comparison = await self.comparisons.CreateComparison(compare, metadata=self.metadata)
        try:
            decide = comparisons_pb2.DecideGateRequest(comparison_id=comparison.id, label="production")
            await self.comparisons.DecideGate(decide, metadata=self.metadata)
        except grpc.aio.AioRpcError as error:
            return error_from(error).reason
        return ""

    async def refused_run(self, prompt: str, dataset: str) -> str:
        """The reason that a run is refused with; empty when it is not."""
        try:
            await self.run(prompt, dataset)
        except grpc.aio.AioRpcError as error:
            return error_from(error).reason
        return ""

    async def sees(self, run: str) -> bool:
        """Whether the run is found, which one that is listed must be as well."""
        listed = await self.runs.ListRuns(runs_pb2.ListRunsRequest(), metadata=self.metadata)
        try:
            await self.runs.GetRun(runs_pb2.GetRunRequest(id=run), metadata=self.metadata)
        except grpc.aio.AioRpcError as error:
            assert error_from(error).reason == "RUN_NOT_FOUND"
            assert run not in {found.id for found in listed.runs}
            return False
        assert run in {found.id for found in listed.runs}
        return True


@asynccontextmanager
async def serving(bootstrap, settings):
    """A service in this process; yields its target."""
    lifecycle, started = Lifecycle(grace_seconds=5), asyncio.Future[int]()

    @asynccontextmanager
    async def start(lifecycle: Lifecycle) -> AsyncIterator[None]:
        async with bootstrap.serve(settings, lifecycle) as port:
            started.set_result(port)
            yield

    async with running(lifecycle, start):
        yield f"127.0.0.1:{await started}"
    assert lifecycle.failure is None


@pytest.fixture
async def people(make_database, kafka_settings, issuer):
    """Makes people and keys, of one organisation unless another is named."""

    async def database(bootstrap):
        login = f"assay_{bootstrap.SCHEMA}"
        made = await make_database(bootstrap.SCHEMA, logins=(login,))
        settings = DatabaseSettings(url=made.logins[login], migration_url=made.owner_url)
        await asyncio.to_thread(migrate, settings, bootstrap.SCHEMA, bootstrap.MIGRATIONS)
        return settings

    common = {"kafka": kafka_settings, "grpc": GrpcSettings(listen="127.0.0.1:0")}
    async with AsyncExitStack() as stack:
        auth = await stack.enter_async_context(auth_server(issuer))
        prompt_settings = PromptSettings(
            database=await database(assay_prompt.bootstrap), targets=Targets(auth=auth), **common
        )
        prompt = await stack.enter_async_context(serving(assay_prompt.bootstrap, prompt_settings))
        evaluation_settings = ServeSettings(
            database=await database(assay_evaluation.bootstrap),
            targets=Targets(auth=auth, prompt=prompt),
            models={"small": CatalogueEntry(litellm_model="openai/small")},
            **common,
        )
        evaluation = await stack.enter_async_context(serving(assay_evaluation.bootstrap, evaluation_settings))
        to_prompt = await stack.enter_async_context(grpc.aio.insecure_channel(prompt))
        to_evaluation = await stack.enter_async_context(grpc.aio.insecure_channel(evaluation))
        stubs = (
            prompts_pb2_grpc.PromptServiceStub(to_prompt),
            datasets_pb2_grpc.DatasetServiceStub(to_evaluation),
            runs_pb2_grpc.RunServiceStub(to_evaluation),
            comparisons_pb2_grpc.ComparisonServiceStub(to_evaluation),
        )
        home = uuid4()

        def make(role="member", org_id=home, **claims):
            person = UUID(claims.setdefault("sub", str(uuid4())))
            return Somebody(person, org_id, *stubs, issuer.caller(org_id, *ALL, role=role, **claims))

        yield make


async def test_only_who_sees_a_private_prompt_runs_it_and_sees_its_runs(people):
    creator, colleague, admin = people(), people(), people(role="admin")
    prompt, dataset = await creator.create("secret", PRIVATE), await creator.dataset()
    for name in ("secret", prompt):
        assert await colleague.refused_run(name, dataset) == "PROMPT_NOT_FOUND"
    run = await creator.run("secret", dataset)
    assert run.visibility == PRIVATE
    assert (await admin.run(prompt, dataset)).visibility == PRIVATE
    assert [await somebody.sees(run.id) for somebody in (creator, admin, colleague)] == [True, True, False]


async def test_a_prompt_that_becomes_private_is_run_no_more_by_others(people):
    creator, colleague = people(), people()
    await creator.create("usual", 0)
    dataset = await creator.dataset()
    before = await colleague.run("usual", dataset)
    hide = prompts_pb2.UpdatePromptRequest(prompt="usual", visibility=PRIVATE)
    await creator.prompts.UpdatePrompt(hide, metadata=creator.metadata)
    assert await colleague.refused_run("usual", dataset) == "PROMPT_NOT_FOUND"
    assert await colleague.sees(before.id)


async def test_a_public_prompt_of_others_is_run_by_its_id(people):
    theirs = await people(role="admin", org_id=uuid4()).create("shared", PUBLIC)
    hidden = await people(role="admin", org_id=uuid4()).create("usual", 0)
    somebody = people()
    dataset = await somebody.dataset()
    assert await somebody.refused_run("shared", dataset) == "PROMPT_NOT_FOUND"
    assert await somebody.refused_run(hidden, dataset) == "PROMPT_NOT_FOUND"
    assert (await somebody.run(theirs, dataset)).prompt_id == theirs


async def test_a_key_runs_the_prompts_that_it_is_limited_to(people):
    owner = people()
    await owner.create("one", 0)
    two = await owner.create("two", PRIVATE)
    dataset = await owner.dataset()
    key = people(kind="api_key", owner=str(owner.id), prompts=["one"])
    assert await key.refused_run("two", dataset) == await key.refused_run(two, dataset) == "PROMPT_NOT_FOUND"
    assert await key.sees((await key.run("one", dataset)).id)
    assert not await key.sees((await owner.run(two, dataset)).id)


async def test_a_gate_over_a_public_prompt_of_others_is_refused(people):
    """The runs end at once, for the dataset has no value for the prompt's variable."""
    owner, somebody = people(role="admin", org_id=uuid4()), people(role="owner")
    theirs = await owner.create("shared", PUBLIC, "Sort: {{ subject }}")
    ours = await somebody.create("ours", 0, "Sort: {{ subject }}")
    assert await owner.refused_gate(theirs, await owner.dataset()) == ""
    dataset = await somebody.dataset()
    assert await somebody.refused_gate(ours, dataset) == ""
    assert await somebody.refused_gate(theirs, dataset) == "PROMPT_READ_ONLY"
    assert await people(role="viewer").refused_gate("ours", dataset) == "PROMPT_READ_ONLY"
