"""Providers that misbehave, over real HTTP and through the real LiteLLM: retried, then unmeasured, never wrong."""

import time
from email.utils import formatdate
from uuid import UUID

import pytest

from assay.evaluation.v1 import runs_pb2 as pb
from assay_evaluation.adapters.litellm import LiteLlm
from assay_evaluation.application.ports import NoReplyError
from assay_evaluation.bootstrap import entries
from assay_evaluation.domain.runs import Message, Parameters

ROWS = [{"inputs": {"message": f"mail {n}"}, "expected": f"mail {n}"} for n in range(3)]
HTML = {"content-type": "text/html"}
NO_CONTENT = b"""{"id": "x", "object": "chat.completion", "created": 1, "model": "small-1", "choices": [
    {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": null}}]}"""
SECRET = b'{"error": {"message": "your key sk-secret-123 at http://10.0.0.1 is bad"}}'


@pytest.fixture
async def measured(caller, worker):
    """Runs three items with a deadline of two seconds each; gives the run and its results."""
    await worker().ask.prepare()

    async def measure(item_seconds=2.0, attempt_seconds=1.0):
        run = await caller.start(await caller.import_rows(ROWS))
        work = worker(item_seconds, attempt_seconds)
        await work(caller.org_id, UUID(run.id), [0, 1, 2])
        return await caller.run(run.id), await caller.results(run.id)

    return measure


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        ((429, SECRET, {}), "rate limited by the provider (429)"),
        ((500, SECRET, {}), "the provider failed (500)"),
        ((503, b"<html>busy</html>", HTML), "the provider failed (503)"),
        ((200, b"<html>hello</html>", HTML), "the provider's answer cannot be read"),
        (b'{"choices": [', "the provider's answer cannot be read"),
        (b"[1, 2, 3]", "the provider's answer cannot be read"),
        (NO_CONTENT, "the provider's answer has no content"),
        (ConnectionError, "the provider cannot be reached"),
        (TimeoutError, "the model did not answer in "),
    ],
    ids=["429", "500", "503", "html", "broken json", "another json", "no content", "hangs up", "hangs"],
)
async def test_what_a_provider_gets_wrong_is_unmeasured_with_the_reason(measured, provider, outcome, reason):
    provider.answer = lambda _prompt, _nth: outcome
    started = time.monotonic()
    run, results = await measured()
    assert time.monotonic() - started < 5
    assert (run.status, run.progress.measured, run.progress.unmeasured) == (pb.RUN_STATUS_COMPLETED, 0, 3)
    assert run.summaries[0].measured == run.summaries[0].passed == 0
    for result in results:
        assert not result.HasField("output")
        assert not result.scores
        assert result.unmeasured_reason.startswith(reason)
        assert result.unmeasured_reason.endswith(f", {result.attempts} attempts within 2 s")
        assert result.attempts >= 2
        assert "secret" not in result.unmeasured_reason
    assert len(provider.asked) == sum(result.attempts for result in results)


@pytest.mark.parametrize(
    "outcome",
    [(429, SECRET, {}), (500, SECRET, {}), b"garbage", ConnectionError, TimeoutError],
    ids=["429", "500", "garbage", "hangs up", "hangs"],
)
async def test_a_provider_that_recovers_within_the_deadline_is_measured(measured, provider, outcome):
    provider.answer = lambda prompt, nth: outcome if nth == 0 else prompt.removeprefix("Sort well: ")
    run, results = await measured(item_seconds=20.0)
    assert (run.progress.measured, run.summaries[0].passed) == (3, 3)
    assert [result.attempts for result in results] == [2, 2, 2]


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (
            (400, b'{"error": {"message": "the prompt is too long"}}', {}),
            "the provider refused the request (400): the prompt is too long, 1 attempt",
        ),
        (
            (404, b'{"error": {"message": "no model small"}}', {}),
            "the provider does not know the model (404): no model small, 1 attempt",
        ),
        ((401, SECRET, {}), "the provider refused the installation's key (401), 1 attempt"),
        ((403, SECRET, {}), "the provider denied access (403), 1 attempt"),
    ],
    ids=["400", "404", "401", "403"],
)
async def test_what_asking_again_does_not_cure_is_asked_once(measured, provider, outcome, reason):
    provider.answer = lambda _prompt, _nth: outcome
    _, results = await measured()
    assert {result.unmeasured_reason for result in results} == {reason}
    assert len(provider.asked) == 3


@pytest.mark.parametrize("wait", ["2", lambda: formatdate(time.time() + 3, usegmt=True)], ids=["seconds", "date"])
async def test_retry_after_is_honoured(measured, provider, wait):
    asked_at = {}

    def answer(prompt, nth):
        asked_at.setdefault(prompt, []).append(time.monotonic())
        if nth:
            return "sorted"
        return 429, SECRET, {"retry-after": wait if isinstance(wait, str) else wait()}

    provider.answer = answer
    run, _ = await measured(item_seconds=20.0)
    assert run.progress.measured == 3
    assert all(1.9 <= second - first < 5 for first, second in asked_at.values())


async def test_an_item_that_hangs_does_not_spoil_the_others(measured, provider):
    provider.answer = lambda prompt, _nth: TimeoutError if "mail 1" in prompt else "sorted"
    run, results = await measured()
    assert (run.progress.measured, run.progress.unmeasured) == (2, 1)
    assert [result.HasField("output") for result in results] == [True, False, True]


async def test_an_empty_answer_is_an_answer(measured, provider):
    provider.answer = lambda _prompt, _nth: ""
    run, results = await measured()
    assert (run.progress.measured, run.summaries[0].passed) == (3, 0)
    assert [result.output for result in results] == ["", "", ""]


async def test_what_a_database_cannot_keep_is_replaced(measured, provider):
    provider.answer = lambda _prompt, _nth: "a\0b\ud800c"
    _, results = await measured()
    assert results[0].output == "a\ufffdb?c"


async def test_a_provider_that_is_not_there_is_unmeasured(models, provider):
    gone = models["local/small"].model_copy(update={"api_base": "http://127.0.0.1:9/v1"})
    model = LiteLlm(entries({"gone": gone}))
    with pytest.raises(NoReplyError, match="the provider cannot be reached") as raised:
        await model.ask("gone", [Message("user", "hi")], Parameters())
    assert raised.value.worth_retrying
    with pytest.raises(NoReplyError, match="no model 'other' any more"):
        await model.ask("other", [Message("user", "hi")], Parameters())
