"""What every group of synchronous operations is built on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from assay_client.call import Call
from assay_client.transport import Transport

PAGE = 200
"""The largest page that the gateway gives."""


class Resource:
    """A group of operations."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def _json(self, call: Call) -> Any:
        return self._transport.send(call).json()

    def _bytes(self, call: Call) -> bytes:
        return self._transport.send(call).content

    def _nothing(self, call: Call) -> None:
        self._transport.send(call)

    def _items(self, call: Call) -> Iterator[Any]:
        cursor: str | None = ""
        while cursor is not None:
            page = self._json(replace(call, query={**call.query, "limit": PAGE, "cursor": cursor or None}))
            yield from page["items"]
            cursor = page["next_cursor"]
