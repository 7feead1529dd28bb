import asyncio

import pytest

from assay_evaluation.application.ask_model import AskModel
from assay_evaluation.application.ports import NoReplyError, Reply
from assay_evaluation.domain.runs import Message, Parameters

REPLY = Reply("hello", 1.0, 2, 3, None)
RATE_LIMITED = NoReplyError("rate limited by the provider (429)", worth_retrying=True)
REFUSED = NoReplyError("the provider refused the request (400): too long", worth_retrying=False)


class Scripted:
    """A model that plays one outcome an attempt, the last one for ever."""

    def __init__(self, *outcomes):
        self.outcomes = list(outcomes)
        self.asked_at = []

    async def prepare(self):
        pass

    async def ask(self, model, messages, parameters):
        self.asked_at.append(asyncio.get_running_loop().time())
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if outcome == "hang":
            await asyncio.Event().wait()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


async def asked(model, deadline=5.0, attempt=2.0):
    return await AskModel(model, deadline, attempt)("small", [Message("user", "hi")], Parameters())


async def test_an_answer_at_once():
    outcome = await asked(Scripted(REPLY))
    assert (outcome.reply, outcome.reason, outcome.attempts) == (REPLY, "", 1)


async def test_a_provider_that_recovers_is_asked_again_after_a_pause():
    model = Scripted(RATE_LIMITED, REPLY)
    outcome = await asked(model)
    assert (outcome.reply, outcome.attempts) == (REPLY, 2)
    assert model.asked_at[1] - model.asked_at[0] >= 0.5


async def test_retry_after_is_honoured():
    model = Scripted(NoReplyError("rate limited by the provider (429)", worth_retrying=True, retry_after=1.5), REPLY)
    await asked(model)
    assert model.asked_at[1] - model.asked_at[0] >= 1.5


async def test_waiting_beyond_the_deadline_is_not_begun():
    loop = asyncio.get_running_loop()
    started = loop.time()
    outcome = await asked(Scripted(NoReplyError("busy (503)", worth_retrying=True, retry_after=3600)))
    assert loop.time() - started < 4
    assert (outcome.reply, outcome.reason) == (None, "busy (503), 1 attempt within 5 s")


async def test_a_deadline_that_is_spent_gives_the_reason_and_the_attempts():
    outcome = await asked(Scripted(RATE_LIMITED), deadline=3.0)
    assert outcome.reply is None
    assert outcome.attempts >= 2
    assert outcome.reason == f"rate limited by the provider (429), {outcome.attempts} attempts within 3 s"


async def test_what_will_not_get_better_is_not_tried_again():
    outcome = await asked(Scripted(REFUSED))
    assert (outcome.attempts, outcome.reason) == (1, "the provider refused the request (400): too long, 1 attempt")


async def test_a_model_that_hangs_is_asked_again():
    outcome = await asked(Scripted("hang", REPLY), attempt=0.3)
    assert (outcome.reply, outcome.attempts) == (REPLY, 2)


async def test_a_model_that_always_hangs_ends_with_the_deadline():
    loop = asyncio.get_running_loop()
    started = loop.time()
    outcome = await asked(Scripted("hang"), deadline=1.5, attempt=0.4)
    assert loop.time() - started < 10
    assert outcome.reason.startswith("the model did not answer in 0.")


async def test_a_cancelled_question_is_cancelled():
    task = asyncio.create_task(asked(Scripted("hang"), attempt=60.0, deadline=60.0))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
