"""Fetching URLs that a user or an operator has given, without being led into one's own network (SSRF).

Every connection is made to an address that was checked just before, and to nothing else: a name that changes its answer
between check and connection (DNS rebinding) gains nothing. Each redirect is a new connection, and checked again.
Certificates are checked against the system's, or those of SSL_CERT_FILE.
"""

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from ipaddress import ip_address
from typing import Final

import httpx

from assay_common.addresses import Address, is_private, is_public
from assay_common.errors import InvalidArgument, Unavailable, Violation

MAX_URL: Final = 2_000
MAX_REDIRECTS: Final = 3
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_ENDS_IN_NUMBER: Final = re.compile(r"(?:^|\.)(?:[0-9]+|0[xX][0-9a-fA-F]*)\.?$")
"""Hosts that the URL standard reads as an IPv4 address, in one of a dozen spellings."""

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


class UrlNotAllowed(InvalidArgument):
    """The URL has a form that is not fetched, or leads to an address that is not reached from here."""

    def __init__(self, description: str) -> None:
        super().__init__(f"the URL is not allowed: {description}", Violation("url", description))


class FetchFailed(Unavailable):
    """The other side was not reached, took too long, or sent more than is read."""


async def system_addresses(host: str, port: int) -> Sequence[str]:
    """All addresses of a host, by the system's resolver; none when it has none."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


@dataclass(frozen=True, slots=True)
class Guard:
    """Decides which URLs are fetched."""

    allow_private: bool = False
    """Whether hosts of one's own network may be reached, and those of this machine by plain http as well."""
    resolve: Resolve = system_addresses

    async def check(self, url: str) -> Sequence[Address]:
        """The addresses to connect to, every one of them allowed; raises UrlNotAllowed."""
        target = _target(url)
        host, port = _host(target), target.port or _DEFAULT_PORTS[target.scheme]
        found = await self.resolve(host, port)
        if not found:
            raise UrlNotAllowed(f"the host {host} has no address")
        addresses = [_address(text) for text in found]
        if not all(self._may_reach(address) for address in addresses):
            raise UrlNotAllowed(f"the host {host} is not on the public internet")
        if target.scheme != "https" and not (self.allow_private and all(each.is_loopback for each in addresses)):
            raise UrlNotAllowed("must begin with https://")
        return addresses

    def _may_reach(self, address: Address) -> bool:
        return is_public(address) or (self.allow_private and is_private(address))


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answered."""

    status: int
    headers: httpx.Headers
    body: bytes


@dataclass(frozen=True, slots=True)
class Fetcher:
    """Fetches small documents, guarded."""

    client: httpx.AsyncClient
    seconds: float
    """For the whole fetch, redirects included."""
    max_bytes: int

    async def get(self, url: str, headers: Mapping[str, str] | None = None) -> Reply:
        """GET, following at most MAX_REDIRECTS (one more is the answer); raises UrlNotAllowed, FetchFailed."""
        return await self._fetched(self.client.build_request("GET", url, headers=headers), MAX_REDIRECTS)

    async def post_form(self, url: str, form: Mapping[str, str], auth: tuple[str, str] | None = None) -> Reply:
        """POST a form, perhaps with basic authentication, to no redirect; raises UrlNotAllowed, FetchFailed."""
        request = self.client.build_request("POST", url, data=dict(form))
        return await self._fetched(request, 0, httpx.BasicAuth(*auth) if auth else None)

    async def _fetched(self, request: httpx.Request, redirects: int, auth: httpx.Auth | None = None) -> Reply:
        host = request.url.host
        try:
            async with asyncio.timeout(self.seconds):
                return await self._followed(request, redirects, auth)
        except TimeoutError as error:
            raise FetchFailed(f"{host} did not answer within {self.seconds:g} seconds") from error
        except httpx.HTTPError as error:
            raise FetchFailed(f"{host} was not reached: {type(error).__name__}") from error

    async def _followed(self, request: httpx.Request, redirects: int, auth: httpx.Auth | None) -> Reply:
        """Follow redirects one by one: the client's own way would read the body of each, whatever its size."""
        response = await self.client.send(request, auth=auth, stream=True)
        try:
            if response.next_request is None or redirects == 0:
                return Reply(response.status_code, response.headers, await self._body(response))
        finally:
            await response.aclose()
        return await self._followed(response.next_request, redirects - 1, auth)

    async def _body(self, response: httpx.Response) -> bytes:
        if response.headers.get("content-encoding", "identity") != "identity":
            raise FetchFailed(f"{response.url.host} compresses, which it was asked not to")
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > self.max_bytes:
                raise FetchFailed(f"{response.url.host} sends more than {self.max_bytes} bytes")
        return bytes(body)


@asynccontextmanager
async def fetcher(guard: Guard, *, seconds: float = 5.0, max_bytes: int = 1_000_000) -> AsyncIterator[Fetcher]:
    """A guarded client; it keeps no cookies, takes no proxy from the environment and reuses no connection."""
    client = httpx.AsyncClient(
        transport=_PinnedTransport(guard),
        headers={"accept-encoding": "identity", "user-agent": "assay"},
        timeout=seconds,
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        trust_env=False,
    )
    async with client:
        yield Fetcher(client, seconds, max_bytes)


class _PinnedTransport(httpx.AsyncBaseTransport):
    """Connects to checked addresses only, while the name stays in the Host header and in the certificate's check."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        # Without reuse: connections are told apart by address, and a name must not get one that was opened for another.
        self._inner = httpx.AsyncHTTPTransport(limits=httpx.Limits(max_keepalive_connections=0))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        failure: httpx.ConnectError | None = None
        for address in await self._guard.check(str(request.url)):
            try:
                return await self._inner.handle_async_request(_pinned(request, address))
            except httpx.ConnectError as error:
                failure = error
        raise failure or httpx.ConnectError("no address answered")

    async def aclose(self) -> None:
        await self._inner.aclose()


def _pinned(request: httpx.Request, address: Address) -> httpx.Request:
    return httpx.Request(
        request.method,
        request.url.copy_with(host=str(address)),
        headers=request.headers,
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": _host(request.url)},
    )


def _host(url: httpx.URL) -> str:
    """The host as it is asked for in DNS and written into certificates: in ASCII."""
    return url.raw_host.decode("ascii")


def _target(url: str) -> httpx.URL:
    if len(url) > MAX_URL or not url.isascii() or any(not "!" <= character <= "~" for character in url):
        raise UrlNotAllowed(f"must have at most {MAX_URL} printable ASCII characters")
    if "\\" in url:
        raise UrlNotAllowed("must have no backslash")
    try:
        target = httpx.URL(url)
    except httpx.InvalidURL:
        raise UrlNotAllowed("cannot be read as a URL") from None
    if target.scheme not in _DEFAULT_PORTS:
        raise UrlNotAllowed("must begin with https://")
    if target.userinfo or "@" in target.netloc.decode():
        raise UrlNotAllowed("must hold no credentials")
    if not target.host:
        raise UrlNotAllowed("names no host")
    if _ENDS_IN_NUMBER.search(_host(target)) and not _is_address(_host(target)):
        raise UrlNotAllowed("must write an IPv4 address as four decimal numbers")
    return target


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _address(text: str) -> Address:
    """An address as a resolver writes it; the zone of a link-local one does not count."""
    return ip_address(text.partition("%")[0])
