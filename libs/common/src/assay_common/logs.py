"""Structured logs: one JSON object a line on standard output, with trace and request ids and without secrets."""

import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from secrets import token_hex
from typing import Any, Final

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from assay_common.settings import MASK, LogSettings, mask_url
from assay_common.tracing import current_span_id, current_trace_id

REQUEST_ID_METADATA = "x-request-id"
"""gRPC metadata key of the request id."""
REQUEST_ID_HEADER = "request_id"
"""Kafka header of the request id."""

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The id of the request that caused the current work, over all services and messages."""

_SECRET_KEY = re.compile(r"password|token|secret|authorization|api_?key", re.IGNORECASE)
_BEARER = re.compile(r"\b(?i:bearer)\s+\S+|\beyJ[\w-]+\.[\w-]+\.[\w-]*")
_PROCESSORS: Final[list[Processor]] = []
"""One list for the life of the process: a logger keeps that of its first use, and hears of a later configuration so."""
_NOT_SECRET = frozenset({"tokens", "input_tokens", "output_tokens", "total_tokens", "max_tokens"})


def new_request_id() -> str:
    """A fresh id for a request that came without one."""
    return token_hex(16)


@contextmanager
def bound_request_id(value: str | None) -> Iterator[None]:
    """Make `value` the request id of everything inside the block."""
    token = request_id.set(value)
    try:
        yield
    finally:
        request_id.reset(token)


def configure_logging(service: str, settings: LogSettings) -> None:
    """Send structlog and the standard library's logging to standard output in one form."""
    _PROCESSORS[:] = [*_common(service), *_render(settings)]
    structlog.configure(
        processors=_PROCESSORS,
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[settings.level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *_common(service)],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_render(settings)],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.level)
    for chatty in ("aiokafka", "alembic", "uvicorn", "uvicorn.access"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))


def _common(service: str) -> list[Processor]:
    def add_service(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
        event["service"] = service
        return event

    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_service,
        add_ids,
    ]


def _render(settings: LogSettings) -> list[Processor]:
    if settings.format == "console":
        return [structlog.processors.format_exc_info, mask_secrets, structlog.dev.ConsoleRenderer()]
    return [structlog.processors.format_exc_info, mask_secrets, structlog.processors.JSONRenderer(default=str)]


def add_ids(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """Add the ids that join this line with others: trace, span and request (null where there is none)."""
    event.setdefault("trace_id", current_trace_id())
    event.setdefault("span_id", current_span_id())
    event.setdefault("request_id", request_id.get())
    return event


def mask_secrets(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """Mask values under secret keys, bearer tokens and JWTs in any text, and passwords in URLs."""
    return {key: _masked(key, value) for key, value in event.items()}


@lru_cache(maxsize=1024)
def _is_secret(key: str) -> bool:
    return key not in _NOT_SECRET and _SECRET_KEY.search(key) is not None


def _masked_text(text: str) -> str:
    """The text without secrets; the plain searches come first because nearly every text has nothing to mask."""
    if "://" in text:
        text = mask_url(text)
    if "eyJ" in text or "bearer" in text.lower():
        text = _BEARER.sub(MASK, text)
    return text


def _masked(key: str, value: Any) -> Any:
    if value is not None and _is_secret(key):
        return MASK
    match value:
        case str():
            return _masked_text(value)
        case dict():
            return {name: _masked(str(name), item) for name, item in value.items()}
        case list() | tuple():
            return [_masked("", item) for item in value]
        case _:
            return value
