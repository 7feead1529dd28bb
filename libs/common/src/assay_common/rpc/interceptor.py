"""What happens around every RPC of a server: request id, deadline, authorisation, errors, metrics, one log line."""

import asyncio
import inspect
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any, Final

import grpc
import grpc.aio
import structlog

from assay_common import idempotency
from assay_common.identity import act_as, current_principal
from assay_common.logs import REQUEST_ID_METADATA, new_request_id, request_id
from assay_common.metrics import GRPC_SERVER_HANDLED, GRPC_SERVER_HANDLING_SECONDS
from assay_common.origin import Origin, originate
from assay_common.rpc.authorisation import Authoriser, is_infrastructure
from assay_common.rpc.client import is_safe_to_repeat
from assay_common.rpc.deadline import set_deadline, time_left
from assay_common.rpc.errors import abort, status_of
from assay_protos.permissions import methods

log = structlog.get_logger()

Handler = Any  # grpc's RpcMethodHandler: four optional behaviours and two codecs
Context = grpc.aio.ServicerContext[Any, Any]

MAX_REQUEST_ID_CHARS: Final = 128

_OUR_FAULT: Final = frozenset(
    {
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.DATA_LOSS,
    }
)


class RpcInterceptor(grpc.aio.ServerInterceptor):
    """Wraps every handler. grpc.aio runs each RPC as a task of its own, so context variables are set and left."""

    def __init__(self, authorise: Authoriser) -> None:
        self._authorise = authorise

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler:
        """Replace the behaviour of the RPC's handler by a wrapped one of the same kind."""
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        path = handler_call_details.method
        metadata = {key: value for key, value in handler_call_details.invocation_metadata if isinstance(value, str)}
        codecs = (handler.request_deserializer, handler.response_serializer)
        match handler.request_streaming, handler.response_streaming:
            case False, False:
                return grpc.unary_unary_rpc_method_handler(self._one(path, metadata, handler.unary_unary), *codecs)
            case True, False:
                return grpc.stream_unary_rpc_method_handler(self._one(path, metadata, handler.stream_unary), *codecs)
            case False, True:
                return grpc.unary_stream_rpc_method_handler(self._many(path, metadata, handler.unary_stream), *codecs)
            case _:
                return grpc.stream_stream_rpc_method_handler(self._many(path, metadata, handler.stream_stream), *codecs)

    def _one(self, path: str, metadata: dict[str, str], behaviour: Callable[..., Any]) -> Callable[..., Any]:
        async def respond(request: Any, context: Context) -> Any:
            async with self._around(path, metadata, context):
                return await behaviour(request, context)

        return respond

    def _many(self, path: str, metadata: dict[str, str], behaviour: Callable[..., Any]) -> Callable[..., Any]:
        async def respond(request: Any, context: Context) -> AsyncIterator[Any]:
            async with self._around(path, metadata, context):
                responses = behaviour(request, context)
                if inspect.isawaitable(responses):  # a handler that calls context.write itself
                    await responses
                    return
                async with aclosing(responses):
                    async for response in responses:
                        yield response

        return respond

    @asynccontextmanager
    async def _around(self, path: str, metadata: dict[str, str], context: Context) -> AsyncIterator[None]:
        started = time.perf_counter()
        set_deadline(context.time_remaining())
        request_id.set(metadata.get(REQUEST_ID_METADATA, "")[:MAX_REQUEST_ID_CHARS] or new_request_id())
        originate(Origin.from_metadata(metadata))
        act_as(None)
        idempotency.handle_once(_once(path, metadata))
        code = grpc.StatusCode.UNKNOWN
        try:
            act_as(await self._authorise(path, metadata.get("authorization")))
            yield
            code = _code_of(context)
        except grpc.aio.AbortError:
            code = _code_of(context)
            raise
        except Exception as error:
            status = status_of(error)
            code = status.code
            if code is grpc.StatusCode.INTERNAL:
                log.exception("rpc failed", method=path)
            await abort(context, status)
        except (asyncio.CancelledError, GeneratorExit):
            code = grpc.StatusCode.DEADLINE_EXCEEDED if time_left() == 0.0 else grpc.StatusCode.CANCELLED
            raise
        finally:
            _record(path, code, time.perf_counter() - started)


def _once(path: str, metadata: dict[str, str]) -> idempotency.Once | None:
    """What a repetition is known by, of an RPC that the contract does not declare safe to repeat."""
    key = metadata.get(idempotency.KEY_METADATA, "")[: idempotency.MAX_CHARS]
    method = methods().get(path)
    return None if not key or method is None or is_safe_to_repeat(method) else idempotency.Once(path, key)


def _code_of(context: Context) -> grpc.StatusCode:
    """The status a handler leaves; grpc.aio knows none until somebody sets it, and that means OK."""
    code: grpc.StatusCode | None = context.code()
    return grpc.StatusCode.OK if code is None else code


def _record(path: str, code: grpc.StatusCode, seconds: float) -> None:
    if not is_infrastructure(path):  # a watch of health lasts as long as its connection and ends by cancellation
        GRPC_SERVER_HANDLED.labels(path, code.name).inc()
        GRPC_SERVER_HANDLING_SECONDS.labels(path).observe(seconds)
    caller = current_principal()
    level = "debug" if is_infrastructure(path) else "warning" if code in _OUR_FAULT else "info"
    getattr(log, level)(
        "rpc",
        method=path,
        code=code.name,
        duration_ms=round(seconds * 1000, 2),
        subject=str(caller.subject) if caller else None,
        org_id=str(caller.org_id) if caller and caller.org_id else None,
    )
