"""Language models through LiteLLM, which speaks the dialects of the providers."""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

import structlog
from opentelemetry import trace
from opentelemetry.util.types import AttributeValue
from prometheus_client import Histogram

from assay_common.tracing import span
from assay_evaluation.adapters.catalogue import ModelEntry
from assay_evaluation.application.ports import NoReplyError, Reply
from assay_evaluation.domain.runs import Message, Parameters

log = structlog.get_logger()

_REFUSED: Final = {400: "refused the request", 404: "does not know the model", 422: "refused the request"}
_DENIED: Final = {401: "refused the installation's key", 402: "asks for payment", 403: "denied access"}
_TOO_MANY_REQUESTS: Final = 429
_TIMEOUTS: Final = frozenset({408, 504})
_SERVER_ERROR: Final = 500
MAX_DETAIL: Final = 200
MODEL_SECONDS: Final = Histogram(
    "gen_ai_client_operation_duration_seconds",
    "Time of one request to a model (OpenTelemetry's conventions for generative AI).",
    ["gen_ai_request_model", "outcome"],
    buckets=(0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92),
)


class LiteLlm:
    """Asks the models of the catalogue; a model's address and key come from there and from nowhere else."""

    def __init__(self, entries: Mapping[str, ModelEntry]) -> None:
        self._entries = entries
        self._loading = asyncio.Lock()
        self._litellm: Any = None

    async def prepare(self) -> None:
        """Load LiteLLM, in a thread: that takes seconds and 180 MB, which a process that asks nothing saves."""
        async with self._loading:
            if self._litellm is None:
                self._litellm = await asyncio.to_thread(_load)

    async def ask(self, model: str, messages: Sequence[Message], parameters: Parameters) -> Reply:
        """The answer to a conversation. Raises NoReplyError for whatever goes wrong on the way."""
        entry = self._entries.get(model)
        if entry is None:
            raise NoReplyError(f"the catalogue has no model {model!r} any more", worth_retrying=False)
        await self.prepare()
        with _chat_span(model, entry, parameters) as current:
            started = time.perf_counter()
            response = await self._complete(entry, messages, parameters)
            latency_ms = (time.perf_counter() - started) * 1000
            reply = self._reply(entry, response, latency_ms)
            _note_response(current, response, reply)
        return reply

    async def _complete(self, entry: ModelEntry, messages: Sequence[Message], parameters: Parameters) -> Any:
        try:
            return await self._litellm.acompletion(
                model=entry.litellm_model,
                messages=[{"role": message.role, "content": message.content} for message in messages],
                api_base=entry.api_base,
                api_key=entry.api_key,
                max_tokens=parameters.max_tokens,
                temperature=parameters.temperature,
                seed=parameters.seed,
                stop=list(parameters.stop) or None,
                drop_params=True,
                num_retries=0,
                max_retries=0,
            )
        except Exception as error:  # LiteLLM raises what it likes; an item must never fail the task for it
            failure = failure_from(error)
            kind = type(error).__name__
            log.info("model gave no reply", model=entry.litellm_model, reason=failure.reason, error=kind)
            raise failure from error

    def _reply(self, entry: ModelEntry, response: Any, latency_ms: float) -> Reply:
        text = response.choices[0].message.content if response.choices else None
        if not isinstance(text, str):
            raise NoReplyError("the provider's answer has no content", worth_retrying=True)
        usage = getattr(response, "usage", None)
        input_tokens, output_tokens = _count(usage, "prompt_tokens"), _count(usage, "completion_tokens")
        cost = self._cost(entry, response, input_tokens, output_tokens)
        return Reply(_storable(text), latency_ms, input_tokens, output_tokens, cost)

    def _cost(self, entry: ModelEntry, response: Any, input_tokens: int, output_tokens: int) -> float | None:
        if entry.price is not None:
            return input_tokens * entry.price.input + output_tokens * entry.price.output
        if input_tokens == output_tokens == 0:
            return None  # the provider did not say what was used
        try:
            return float(self._litellm.completion_cost(completion_response=response, model=entry.litellm_model))
        except Exception:  # the table has no such model, or no price for it; LiteLLM has no one class for that
            return None


def _load() -> Any:
    # Neither a price list from the network nor a .env file of the working directory.
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    os.environ.setdefault("LITELLM_MODE", "PRODUCTION")
    litellm: Any = importlib.import_module("litellm")
    # Loaded by the first request otherwise, whose latency would be measured with seconds of import in it.
    importlib.import_module("openai.resources.chat.completions")
    # Its first request to a provider would load these, and hold the event loop up for as long.
    importlib.import_module("openai.resources.chat")
    litellm.telemetry = False
    litellm.suppress_debug_info = True
    logging.getLogger("LiteLLM").setLevel(logging.WARNING)  # it logs every request
    return litellm


def failure_from(error: Exception) -> NoReplyError:
    """What an exception of LiteLLM means: in words without secrets or addresses, and whether to ask again.

    LiteLLM gives broken connections and unreadable answers the status 500; only an answer of the provider has headers.
    """
    headers = getattr(error, "litellm_response_headers", None)
    status = getattr(error, "status_code", None)
    if not isinstance(status, int) or (headers is None and status >= _SERVER_ERROR):
        return NoReplyError(_without_status(error), worth_retrying=True)
    if status == _TOO_MANY_REQUESTS:
        wait = _retry_after(headers)
        return NoReplyError("rate limited by the provider (429)", worth_retrying=True, retry_after=wait)
    if status in _TIMEOUTS:
        return NoReplyError(f"the provider took too long ({status})", worth_retrying=True)
    if status >= _SERVER_ERROR:
        return NoReplyError(f"the provider failed ({status})", worth_retrying=True, retry_after=_retry_after(headers))
    if status in _DENIED:
        return NoReplyError(f"the provider {_DENIED[status]} ({status})", worth_retrying=False)
    return NoReplyError(
        f"the provider {_REFUSED.get(status, 'refused the request')} ({status}): {_detail(error)}", worth_retrying=False
    )


def _without_status(error: Exception) -> str:
    names = {type(cause).__module__.partition(".")[0] for cause in _chain(error)}
    if names & {"httpx", "aiohttp"} or any(isinstance(cause, OSError) for cause in _chain(error)):
        return "the provider cannot be reached"
    return "the provider's answer cannot be read"


def _chain(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _detail(error: Exception) -> str:
    """The provider's own words, without the names that LiteLLM puts before them."""
    words = re.sub(r"^(litellm\.)?(\w+Error: )*(\w+Exception - )?", "", str(error))
    return _storable(words.strip().partition("\n")[0][:MAX_DETAIL])


def _retry_after(headers: Any) -> float | None:
    """Seconds to wait, from a Retry-After header in either form of RFC 9110."""
    value = str((headers or {}).get("retry-after") or "").strip()
    if re.fullmatch(r"\d+(\.\d+)?", value):
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (moment - datetime.now(UTC)).total_seconds()) if moment.tzinfo else None


def _count(usage: Any, name: str) -> int:
    value = getattr(usage, name, None)
    return value if isinstance(value, int) and value > 0 else 0


def _storable(text: str) -> str:
    """The text without what PostgreSQL cannot keep: NUL characters and lone surrogates."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


@contextmanager
def _chat_span(model: str, entry: ModelEntry, parameters: Parameters) -> Iterator[trace.Span]:
    """A client span after OpenTelemetry's conventions for generative AI."""
    attributes: dict[str, AttributeValue] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": entry.litellm_model.partition("/")[0],
        "gen_ai.request.model": model,
        "gen_ai.request.max_tokens": parameters.max_tokens,
        "gen_ai.request.temperature": parameters.temperature,
    }
    began, outcome = time.perf_counter(), "no_reply"
    with span(f"chat {model}", kind=trace.SpanKind.CLIENT, attributes=attributes) as current:
        try:
            yield current
            outcome = "reply"
        except NoReplyError as failure:
            current.set_attribute("error.type", failure.reason)
            raise
        finally:
            MODEL_SECONDS.labels(model, outcome).observe(time.perf_counter() - began)


def _note_response(current: trace.Span, response: Any, reply: Reply) -> None:
    current.set_attribute("gen_ai.usage.input_tokens", reply.input_tokens)
    current.set_attribute("gen_ai.usage.output_tokens", reply.output_tokens)
    if isinstance(response.model, str):
        current.set_attribute("gen_ai.response.model", response.model)
    finish = response.choices[0].finish_reason
    if isinstance(finish, str):
        current.set_attribute("gen_ai.response.finish_reasons", [finish])
