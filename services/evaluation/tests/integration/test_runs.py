import asyncio
from uuid import UUID, uuid4

import pytest
from google.protobuf.struct_pb2 import Struct

from assay.evaluation.v1 import datasets_pb2
from assay.evaluation.v1 import runs_pb2 as pb
from assay_evaluation.adapters.postgres.transaction import PostgresTransaction
from assay_evaluation.domain.runs import ItemResult, Usage

TASKS = "assay.evaluation.tasks"
MODEL = "local/small"
ROWS = [{"inputs": {"message": f"mail {n}"}, "expected": f"mail {n}"} for n in range(20)]


def evaluator(kind, name="", **config):
    struct = Struct()
    struct.update(config)
    return pb.Evaluator(name=name, kind=getattr(pb, f"EVALUATOR_KIND_{kind}"), config=struct)


def kinds(events):
    return [kind for kind, _ in events]


async def do_tasks(caller, stored_events, worker):
    """Do every task of the organisation as a worker would, one after the other."""
    for _, task in await stored_events(caller.org_id, TASKS):
        await worker(caller.org_id, UUID(task.run_id), list(task.indexes))


async def test_a_run_is_created_rendered_and_cut_into_tasks(caller, prompts, stored_events):
    dataset = await caller.import_rows(ROWS)
    parameters = pb.ModelParameters(max_tokens=5, temperature=0.5, seed=7, stop=["\n"])
    run = await caller.start(dataset, evaluator("EXACT_MATCH"), evaluator("TOKEN_F1", "f1"), parameters=parameters)
    assert (run.prompt_id, run.prompt_name, run.prompt_version) == (prompts.prompt_id, "triage", 2)
    assert (run.dataset_id, run.dataset_name, run.dataset_version) == (dataset.id, dataset.name, 1)
    assert (run.status, run.progress.total, run.progress.measured) == (pb.RUN_STATUS_QUEUED, 20, 0)
    assert (run.parameters, run.created_by) == (parameters, str(caller.subject))
    assert [one.name for one in run.evaluators] == ["exact_match", "f1"]
    assert [(one.evaluator, one.HasField("mean_score"), one.HasField("passed")) for one in run.summaries] == [
        ("exact_match", False, True),
        ("f1", False, False),
    ]
    assert not run.HasField("finished_at")
    assert not run.totals.HasField("cost_usd")
    assert await caller.run(run.id) == run
    assert prompts.calls == ["ResolveVersion", "RenderVersion"]
    assert len(prompts.tokens) == 1
    events = await stored_events(caller.org_id)
    assert kinds(events) == ["DatasetCreated", "DatasetImported", "RunCreated"]
    assert events[2][1].run == run
    tasks = await stored_events(caller.org_id, TASKS)
    assert [list(task.indexes) for _, task in tasks] == [[*range(8)], [*range(8, 16)], [*range(16, 20)]]
    assert {task.run_id for _, task in tasks} == {run.id}


async def test_prompts_are_rendered_a_thousand_at_a_time(caller, prompts, stored_events):
    rows = [{"inputs": {"message": str(n)}, "expected": "x"} for n in range(2_500)]
    run = await caller.start(await caller.import_rows(rows))
    assert prompts.calls == ["ResolveVersion", *["RenderVersion"] * 3]
    assert run.progress.total == 2_500
    assert len(await stored_events(caller.org_id, TASKS)) == 313


async def test_a_version_is_chosen_by_number_by_label_or_is_the_newest(caller, prompts, refused):
    dataset = await caller.import_rows(ROWS[:1])
    prompts.labels["production"] = 1
    assert (await caller.start(dataset, version=1)).prompt_version == 1
    assert (await caller.start(dataset, label="production")).prompt_version == 1
    assert (await caller.start(dataset, prompt=prompts.prompt_id)).prompt_version == 2
    with refused("NOT_FOUND", "PROMPT_NOT_FOUND"):
        await caller.start(dataset, prompt="nobody")


async def test_items_with_missing_variables_are_unmeasured_at_once(caller, stored_events):
    rows = [*ROWS[:2], {"inputs": {"text": "no message"}, "expected": "x"}]
    run = await caller.start(await caller.import_rows(rows))
    assert (run.status, run.progress.measured, run.progress.unmeasured) == (pb.RUN_STATUS_RUNNING, 0, 1)
    (result,) = await caller.results(run.id)
    assert (result.index, result.unmeasured_reason, result.attempts) == (2, "no value for the variable message", 0)
    assert not result.HasField("output")
    ((_, task),) = await stored_events(caller.org_id, TASKS)
    assert list(task.indexes) == [0, 1]
    events = await stored_events(caller.org_id)
    assert kinds(events) == ["DatasetCreated", "DatasetImported", "RunCreated", "ItemsMeasured"]
    assert (events[3][1].unmeasured, events[3][1].measured) == (1, 0)


async def test_a_run_of_which_nothing_can_be_asked_is_complete_at_once(caller, stored_events):
    run = await caller.start(await caller.import_rows([{"inputs": {}, "expected": "x"}] * 3))
    assert (run.status, run.progress.unmeasured) == (pb.RUN_STATUS_COMPLETED, 3)
    assert run.HasField("finished_at")
    assert not run.totals.HasField("latency_p50_ms")
    assert kinds(await stored_events(caller.org_id)) == [
        "DatasetCreated",
        "DatasetImported",
        "RunCreated",
        "ItemsMeasured",
        "RunCompleted",
    ]
    assert await stored_events(caller.org_id, TASKS) == []


async def test_a_run_that_cannot_be_measured_is_not_created(caller, refused, stored_events):
    dataset = await caller.import_rows([*ROWS, {"inputs": {"message": "unlabelled"}}])
    with refused("INVALID_ARGUMENT", "UNKNOWN_MODEL") as refusal:
        await caller.start(dataset, model="gpt-99")
    assert refusal.violations == ["model"]
    with refused("INVALID_ARGUMENT", "EVALUATOR_CONFIG_INVALID") as refusal:
        await caller.start(dataset, evaluator("REGEX", pattern="("))
    assert refusal.violations == ["evaluators[0].config"]
    with refused("INVALID_ARGUMENT", "EVALUATOR_CONFIG_INVALID"):
        await caller.start(dataset, evaluator("JSON_SCHEMA", schema={"type": "nonsense"}))
    with refused("FAILED_PRECONDITION", "EXPECTED_ANSWERS_MISSING") as refusal:
        await caller.start(dataset, evaluator("EXACT_MATCH"))
    assert refusal.details["first_item"] == "20"
    with refused("INVALID_ARGUMENT", "MALFORMED_RUN") as refusal:
        await caller.start(dataset, pb.Evaluator(name="x"))
    assert refusal.violations == ["evaluators[0].kind"]
    with refused("INVALID_ARGUMENT", "MALFORMED_RUN") as refusal:
        await caller.start(dataset, prompt="", model="")
    assert refusal.violations == ["prompt", "model"]
    with refused("NOT_FOUND", "DATASET_VERSION_NOT_FOUND"):
        await caller.start(dataset, dataset_version=2)
    assert kinds(await stored_events(caller.org_id)) == ["DatasetCreated", "DatasetImported"]


async def test_an_empty_dataset_cannot_be_run_over(caller, refused):
    empty = await caller.datasets.CreateDataset(datasets_pb2.CreateDatasetRequest(name="empty"))
    with refused("FAILED_PRECONDITION", "DATASET_EMPTY"):
        await caller.start(empty)


async def test_whole_numbers_in_a_schema_keep_their_form(caller):
    schema = {"type": "string", "minLength": 2, "maxLength": 3}
    run = await caller.start(await caller.import_rows(ROWS[:1]), evaluator("JSON_SCHEMA", schema=schema))
    assert run.evaluators[0].config["schema"]["minLength"] == 2.0


async def test_a_worker_measures_every_item_and_completes_the_run_once(caller, stored_events, worker, provider):
    provider.answer = lambda prompt, _nth: prompt.removeprefix("Sort well: ") if "mail 1" in prompt else "other"
    dataset = await caller.import_rows(ROWS)
    run = await caller.start(
        dataset,
        evaluator("EXACT_MATCH", "same"),
        evaluator("TOKEN_F1", "f1"),
        evaluator("EMBEDDING_SIMILARITY", "near"),
    )
    await do_tasks(caller, stored_events, worker())
    done = await caller.run(run.id)
    assert (done.status, done.progress.measured, done.progress.unmeasured) == (pb.RUN_STATUS_COMPLETED, 20, 0)
    same, f1, near = done.summaries
    assert (same.measured, same.passed, same.mean_score) == (20, 11, pytest.approx(11 / 20))
    assert (f1.measured, f1.HasField("passed"), f1.mean_score) == (20, False, pytest.approx(11 / 20))
    assert 0.5 < near.mean_score < 1.0
    assert (done.totals.input_tokens, done.totals.output_tokens) == (200, 100)
    assert done.totals.cost_usd == pytest.approx(200 * 0.001 + 100 * 0.002)
    assert 0 < done.totals.latency_p50_ms <= done.totals.latency_p95_ms
    assert done.finished_at.seconds >= done.created_at.seconds
    results = await caller.results(run.id)
    assert [result.index for result in results] == [*range(20)]
    assert (results[1].output, results[0].output) == ("mail 1", "other")
    assert [score.evaluator for score in results[1].scores] == ["same", "f1", "near"]
    assert results[1].scores[2].score == pytest.approx(1.0, abs=1e-3)
    assert (results[1].cost_usd, results[1].attempts) == (pytest.approx(0.02), 1)
    events = await stored_events(caller.org_id)
    assert kinds(events) == ["DatasetCreated", "DatasetImported", "RunCreated", *["ItemsMeasured"] * 3, "RunCompleted"]
    assert events[-1][1].run == done
    batches = [event for kind, event in events if kind == "ItemsMeasured"]
    assert [batch.progress.measured for batch in batches] == [8, 16, 20]
    assert sum(batch.input_tokens for batch in batches) == 200
    assert sum(batch.cost_usd for batch in batches) == pytest.approx(done.totals.cost_usd)


async def test_the_model_gets_what_the_run_says(caller, stored_events, worker, provider):
    parameters = pb.ModelParameters(max_tokens=5, temperature=0.5, seed=7, stop=["\n"])
    await caller.start(await caller.import_rows(ROWS[:1]), parameters=parameters)
    await do_tasks(caller, stored_events, worker())
    (request,) = provider.requests
    assert request == {
        "model": "small",
        "messages": [{"role": "user", "content": "Sort well: mail 0"}],
        "max_tokens": 5,
        "temperature": 0.5,
        "seed": 7,
        "stop": ["\n"],
    }


async def test_a_task_delivered_again_changes_nothing(caller, stored_events, worker, provider):
    run = await caller.start(await caller.import_rows(ROWS[:8]))
    work = worker()
    await do_tasks(caller, stored_events, work)
    before, results, events = await caller.run(run.id), await caller.results(run.id), await stored_events(caller.org_id)
    await do_tasks(caller, stored_events, work)
    assert (await caller.run(run.id), await caller.results(run.id)) == (before, results)
    assert await stored_events(caller.org_id) == events
    assert len(provider.asked) == 8


async def test_a_task_done_by_two_workers_at_once_is_counted_once(caller, stored_events, worker):
    run = await caller.start(await caller.import_rows(ROWS[:8]))
    work = worker()
    await asyncio.gather(*(work(caller.org_id, UUID(run.id), [*range(8)]) for _ in range(3)))
    done = await caller.run(run.id)
    assert (done.status, done.progress.measured, done.summaries[0].measured) == (pb.RUN_STATUS_COMPLETED, 8, 8)
    assert kinds(await stored_events(caller.org_id)).count("RunCompleted") == 1
    assert kinds(await stored_events(caller.org_id)).count("ItemsMeasured") == 1


async def test_an_item_keeps_its_first_result(caller, uow, worker, stored_events):
    """A batch of which some items have their results already adds the others only."""
    run = await caller.start(await caller.import_rows(ROWS[:4]))
    work = worker()
    await work(caller.org_id, UUID(run.id), [0, 1])
    async with uow(caller.org_id) as tx:
        assert isinstance(tx, PostgresTransaction)
        stored = await tx.runs.get(UUID(run.id))
        again = [ItemResult(n, "late", (), "", Usage(), 1, stored.created_at) for n in (1, 2)]
        assert [result.index for result in await tx.runs.add_results(stored, again)] == [2]


async def test_a_price_that_nobody_knows_leaves_the_cost_absent(caller, stored_events, worker, models, provider):
    for name in ("unpriced", "listed"):
        reached = {"api_base": provider.url, "api_key": models[MODEL].api_key}
        models[name] = models[name].model_copy(update=reached)
    dataset = await caller.import_rows(ROWS[:2])
    unpriced, listed = await caller.start(dataset, model="unpriced"), await caller.start(dataset, model="listed")
    await do_tasks(caller, stored_events, worker())
    assert not (await caller.run(unpriced.id)).totals.HasField("cost_usd")
    assert not (await caller.results(unpriced.id))[0].HasField("cost_usd")
    assert 0 < (await caller.run(listed.id)).totals.cost_usd < 0.001


async def test_models_are_listed_with_whether_they_are_priced(caller):
    answer = await caller.runs.ListModels(pb.ListModelsRequest())
    assert [(model.name, model.priced) for model in answer.models] == [
        ("listed", True),
        (MODEL, True),
        ("unpriced", False),
    ]


async def test_a_cancelled_run_is_never_asked_again(caller, stored_events, worker, provider, eventually):
    provider.answer = lambda _prompt, _nth: TimeoutError
    run = await caller.start(await caller.import_rows(ROWS))
    working = asyncio.create_task(worker(requests=2)(caller.org_id, UUID(run.id), [*range(8)]))

    async def two_are_asked():
        return len(provider.asked) == 2

    await eventually(two_are_asked)
    cancelled = await caller.runs.CancelRun(pb.CancelRunRequest(id=run.id))
    assert (cancelled.status, cancelled.progress.measured) == (pb.RUN_STATUS_CANCELLED, 0)
    assert cancelled.HasField("finished_at")
    async with asyncio.timeout(30):
        await working
    await do_tasks(caller, stored_events, worker())
    assert len(provider.asked) == 2
    assert await caller.run(run.id) == cancelled
    assert await caller.runs.CancelRun(pb.CancelRunRequest(id=run.id)) == cancelled
    assert kinds(await stored_events(caller.org_id)) == [
        "DatasetCreated",
        "DatasetImported",
        "RunCreated",
        "RunCancelled",
    ]


async def test_late_results_leave_a_cancelled_run_cancelled(caller, uow, worker, provider, eventually):
    run = await caller.start(await caller.import_rows(ROWS[:8]))
    provider.answer = lambda prompt, _nth: provider.released.wait() and "late"
    working = asyncio.create_task(worker()(caller.org_id, UUID(run.id), [*range(8)]))

    async def all_are_asked():
        return len(provider.asked) == 8

    await eventually(all_are_asked)
    await caller.runs.CancelRun(pb.CancelRunRequest(id=run.id))
    provider.released.set()
    await working
    assert (await caller.run(run.id)).status == pb.RUN_STATUS_CANCELLED
    assert await caller.results(run.id) == []


async def test_a_completed_run_cannot_be_cancelled(caller, stored_events, worker, refused):
    run = await caller.start(await caller.import_rows(ROWS[:1]))
    await do_tasks(caller, stored_events, worker())
    with refused("FAILED_PRECONDITION", "RUN_ALREADY_FINISHED"):
        await caller.runs.CancelRun(pb.CancelRunRequest(id=run.id))


async def test_runs_are_listed_newest_first_in_pages_and_by_prompt(caller, someone, prompts):
    dataset = await caller.import_rows(ROWS[:1])
    runs = [await caller.start(dataset) for _ in range(3)]
    first = await caller.runs.ListRuns(pb.ListRunsRequest(page_size=2))
    rest = await caller.runs.ListRuns(pb.ListRunsRequest(page_size=2, page_token=first.next_page_token))
    assert [*first.runs, *rest.runs] == runs[::-1]
    assert rest.next_page_token == ""
    for reference in ("triage", prompts.prompt_id):
        assert len((await caller.runs.ListRuns(pb.ListRunsRequest(prompt=reference))).runs) == 3
    for reference in ("other", str(uuid4())):
        assert not (await caller.runs.ListRuns(pb.ListRunsRequest(prompt=reference))).runs
    assert not (await someone().runs.ListRuns(pb.ListRunsRequest())).runs


async def test_results_are_listed_in_pages(caller, stored_events, worker, refused):
    run = await caller.start(await caller.import_rows(ROWS[:5]))
    await do_tasks(caller, stored_events, worker())
    found, token = [], ""
    while True:
        page = await caller.runs.ListResults(pb.ListResultsRequest(run_id=run.id, page_size=2, page_token=token))
        found += page.results
        if not (token := page.next_page_token):
            break
    assert [result.index for result in found] == [0, 1, 2, 3, 4]
    with refused("INVALID_ARGUMENT", "MALFORMED_CURSOR"):
        await caller.runs.ListResults(pb.ListResultsRequest(run_id=run.id, page_token="x"))


@pytest.mark.parametrize("run_id", ["01a1fdfb-7706-706a-9e57-865ff8fce780", "no-id"])
async def test_what_is_not_there_is_not_found(caller, refused, run_id):
    for call in (
        caller.runs.GetRun(pb.GetRunRequest(id=run_id)),
        caller.runs.CancelRun(pb.CancelRunRequest(id=run_id)),
        caller.runs.ListResults(pb.ListResultsRequest(run_id=run_id)),
    ):
        with refused("NOT_FOUND", "RUN_NOT_FOUND"):
            await call


async def test_another_organisations_run_is_not_found(caller, someone, refused):
    dataset = await caller.import_rows(ROWS[:1])
    run = await caller.start(dataset)
    stranger = someone()
    for call in (
        stranger.runs.GetRun(pb.GetRunRequest(id=run.id)),
        stranger.runs.CancelRun(pb.CancelRunRequest(id=run.id)),
        stranger.runs.ListResults(pb.ListResultsRequest(run_id=run.id)),
    ):
        with refused("NOT_FOUND", "RUN_NOT_FOUND"):
            await call
    with refused("NOT_FOUND", "DATASET_NOT_FOUND"):
        await stranger.start(dataset)
    assert (await caller.run(run.id)).status == pb.RUN_STATUS_QUEUED


async def test_an_id_must_be_named(caller, refused):
    for call, field in (
        (caller.runs.GetRun(pb.GetRunRequest()), "id"),
        (caller.runs.CancelRun(pb.CancelRunRequest()), "id"),
        (caller.runs.ListResults(pb.ListResultsRequest()), "run_id"),
    ):
        with refused("INVALID_ARGUMENT", "FIELD_MISSING") as refusal:
            await call
        assert refusal.violations == [field]
