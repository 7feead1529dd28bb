"""Runs of prompt versions over datasets, and the models they can use."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from assay.evaluation.v1 import runs_pb2 as pb
from assay_gateway.entrypoints.http.gateway import TheServices
from assay_gateway.entrypoints.http.pages import Page, page
from assay_gateway.entrypoints.http.parameters import InId
from assay_gateway.entrypoints.http.routing import api_router, problems
from assay_gateway.entrypoints.http.schemas.evaluations import (
    ItemResultPage,
    ModelPage,
    NewEvaluator,
    NewModelParameters,
    NewRun,
    Run,
    RunPage,
)
from assay_gateway.messages import Json, numbers_of, struct, to_json

router = api_router("/v1/runs", "runs")
models = api_router("/v1/models", "runs")

_KINDS = numbers_of(pb.EvaluatorKind)


@router.post(
    "", status_code=201, response_model=Run, responses=problems(400, 409, 413, 415), openapi_extra={"x-cost": 10}
)
async def create_run(body: NewRun, services: TheServices) -> Json:
    """Cut the dataset into tasks and queue them."""
    request = pb.CreateRunRequest(
        prompt=body.prompt,
        label=body.label or "",
        version=body.version or 0,
        dataset=body.dataset,
        dataset_version=body.dataset_version or 0,
        model=body.model,
        parameters=_parameters(body.parameters),
        evaluators=[_evaluator(each) for each in body.evaluators],
    )
    return to_json(await services.runs.CreateRun(request))


@router.get("", response_model=RunPage)
async def list_runs(
    services: TheServices, part: Page, prompt: Annotated[str, Query(description="Only runs of this id or name.")] = ""
) -> Json:
    """The organisation's runs, newest first."""
    found = await services.runs.ListRuns(
        pb.ListRunsRequest(page_size=part.page_size, page_token=part.page_token, prompt=prompt)
    )
    return page(found.runs, found.next_page_token)


@router.get("/{run_id}", response_model=Run)
async def get_run(run_id: InId, services: TheServices) -> Json:
    """One run with its progress."""
    return to_json(await services.runs.GetRun(pb.GetRunRequest(id=run_id)))


@router.post("/{run_id}/cancel", response_model=Run, responses=problems(409))
async def cancel_run(run_id: InId, services: TheServices) -> Json:
    """Stop a run: what is done stays. A finished run cannot be cancelled."""
    return to_json(await services.runs.CancelRun(pb.CancelRunRequest(id=run_id)))


@router.get("/{run_id}/results", response_model=ItemResultPage)
async def list_results(run_id: InId, services: TheServices, part: Page) -> Json:
    """The results of a run, in the dataset's order."""
    found = await services.runs.ListResults(
        pb.ListResultsRequest(run_id=run_id, page_size=part.page_size, page_token=part.page_token)
    )
    return page(found.results, found.next_page_token)


@models.get("", response_model=ModelPage)
async def list_models(services: TheServices) -> Json:
    """The models that runs can name."""
    found = await services.runs.ListModels(pb.ListModelsRequest())
    return page(found.models, "")


def _parameters(parameters: NewModelParameters | None) -> pb.ModelParameters | None:
    if parameters is None:
        return None
    return pb.ModelParameters(
        max_tokens=parameters.max_tokens,
        temperature=parameters.temperature,
        seed=parameters.seed,
        stop=parameters.stop,
    )


def _evaluator(evaluator: NewEvaluator) -> pb.Evaluator:
    return pb.Evaluator(name=evaluator.name, kind=_KINDS[evaluator.kind], config=struct(evaluator.config))
