"""The two clients."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Final, Self

import httpx

from assay_client.async_operations import AsyncOperations
from assay_client.async_transport import AsyncTransport
from assay_client.credentials import SessionStore
from assay_client.exchange import Identity
from assay_client.operations import Operations
from assay_client.transport import Transport

DEFAULT_URL: Final = "http://127.0.0.1:8080"
"""Where `make up` puts the gateway."""
TIMEOUT: Final = httpx.Timeout(60, connect=5)


class Assay(Operations):
    """A client of one gateway: `client.prompts.create_prompt({"name": "triage"})`.

    Requests are repeated where that is safe (every POST carries an Idempotency-Key), as long and as often as the
    gateway asks for. May be used by many threads.

    Args:
        url: of the gateway.
        api_key: whose calls they are; or
        session: a store of a sign-in's tokens, which are renewed in time.
        options: for `httpx.Client`, such as `verify` or `transport`.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        *,
        api_key: str | None = None,
        session: SessionStore | None = None,
        **options: Any,
    ) -> None:
        http = httpx.Client(**_http_options(url, options))
        super().__init__(Transport(http, Identity(api_key, session)))

    @property
    def transport(self) -> Transport:
        """What sends the calls."""
        return self._transport

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._transport.http.close()


class AsyncAssay(AsyncOperations):
    """The same for programs on asyncio: `await client.prompts.create_prompt({"name": "triage"})`."""

    def __init__(
        self,
        url: str = DEFAULT_URL,
        *,
        api_key: str | None = None,
        session: SessionStore | None = None,
        **options: Any,
    ) -> None:
        http = httpx.AsyncClient(**_http_options(url, options))
        super().__init__(AsyncTransport(http, Identity(api_key, session)))

    @property
    def transport(self) -> AsyncTransport:
        """What sends the calls."""
        return self._transport

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.http.aclose()


def _http_options(url: str, options: dict[str, Any]) -> dict[str, Any]:
    # A proxy of the user's would look for a gateway on this machine on its own.
    is_here = httpx.URL(url).host in ("localhost", "127.0.0.1", "::1")
    return {"base_url": url.rstrip("/"), "timeout": TIMEOUT, "trust_env": not is_here, **options}
