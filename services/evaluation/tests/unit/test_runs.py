from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from assay_common.visibility import Visibility
from assay_evaluation.domain.datasets import Dataset, DatasetItem
from assay_evaluation.domain.errors import (
    DatasetEmpty,
    DatasetVersionNotFound,
    EvaluatorConfigInvalid,
    ExpectedAnswersMissing,
    MalformedDataset,
    MalformedRun,
)
from assay_evaluation.domain.evaluators import Evaluator, EvaluatorKind, Score
from assay_evaluation.domain.events import tasks_of
from assay_evaluation.domain.runs import (
    Batch,
    ItemResult,
    NewRun,
    Parameters,
    Usage,
    check_expected,
    evaluator_named,
    missing_variables_reason,
    summarised,
)

AT = datetime(2026, 1, 1, tzinfo=UTC)
SAME = Evaluator("same", EvaluatorKind.EXACT_MATCH, {})
F1 = Evaluator("f1", EvaluatorKind.TOKEN_F1, {})
TICKET = Evaluator("ticket", EvaluatorKind.REGEX, {"pattern": r"\d+"})
WANTED = NewRun("triage", "", 0, "mails", 0, "small", Parameters(), (SAME,))


def fields(error):
    return [violation.field for violation in error.violations]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"prompt": ""}, "prompt"),
        ({"dataset": ""}, "dataset"),
        ({"model": ""}, "model"),
        ({"label": "production", "version": 2}, "label"),
        ({"version": -1}, "version"),
        ({"dataset_version": -1}, "dataset_version"),
        ({"evaluators": ()}, "evaluators"),
        ({"evaluators": (SAME, SAME)}, "evaluators[1].name"),
        ({"evaluators": (replace(SAME, config={"schema": "x" * 200_001}),)}, "evaluators"),
        ({"evaluators": (replace(SAME, name="x" * 101),)}, "evaluators[0].name"),
        ({"parameters": Parameters(max_tokens=0)}, "parameters.max_tokens"),
        ({"parameters": Parameters(temperature=2.5)}, "parameters.temperature"),
        ({"parameters": Parameters(temperature=float("nan"))}, "parameters.temperature"),
        ({"parameters": Parameters(stop=("",))}, "parameters.stop"),
        ({"parameters": Parameters(stop=("a", "b", "c", "d", "e"))}, "parameters.stop"),
    ],
)
def test_a_request_names_the_field_that_is_wrong(changes, field):
    with pytest.raises(MalformedRun) as raised:
        replace(WANTED, **changes).check()
    assert fields(raised.value) == [field]


def test_all_that_is_wrong_is_told_at_once():
    with pytest.raises(MalformedRun) as raised:
        NewRun("", "a", 1, "", 0, "", Parameters(), ()).check()
    assert fields(raised.value) == ["prompt", "dataset", "model", "label", "evaluators"]


def test_configurations_are_tried_before_anything_runs():
    broken = Evaluator("ticket", EvaluatorKind.REGEX, {"pattern": "("})
    with pytest.raises(EvaluatorConfigInvalid) as raised:
        replace(WANTED, evaluators=(SAME, broken)).check()
    assert fields(raised.value) == ["evaluators[1].config"]
    WANTED.check()


def test_an_evaluator_without_a_name_is_called_as_its_kind():
    assert evaluator_named("", EvaluatorKind.TOKEN_F1, {}).name == "token_f1"


def item(index, expected):
    return DatasetItem(uuid4(), index, {}, expected, {})


def test_evaluators_that_compare_need_expected_answers():
    items = [item(0, "a"), item(1, None), item(2, None)]
    check_expected([TICKET, Evaluator("says", EvaluatorKind.CONTAINS, {"text": "x"})], items)
    check_expected([SAME], items[:1])
    with pytest.raises(ExpectedAnswersMissing, match=r"2 of 3 items .* \(the first is item 1\), which same, f1 need"):
        check_expected([SAME, F1, TICKET], items)


def answered(index, score, cost=0.5):
    scores = (Score("same", float(score), bool(score)), Score("f1", unmeasured_reason="broken"))
    return ItemResult(index, "x", scores, "", Usage(100.0, 10, 5, cost), 1, AT)


def test_a_batch_adds_up_what_was_measured():
    results = [answered(0, 1), answered(1, 0), ItemResult.unmeasured(2, "away", at=AT, attempts=3)]
    batch = Batch.of(results)
    assert (batch.measured, batch.unmeasured) == (2, 1)
    assert batch.usage == Usage(200.0, 20, 10, 1.0)
    assert Batch.of([answered(0, 1, cost=None)]).usage.cost_usd is None
    same, f1 = summarised([SAME, F1], results)
    assert (same.measured, same.passed, same.mean_score) == (2, 1, 0.5)
    assert (f1.measured, f1.passed, f1.mean_score) == (0, None, None)


def test_a_run_is_cut_into_tasks_that_hold_every_item_once():
    run_id = uuid4()
    tasks = tasks_of(run_id, list(range(20)), 8)
    assert [task.indexes for task in tasks] == [tuple(range(8)), tuple(range(8, 16)), tuple(range(16, 20))]
    assert tasks_of(run_id, [], 8) == []


def test_missing_variables_are_named():
    assert missing_variables_reason(["name"]) == "no value for the variable name"
    assert missing_variables_reason(["name", "tone"]) == "no value for the variables name, tone"


@pytest.mark.parametrize("name", ["", "Mails", "a b", "-a", "x" * 101, "01a1fdfb-7706-706a-9e57-865ff8fce780"])
def test_a_dataset_needs_a_name_of_the_form(name):
    with pytest.raises(MalformedDataset):
        Dataset.create(uuid4(), uuid4(), name, "", Visibility.ORGANISATION, by=uuid4(), at=AT)


def test_versions_of_a_dataset_are_counted():
    dataset = Dataset.create(uuid4(), uuid4(), "mails", "", Visibility.ORGANISATION, by=uuid4(), at=AT)
    with pytest.raises(DatasetEmpty):
        dataset.version_number(0)
    extended, version = replace(dataset, latest_version=1).extended([], by=uuid4(), at=AT)
    assert (version.number, extended.latest_version, extended.version_number(0), extended.version_number(1)) == (
        2,
        2,
        2,
        1,
    )
    for number in (3, -1):
        with pytest.raises(DatasetVersionNotFound):
            extended.version_number(number)
