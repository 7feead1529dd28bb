from uuid import UUID, uuid4

import pytest

from assay.evaluation.v1 import comparisons_pb2 as pb
from assay.evaluation.v1 import runs_pb2
from assay.type.v1 import visibility_pb2

ROWS = [{"inputs": {"message": f"mail {n}"}, "expected": f"mail {n}"} for n in range(16)]
SAME = runs_pb2.Evaluator(name="same", kind=runs_pb2.EVALUATOR_KIND_EXACT_MATCH)
F1 = runs_pb2.Evaluator(name="f1", kind=runs_pb2.EVALUATOR_KIND_TOKEN_F1)


@pytest.fixture
def two_runs(caller, worker, provider):
    """Runs versions 1 and 2 of the prompt; version 2 answers well, version 1 well for the first `good` items only."""

    async def make(good=0, rows=ROWS):
        right = {f"Sort: {row['inputs']['message']}" for row in rows[:good]}

        def answer(prompt, _nth):
            text = prompt.partition(": ")[2]
            return text if prompt.startswith("Sort well") or prompt in right else "no idea"

        provider.answer = answer
        dataset = await caller.import_rows(rows)
        runs = [await caller.start(dataset, SAME, F1, version=version) for version in (1, 2)]
        for run in runs:
            await worker()(caller.org_id, UUID(run.id), [*range(len(rows))])
        return runs

    return make


async def compared(caller, baseline, candidate, **more):
    return await caller.comparisons.CreateComparison(
        pb.CreateComparisonRequest(baseline_run_id=baseline.id, candidate_run_id=candidate.id, **more)
    )


async def decided(caller, comparison, policy=pb.GATE_POLICY_UNSPECIFIED, label="production"):
    return await caller.comparisons.DecideGate(
        pb.DecideGateRequest(comparison_id=comparison.id, label=label, policy=policy)
    )


async def test_two_runs_are_compared_stored_and_announced(caller, two_runs, stored_events, prompts):
    baseline, candidate = await two_runs(good=3)
    comparison = await compared(caller, baseline, candidate)
    assert (comparison.baseline_run_id, comparison.candidate_run_id) == (baseline.id, candidate.id)
    assert (comparison.prompt_id, comparison.prompt_name) == (prompts.prompt_id, "triage")
    assert (comparison.baseline_version, comparison.candidate_version) == (1, 2)
    assert (comparison.paired_items, comparison.unpaired_items) == (16, 0)
    assert (comparison.verdict, comparison.primary_evaluator) == (pb.VERDICT_BETTER, "same")
    same, f1 = comparison.evaluators
    assert (same.wins, same.losses, same.ties) == (13, 0, 3)
    assert (same.baseline_mean, same.candidate_mean, same.difference) == (3 / 16, 1.0, 13 / 16)
    assert 0 < same.ci_low < same.difference < same.ci_high <= 1
    assert same.mcnemar_p == pytest.approx(2 / 2**13)
    assert not f1.HasField("mcnemar_p")
    metrics = {metric.metric: metric for metric in comparison.metrics}
    assert list(metrics) == ["latency_ms", "input_tokens", "output_tokens", "cost_usd"]
    assert metrics["cost_usd"].baseline_mean == pytest.approx(0.02)
    assert metrics["latency_ms"].candidate_mean > 0
    assert metrics["output_tokens"].difference == 0
    stored = await caller.comparisons.GetComparison(pb.GetComparisonRequest(id=comparison.id))
    assert stored == comparison
    kind, event = (await stored_events(caller.org_id))[-1]
    assert (kind, event.comparison) == ("ComparisonCreated", comparison)


async def test_comparing_again_gives_the_same_numbers(caller, two_runs):
    runs = await two_runs(good=5)
    one, other = await compared(caller, *runs), await compared(caller, *runs, primary_evaluator="f1")
    assert list(one.evaluators) == list(other.evaluators)
    assert (one.primary_evaluator, other.primary_evaluator) == ("same", "f1")


async def test_the_other_way_round_is_worse(caller, two_runs):
    baseline, candidate = await two_runs(good=3)
    there, back = await compared(caller, baseline, candidate), await compared(caller, candidate, baseline)
    assert back.verdict == pb.VERDICT_WORSE
    for one, other in zip(there.evaluators, back.evaluators, strict=True):
        assert (other.difference, other.ci_low, other.ci_high) == pytest.approx(
            (-one.difference, -one.ci_high, -one.ci_low)
        )


async def test_items_that_a_run_could_not_measure_are_left_out(caller, two_runs):
    rows = [*ROWS, {"inputs": {}, "expected": "nothing to fill in"}]
    comparison = await compared(caller, *await two_runs(good=3, rows=rows))
    assert (comparison.paired_items, comparison.unpaired_items) == (16, 1)


async def test_few_items_are_no_evidence(caller, two_runs):
    comparison = await compared(caller, *await two_runs(rows=ROWS[:9]))
    assert comparison.verdict == pb.VERDICT_NO_EVIDENCE
    assert "only 9 items" in comparison.reason


async def test_runs_that_cannot_be_compared_are_refused(caller, someone, two_runs, refused):
    baseline, candidate = await two_runs()
    queued = await caller.start(await caller.import_rows(ROWS), SAME)
    other_items, _ = await two_runs()
    with refused("FAILED_PRECONDITION", "RUN_NOT_COMPLETED") as refusal:
        await compared(caller, baseline, queued)
    assert refusal.details == {"run": queued.id, "status": "queued"}
    with refused("FAILED_PRECONDITION", "RUNS_NOT_COMPARABLE"):
        await compared(caller, baseline, other_items)
    with refused("INVALID_ARGUMENT", "MALFORMED_COMPARISON") as refusal:
        await compared(caller, baseline, baseline)
    assert refusal.violations == ["candidate_run_id"]
    with refused("INVALID_ARGUMENT", "UNKNOWN_EVALUATOR") as refusal:
        await compared(caller, baseline, candidate, primary_evaluator="taste")
    assert refusal.violations == ["primary_evaluator"]
    with refused("NOT_FOUND", "RUN_NOT_FOUND"):
        await compared(someone(), baseline, candidate)
    for missing in (str(uuid4()), "no-id"):
        with refused("NOT_FOUND", "RUN_NOT_FOUND"):
            await caller.comparisons.CreateComparison(
                pb.CreateComparisonRequest(baseline_run_id=baseline.id, candidate_run_id=missing)
            )
    with refused("INVALID_ARGUMENT", "FIELD_MISSING") as refusal:
        await caller.comparisons.CreateComparison(pb.CreateComparisonRequest(candidate_run_id=candidate.id))
    assert refusal.violations == ["baseline_run_id"]


async def test_runs_of_another_prompt_are_not_compared(caller, prompts, two_runs, worker, refused):
    baseline, _ = await two_runs()
    prompts.prompt_id = str(uuid4())
    dataset = type("Found", (), {"id": baseline.dataset_id})
    other = await caller.start(dataset, SAME)
    await worker()(caller.org_id, UUID(other.id), [*range(16)])
    with refused("FAILED_PRECONDITION", "RUNS_NOT_COMPARABLE") as refusal:
        await compared(caller, baseline, other)
    assert "different prompts" in refusal.message


async def test_a_gate_says_yes_and_announces_it(caller, two_runs, stored_events, prompts):
    comparison = await compared(caller, *await two_runs(good=3))
    decision = await decided(caller, comparison)
    assert (decision.allowed, decision.version, decision.label) == (True, 2, "production")
    assert (decision.policy, decision.prompt_id) == (pb.GATE_POLICY_BETTER, prompts.prompt_id)
    assert (decision.comparison_id, decision.decided_by) == (comparison.id, str(caller.subject))
    assert decision.reason.startswith("Allowed: version 2 is better. same: better (")
    assert await caller.comparisons.GetGateDecision(pb.GetGateDecisionRequest(id=decision.id)) == decision
    kind, event = (await stored_events(caller.org_id))[-1]
    assert (kind, event.decision) == ("GateDecided", decision)


async def test_a_gate_says_no_and_why(caller, two_runs, stored_events):
    baseline, candidate = await two_runs(good=16)
    comparison = await compared(caller, baseline, candidate)
    refusal = await decided(caller, comparison, pb.GATE_POLICY_BETTER)
    assert not refusal.allowed
    assert refusal.reason.startswith("Refused: there is no evidence that version 2 is better. same: no evidence")
    assert (await decided(caller, comparison, pb.GATE_POLICY_NOT_WORSE)).allowed
    kinds = [kind for kind, _ in await stored_events(caller.org_id)]
    assert kinds[-2:] == ["GateDecided", "GateDecided"]


async def test_a_gate_over_another_organisations_public_prompt_is_refused(
    caller, two_runs, stored_events, prompts, refused
):
    """Its runs can be compared, its labels are not the caller's to move."""
    prompts.visibility, prompts.organisation_id = visibility_pb2.VISIBILITY_PUBLIC, str(uuid4())
    comparison = await compared(caller, *await two_runs(good=3))
    with refused("PERMISSION_DENIED", "PROMPT_READ_ONLY") as refusal:
        await decided(caller, comparison)
    assert refusal.details == {"prompt": prompts.prompt_id, "visibility": "public"}
    prompts.is_gone = True
    with refused("NOT_FOUND", "PROMPT_NOT_FOUND"):
        await decided(caller, comparison)
    assert "GateDecided" not in [kind for kind, _ in await stored_events(caller.org_id)]


async def test_a_gate_asks_in_the_name_of_the_caller_and_viewers_move_nothing(
    caller, someone, two_runs, prompts, refused
):
    comparison = await compared(caller, *await two_runs(good=3))
    viewer = someone(org_id=caller.org_id, role="viewer")
    with refused("PERMISSION_DENIED", "PROMPT_READ_ONLY"):
        await decided(viewer, comparison)
    prompts.calls.clear()
    assert (await decided(caller, comparison)).allowed
    assert prompts.calls == ["GetPrompt"]


async def test_a_gate_needs_a_label_and_a_comparison_of_its_organisation(caller, someone, two_runs, refused):
    comparison = await compared(caller, *await two_runs(good=3))
    with refused("INVALID_ARGUMENT", "FIELD_MISSING") as refusal:
        await decided(caller, comparison, label="")
    assert refusal.violations == ["label"]
    with refused("INVALID_ARGUMENT", "MALFORMED_GATE") as refusal:
        await decided(caller, comparison, label="latest")
    assert refusal.violations == ["label"]
    with refused("INVALID_ARGUMENT", "MALFORMED_GATE") as refusal:
        await decided(caller, comparison, policy=9)
    assert refusal.violations == ["policy"]
    with refused("NOT_FOUND", "COMPARISON_NOT_FOUND"):
        await decided(someone(), comparison)
    with refused("NOT_FOUND", "COMPARISON_NOT_FOUND"):
        await someone().comparisons.GetComparison(pb.GetComparisonRequest(id=comparison.id))
    decision = await decided(caller, comparison)
    for stranger, decision_id in ((someone(), decision.id), (caller, str(uuid4())), (caller, "no-id")):
        with refused("NOT_FOUND", "GATE_DECISION_NOT_FOUND"):
            await stranger.comparisons.GetGateDecision(pb.GetGateDecisionRequest(id=decision_id))
    for call in (
        caller.comparisons.GetComparison(pb.GetComparisonRequest()),
        caller.comparisons.GetGateDecision(pb.GetGateDecisionRequest()),
        caller.comparisons.DecideGate(pb.DecideGateRequest(label="production")),
    ):
        with refused("INVALID_ARGUMENT", "FIELD_MISSING"):
            await call
