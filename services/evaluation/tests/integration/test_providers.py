"""Providers that misbehave, over real HTTP and through the real LiteLLM: retried, then unmeasured, never wrong."""

import time
from email.utils import formatdate
from uuid import UUID

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

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
    """Runs some items as a worker does; gives the run and its results."""
    await worker().ask.prepare()

    async def measure(items=ROWS, item_seconds=20.0, attempt_seconds=10.0):
        run = await caller.start(await caller.import_rows(items))
        work = worker(item_seconds, attempt_seconds, requests=len(items))
        await work(caller.org_id, UUID(run.id), [*range(len(items))])
        return await caller.run(run.id), await caller.results(run.id)

    return measure


WRONG = {
    "429": ((429, SECRET, {}), "rate limited by the provider (429)"),
    "500": ((500, SECRET, {}), "the provider failed (500)"),
    "503": ((503, b"<html>busy</html>", HTML), "the provider failed (503)"),
    "html": ((200, b"<html>hello</html>", HTML), "the provider's answer cannot be read"),
    "broken json": (b'{"choices": [', "the provider's answer cannot be read"),
    "another json": (b"[1, 2, 3]", "the provider's answer cannot be read"),
    "no content": (NO_CONTENT, "the provider's answer has no content"),
    "hangs up": (ConnectionError, "the provider cannot be reached"),
    "hangs": (TimeoutError, "the model did not answer in "),
}
HOPELESS = {
    "400": (
        (400, b'{"error": {"message": "the prompt is too long"}}', {}),
        "the provider refused the request (400): the prompt is too long, 1 attempt",
    ),
    "404": (
        (404, b'{"error": {"message": "no model small"}}', {}),
        "the provider does not know the model (404): no model small, 1 attempt",
    ),
    "401": ((401, SECRET, {}), "the provider refused the installation's key (401), 1 attempt"),
    "403": ((403, SECRET, {}), "the provider denied access (403), 1 attempt"),
}


def behaviour(outcomes):
    """Each item is answered after its own kind, which its message names."""
    return lambda prompt, _nth: outcomes[prompt.partition(": ")[2]][0]


def rows(outcomes):
    return [{"inputs": {"message": kind}, "expected": kind} for kind in outcomes]


async def test_what_a_provider_gets_wrong_is_unmeasured_with_the_reason(measured, provider):
    provider.answer = behaviour(WRONG)
    run, results = await measured(rows(WRONG), item_seconds=9.0, attempt_seconds=3.0)
    assert (run.status, run.progress.measured, run.progress.unmeasured) == (pb.RUN_STATUS_COMPLETED, 0, len(WRONG))
    assert run.summaries[0].measured == run.summaries[0].passed == 0
    for (kind, (_, reason)), result in zip(WRONG.items(), results, strict=True):
        assert not result.HasField("output")
        assert not result.scores
        assert result.attempts >= 2
        assert result.unmeasured_reason.startswith(reason), kind
        assert result.unmeasured_reason.endswith(f", {result.attempts} attempts within 9 s"), kind
        assert "secret" not in result.unmeasured_reason
    assert len(provider.asked) == sum(result.attempts for result in results)


async def test_a_provider_that_recovers_within_the_deadline_is_measured(measured, provider):
    wrong = behaviour(WRONG)
    provider.answer = lambda prompt, nth: wrong(prompt, nth) if nth == 0 else prompt.removeprefix("Sort well: ")
    run, results = await measured(rows(WRONG), item_seconds=60.0, attempt_seconds=5.0)
    assert (run.progress.measured, run.summaries[0].passed) == (len(WRONG), len(WRONG))
    assert [result.attempts for result in results] == [2] * len(WRONG)


async def test_what_asking_again_does_not_cure_is_asked_once(measured, provider):
    provider.answer = behaviour(HOPELESS)
    _, results = await measured(rows(HOPELESS), item_seconds=30.0, attempt_seconds=10.0)
    assert [result.unmeasured_reason for result in results] == [reason for _, reason in HOPELESS.values()]
    assert len(provider.asked) == len(HOPELESS)


async def test_retry_after_is_honoured(measured, provider):
    asked_at = {}

    def answer(prompt, nth):
        asked_at.setdefault(prompt, []).append(time.monotonic())
        if nth:
            return "sorted"
        wait = "2" if "seconds" in prompt else formatdate(time.time() + 3, usegmt=True)
        return 429, SECRET, {"retry-after": wait}

    provider.answer = answer
    run, _ = await measured(rows(["seconds", "date"]), item_seconds=60.0, attempt_seconds=10.0)
    assert run.progress.measured == 2
    assert all(second - first >= 1.9 for first, second in asked_at.values())


async def test_an_item_that_hangs_does_not_spoil_the_others(measured, provider):
    provider.answer = lambda prompt, _nth: TimeoutError if "mail 1" in prompt else "sorted"
    run, results = await measured(item_seconds=8.0, attempt_seconds=7.5)
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


@pytest.fixture
def spans():
    """What is traced in this process."""
    tracing = trace.get_tracer_provider()
    if not isinstance(tracing, TracerProvider):
        tracing = TracerProvider()
        trace.set_tracer_provider(tracing)
    exporter = InMemorySpanExporter()
    tracing.add_span_processor(SimpleSpanProcessor(exporter))
    return exporter


async def test_every_request_is_a_span_after_the_conventions_for_generative_ai(models, provider, spans):
    model = LiteLlm(entries(models))
    await model.ask("local/small", [Message("user", "hi")], Parameters(max_tokens=7))
    provider.answer = lambda _prompt, _nth: (429, SECRET, {})
    with pytest.raises(NoReplyError):
        await model.ask("local/small", [Message("user", "hi")], Parameters())
    good, bad = [span for span in spans.get_finished_spans() if span.name == "chat local/small"]
    assert dict(good.attributes) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "local/small",
        "gen_ai.request.max_tokens": 7,
        "gen_ai.request.temperature": 0.0,
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 5,
        "gen_ai.response.model": "small-1",
        "gen_ai.response.finish_reasons": ("stop",),
    }
    assert bad.attributes["error.type"] == "rate limited by the provider (429)"
    assert not bad.status.is_ok


async def test_a_provider_that_is_not_there_is_unmeasured(models, provider):
    gone = models["local/small"].model_copy(update={"api_base": "http://127.0.0.1:9/v1"})
    model = LiteLlm(entries({"gone": gone}))
    with pytest.raises(NoReplyError, match="the provider cannot be reached") as raised:
        await model.ask("gone", [Message("user", "hi")], Parameters())
    assert raised.value.worth_retrying
    with pytest.raises(NoReplyError, match="no model 'other' any more"):
        await model.ask("other", [Message("user", "hi")], Parameters())
