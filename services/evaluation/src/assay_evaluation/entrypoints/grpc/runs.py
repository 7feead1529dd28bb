"""RunService."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from assay.evaluation.v1 import runs_pb2, runs_pb2_grpc
from assay_common.batches import ids_in
from assay_common.errors import Violation
from assay_common.identity import member
from assay_common.postgres.pages import cursor, cut, page_size
from assay_evaluation.application.cancel_run import CancelRun
from assay_evaluation.application.create_run import CreateRun
from assay_evaluation.application.read import BatchGetRuns, GetRun, ListModels, ListResults, ListRuns
from assay_evaluation.domain.errors import MalformedRun, RunNotFound
from assay_evaluation.domain.evaluators import Evaluator
from assay_evaluation.domain.runs import DEFAULT_MAX_TOKENS, NewRun, Parameters, evaluator_named
from assay_evaluation.entrypoints.grpc.reading import Context, id_of, mapping
from assay_evaluation.messages import KINDS, model_message, result_message, run_message

_KINDS: Final = {number: kind for kind, number in KINDS.items()}


@dataclass(frozen=True, slots=True)
class RunServicer(runs_pb2_grpc.RunServiceServicer):
    """The RPCs of assay.evaluation.v1.RunService; the proto says what each is for."""

    create_run: CreateRun
    get_run: GetRun
    list_runs: ListRuns
    batch_get_runs: BatchGetRuns
    cancel_run: CancelRun
    list_results: ListResults
    list_models: ListModels

    async def CreateRun(self, request: runs_pb2.CreateRunRequest, context: Context) -> runs_pb2.Run:
        """Cut the dataset into tasks and queue them."""
        return run_message(await self.create_run(member(), _new_run(request)))

    async def GetRun(self, request: runs_pb2.GetRunRequest, context: Context) -> runs_pb2.Run:
        """One run with its progress."""
        return run_message(await self.get_run(member(), id_of("id", request.id, RunNotFound)))

    async def ListRuns(self, request: runs_pb2.ListRunsRequest, context: Context) -> runs_pb2.ListRunsResponse:
        """A page of runs, newest first."""
        size = page_size(request.page_size)
        after = cursor(request.page_token, UUID)
        found = await self.list_runs(member(), prompt=request.prompt, after=after, size=size)
        page, token = cut(found, size, lambda run: {"after": str(run.id)})
        return runs_pb2.ListRunsResponse(runs=map(run_message, page), next_page_token=token)

    async def BatchGetRuns(
        self, request: runs_pb2.BatchGetRunsRequest, context: Context
    ) -> runs_pb2.BatchGetRunsResponse:
        """Those of the runs that the caller may see."""
        found = await self.batch_get_runs(member(), ids_in("ids", request.ids))
        return runs_pb2.BatchGetRunsResponse(runs=map(run_message, found))

    async def CancelRun(self, request: runs_pb2.CancelRunRequest, context: Context) -> runs_pb2.Run:
        """Stop a run."""
        return run_message(await self.cancel_run(member(), id_of("id", request.id, RunNotFound)))

    async def ListResults(self, request: runs_pb2.ListResultsRequest, context: Context) -> runs_pb2.ListResultsResponse:
        """A page of a run's results, in the dataset's order."""
        asking, size = member(), page_size(request.page_size)
        after = cursor(request.page_token, int)
        run_id = id_of("run_id", request.run_id, RunNotFound)
        found = await self.list_results(asking, run_id, after=-1 if after is None else after, size=size)
        page, token = cut(found, size, lambda stored: {"after": str(stored.result.index)})
        return runs_pb2.ListResultsResponse(results=map(result_message, page), next_page_token=token)

    async def ListModels(self, request: runs_pb2.ListModelsRequest, context: Context) -> runs_pb2.ListModelsResponse:
        """The models that runs can name."""
        return runs_pb2.ListModelsResponse(models=map(model_message, await self.list_models()))


def _new_run(request: runs_pb2.CreateRunRequest) -> NewRun:
    return NewRun(
        prompt=request.prompt,
        label=request.label,
        version=request.version,
        dataset=request.dataset,
        dataset_version=request.dataset_version,
        model=request.model,
        parameters=_parameters(request.parameters),
        evaluators=tuple(_evaluators(request.evaluators)),
    )


def _parameters(parameters: runs_pb2.ModelParameters) -> Parameters:
    return Parameters(
        max_tokens=parameters.max_tokens or DEFAULT_MAX_TOKENS,
        temperature=parameters.temperature,
        seed=parameters.seed if parameters.HasField("seed") else None,
        stop=tuple(parameters.stop),
    )


def _evaluators(evaluators: Iterable[runs_pb2.Evaluator]) -> Iterable[Evaluator]:
    for place, evaluator in enumerate(evaluators):
        if evaluator.kind not in _KINDS:
            problem = Violation(f"evaluators[{place}].kind", "must be one of the kinds of evaluators")
            raise MalformedRun("the run cannot be created", problem)
        yield evaluator_named(evaluator.name, _KINDS[evaluator.kind], mapping(evaluator.config))
