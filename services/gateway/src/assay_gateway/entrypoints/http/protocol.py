"""The HTTP/1.1 protocol with limits on what may come before there is a request: the size and the time of its head."""

from __future__ import annotations

import asyncio
from typing import ClassVar, Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from assay_gateway.entrypoints.http.problems import MEDIA_TYPE, Problem, from_http
from assay_gateway.messages import to_bytes
from assay_gateway.settings import HttpSettings

LAST_REQUEST_SECONDS: Final = 0.5
"""How long a connection without a request is kept once the server stops."""


class GuardedProtocol(HttpToolsProtocol):
    """Ends a connection whose next head is too long (431) or takes too long (408) before it can pile up in memory.

    A head that arrives as a whole is measured exactly later on, where a request has an id and is counted.
    """

    max_head_bytes: ClassVar[int]
    head_seconds: ClassVar[float]

    _in_head = True
    _head_bytes = 0
    _head_timer: asyncio.TimerHandle | None = None
    _is_websocket = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a head, but not for ever."""
        super().connection_made(transport)
        self._head_timer = self.loop.call_later(self.head_seconds, self._head_is_late)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing to wait for any more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse, and look whether that has completed a head."""
        super().data_received(data)
        if self._is_websocket or self.transport.is_closing():
            return
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > self.max_head_bytes:
                self._refuse(from_http(431, "the headers are larger than this server takes"))
                return
        if not self._in_head and self._is_busy():
            self._stop_waiting()
        elif self._head_timer is None:
            self._head_timer = self.loop.call_later(self.head_seconds, self._head_is_late)

    def on_message_begin(self) -> None:
        """A head begins."""
        self._in_head = True
        self._head_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """A head is whole."""
        self._in_head = False
        self._head_bytes = 0
        super().on_headers_complete()

    def handle_websocket_upgrade(self) -> None:
        """The connection goes over to another protocol, which has limits of its own."""
        self._is_websocket = True
        self._stop_waiting()
        super().handle_websocket_upgrade()

    def send_400_response(self, msg: str) -> None:
        """Say as a problem document that this is no HTTP, or that its target is longer than a target may be."""
        self._refuse(from_http(400, msg))

    def shutdown(self) -> None:
        """Close once nothing can be on its way any more: a request that was sent before we close gets its answer."""
        if self._is_busy():
            super().shutdown()
        else:
            self.loop.call_later(LAST_REQUEST_SECONDS, self._close_if_idle)

    def _close_if_idle(self) -> None:
        if not self._is_busy() and not self._head_bytes:
            self.transport.close()

    def _is_busy(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _head_is_late(self) -> None:
        self._head_timer = None
        self._refuse(from_http(408, "the head of the request did not arrive in time"))

    def _refuse(self, problem: Problem) -> None:
        """Say why, unless an answer is on its way, and close."""
        self._stop_waiting()
        if self.transport.is_closing():
            return
        if not self._is_busy():
            body = to_bytes(problem.body(""))
            self.transport.write(
                STATUS_LINE[problem.status]
                + b"content-type: %s\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
                % (MEDIA_TYPE.encode(), len(body))
                + body
            )
        self.transport.close()

    def _stop_waiting(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None


def guarded(settings: HttpSettings) -> type[GuardedProtocol]:
    """The protocol with the limits of these settings."""
    limits = {"max_head_bytes": settings.max_header_bytes, "head_seconds": settings.head_seconds}
    return type("GuardedProtocol", (GuardedProtocol,), limits)
