"""Ask a model until it answers, its deadline is spent, or it says that asking again is of no use."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_before_delay, wait_exponential_jitter

from assay_evaluation.application.ports import LanguageModel, NoReplyError, Reply
from assay_evaluation.domain.runs import Message, Parameters

_BACK_OFF: Final = wait_exponential_jitter(multiplier=0.5, max=10, jitter=0.5)
"""Seconds between two attempts: doubled each time, with up to half a second at random on top."""

_LEAST_SECONDS: Final = 1.0
"""An attempt that would have less time than that before the deadline is not begun."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A reply, or the reason why there is none; and how often the model was asked."""

    reply: Reply | None
    reason: str
    attempts: int


@dataclass(frozen=True, slots=True)
class AskModel:
    """Ask with back-off, honouring the provider's Retry-After, within a deadline for the whole."""

    model: LanguageModel
    deadline_seconds: float
    attempt_seconds: float
    """After which one attempt counts as failed, so that a hanging request can be made again."""

    async def prepare(self) -> None:
        """Get ready to ask; the deadlines of questions begin after that."""
        await self.model.prepare()

    async def __call__(self, model: str, messages: Sequence[Message], parameters: Parameters) -> Asked:
        """Never raises for what a provider does."""
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + self.deadline_seconds
        attempts = 0
        try:
            async for attempt in self._attempts():
                with attempt:
                    attempts += 1
                    seconds = min(self.attempt_seconds, ends_at - loop.time())
                    reply = await self._asked_once(model, messages, parameters, seconds)
        except NoReplyError as failure:
            return Asked(None, _reason(failure, attempts, self.deadline_seconds), attempts)
        return Asked(reply, "", attempts)

    async def _asked_once(
        self, model: str, messages: Sequence[Message], parameters: Parameters, seconds: float
    ) -> Reply:
        try:
            async with asyncio.timeout(seconds):
                return await self.model.ask(model, messages, parameters)
        except TimeoutError as error:
            raise NoReplyError(f"the model did not answer in {seconds:.3g} s", worth_retrying=True) from error

    def _attempts(self) -> AsyncRetrying:
        return AsyncRetrying(
            retry=retry_if_exception(_is_worth_retrying),
            wait=_pause,
            stop=stop_before_delay(max(0.0, self.deadline_seconds - _LEAST_SECONDS)),
            sleep=asyncio.sleep,
            reraise=True,
        )


def _is_worth_retrying(error: BaseException) -> bool:
    return isinstance(error, NoReplyError) and error.worth_retrying


def _pause(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    asked_for = error.retry_after if isinstance(error, NoReplyError) else None
    return max(_BACK_OFF(state), asked_for or 0.0)


def _reason(failure: NoReplyError, attempts: int, deadline: float) -> str:
    counted = f"{failure.reason}, {attempts} attempt{'' if attempts == 1 else 's'}"
    return f"{counted} within {deadline:g} s" if failure.worth_retrying else counted
