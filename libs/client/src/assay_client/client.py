"""The two clients."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from types import TracebackType
from typing import Any, Final, Self

import httpx

from assay_client import async_live, live, sign_in
from assay_client.async_cached_prompts import AsyncCachedPrompts
from assay_client.async_operations import AsyncOperations
from assay_client.async_transport import AsyncTransport
from assay_client.cached_prompts import CachedPrompts
from assay_client.credentials import InMemory, Session, SessionStore
from assay_client.errors import NotSignedIn
from assay_client.exchange import Identity
from assay_client.live import Event, Gap
from assay_client.operations import Operations
from assay_client.prompt import Prompt
from assay_client.shelf import CachePolicy, Shelf
from assay_client.sign_in import DeviceSignIn
from assay_client.transport import Transport

DEFAULT_URL: Final = "http://127.0.0.1:8080"
"""Where `make up` puts the gateway."""
TIMEOUT: Final = httpx.Timeout(60, connect=5)


class Assay(Operations):
    """A client of one gateway: `client.prompts.create_prompt({"name": "triage"})`.

    Requests are repeated where that is safe (every POST carries an Idempotency-Key), as long and as often as the
    gateway asks for. May be used by many threads. Every call raises Problem, NotSignedIn or Unreachable.

    Args:
        url: of the gateway.
        api_key: whose calls they are; or
        session: a store of a sign-in's tokens, which are renewed in time; by default one that ends with the program.
        cache: how `prompt` keeps what it has read.
        options: for `httpx.Client`, such as `verify` or `transport`.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        *,
        api_key: str | None = None,
        session: SessionStore | None = None,
        cache: CachePolicy | None = None,
        **options: Any,
    ) -> None:
        http = httpx.Client(**_http_options(url, options))
        super().__init__(Transport(http, _identity(api_key, session)))
        self._cached = CachedPrompts(self._transport, Shelf(url.rstrip("/"), cache or CachePolicy()))

    @property
    def transport(self) -> Transport:
        """What sends the calls."""
        return self._transport

    def prompt(self, name: str, *, label: str | None = None, version: int | None = None) -> Prompt:
        """A version of a prompt (name or id) by label or number, or the newest, from the cache.

        While the gateway does not answer, the last good version is served; its `is_stale` says so.
        """
        return self._cached.get(name, label, version)

    def events(self, topics: Sequence[str] = (), *, after: str | None = None) -> Iterator[Event | Gap]:
        """The organisation's events as they happen, without an end; the connection is made anew when it breaks.

        Args:
            topics: such as `prompt`, or types of events; none = all.
            after: the cursor of the last event that was seen.
        """
        return live.follow(self._transport, topics, after)

    def sign_in(
        self, email: str, password: str, *, organisation: str | None = None, one_time_code: str | None = None
    ) -> Session:
        """Open a session with an address and a password, and act in that organisation (id or slug)."""
        return self._transport.run(sign_in.by_password(self._store, email, password, organisation, one_time_code))

    def begin_device_sign_in(self, client_name: str) -> DeviceSignIn:
        """Begin a sign-in that somebody approves in a browser (RFC 8628): show them code and address."""
        return self._transport.run(sign_in.begin_on_device(client_name))

    def finish_device_sign_in(self, device: DeviceSignIn) -> Session:
        """Wait until the sign-in was approved. Raises NotSignedIn when it was refused, or not approved in time."""
        return self._transport.run(sign_in.finish_on_device(self._store, device))

    def sign_out(self) -> bool:
        """Close the session; False when there was none."""
        return self._transport.run(sign_in.out(self._store))

    def act_in(self, organisation: str) -> Session:
        """Act in this organisation (id or slug) from now on."""
        return self._transport.renew(self._store, organisation=organisation)

    @property
    def _store(self) -> SessionStore:
        return _store_of(self._transport.identity)

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
        cache: CachePolicy | None = None,
        **options: Any,
    ) -> None:
        http = httpx.AsyncClient(**_http_options(url, options))
        super().__init__(AsyncTransport(http, _identity(api_key, session)))
        self._cached = AsyncCachedPrompts(self._transport, Shelf(url.rstrip("/"), cache or CachePolicy()))

    @property
    def transport(self) -> AsyncTransport:
        """What sends the calls."""
        return self._transport

    async def prompt(self, name: str, *, label: str | None = None, version: int | None = None) -> Prompt:
        """A version of a prompt (name or id) by label or number, or the newest, from the cache.

        While the gateway does not answer, the last good version is served; its `is_stale` says so.
        """
        return await self._cached.get(name, label, version)

    def events(self, topics: Sequence[str] = (), *, after: str | None = None) -> AsyncIterator[Event | Gap]:
        """The organisation's events as they happen, without an end; the connection is made anew when it breaks.

        Args:
            topics: such as `prompt`, or types of events; none = all.
            after: the cursor of the last event that was seen.
        """
        return async_live.follow(self._transport, topics, after)

    async def sign_in(
        self, email: str, password: str, *, organisation: str | None = None, one_time_code: str | None = None
    ) -> Session:
        """Open a session with an address and a password, and act in that organisation (id or slug)."""
        return await self._transport.run(sign_in.by_password(self._store, email, password, organisation, one_time_code))

    async def begin_device_sign_in(self, client_name: str) -> DeviceSignIn:
        """Begin a sign-in that somebody approves in a browser (RFC 8628): show them code and address."""
        return await self._transport.run(sign_in.begin_on_device(client_name))

    async def finish_device_sign_in(self, device: DeviceSignIn) -> Session:
        """Wait until the sign-in was approved. Raises NotSignedIn when it was refused, or not approved in time."""
        return await self._transport.run(sign_in.finish_on_device(self._store, device))

    async def sign_out(self) -> bool:
        """Close the session; False when there was none."""
        return await self._transport.run(sign_in.out(self._store))

    async def act_in(self, organisation: str) -> Session:
        """Act in this organisation (id or slug) from now on."""
        return await self._transport.renew(self._store, organisation=organisation)

    @property
    def _store(self) -> SessionStore:
        return _store_of(self._transport.identity)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._cached.aclose()
        await self._transport.http.aclose()


def _identity(api_key: str | None, session: SessionStore | None) -> Identity:
    return Identity(api_key, session if session is not None or api_key is not None else InMemory())


def _store_of(identity: Identity) -> SessionStore:
    if identity.store is None:
        raise NotSignedIn("this client has an API key and no place for a session")
    return identity.store


def _http_options(url: str, options: dict[str, Any]) -> dict[str, Any]:
    # A proxy of the user's would look for a gateway on this machine on its own.
    is_here = httpx.URL(url).host in ("localhost", "127.0.0.1", "::1")
    return {"base_url": url.rstrip("/"), "timeout": TIMEOUT, "trust_env": not is_here, **options}
