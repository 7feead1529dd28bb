"""A thin client of the gateway's HTTP API: signs requests, renews tokens, repeats what is safe, turns pages."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote

import httpx

from assay_cli.credentials import Credentials, Session, now
from assay_cli.errors import ApiError, NotSignedIn, Unreachable

Json = dict[str, Any]

SAFE_TO_REPEAT: Final = frozenset({"GET", "PUT", "DELETE"})
"""Methods that may be sent twice: the second time changes nothing (RFC 9110, section 9.2.2)."""
ATTEMPTS: Final = 4
LONGEST_WAIT: Final = 20.0
"""Seconds; who asks for a longer wait is not waited for."""
PAGE: Final = 200
"""The largest page that the gateway gives."""
_FIRST_WAIT: Final = 0.25
_TRY_LATER: Final = frozenset({429, 503})
_SIGN_IN = "Run `assay login`, or set ASSAY_API_KEY."


class Api:
    """Requests as the signed-in user, or with ASSAY_API_KEY.

    Raises ApiError (a problem document), NotSignedIn or Unreachable from every request.

    Args:
        credentials: who the user is, and where the gateway is.
        transport: for tests.
        sleep: waits for seconds.
    """

    def __init__(
        self,
        credentials: Credentials,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.credentials = credentials
        self.trace_id: str | None = None
        """The trace of the newest answer."""
        self._sleep = sleep
        self._http = httpx.Client(
            base_url=credentials.url,
            timeout=httpx.Timeout(60, connect=5),
            transport=transport,
            trust_env=not _is_here(credentials.url),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._http.close()

    def get(self, path: str, **query: Any) -> Any:
        """The JSON of a GET; parameters that are None are left out."""
        return self.request("GET", path, params=_without_none(query)).json()

    def post(self, path: str, body: Json | None = None) -> Any:
        """The JSON of a POST."""
        return _json_of(self.request("POST", path, json=body))

    def put(self, path: str, body: Json) -> Any:
        """The JSON of a PUT."""
        return _json_of(self.request("PUT", path, json=body))

    def delete(self, path: str) -> None:
        """DELETE."""
        self.request("DELETE", path)

    def upload(self, path: str, content: bytes | Iterator[bytes], media_type: str, size: int, **query: Any) -> Any:
        """The JSON of a POST whose body is a file of `size` bytes."""
        headers = {"content-type": media_type, "content-length": str(size)}
        timeout = httpx.Timeout(900, connect=5)
        answer = self.request(
            "POST", path, params=_without_none(query), content=content, headers=headers, timeout=timeout
        )
        return answer.json()

    def download(self, path: str) -> bytes:
        """The body of a GET as it is."""
        return self.request("GET", path).content

    def items(self, path: str, limit: int | None = None, **query: Any) -> list[Json]:
        """The items of a list, page after page, at most `limit` of them."""
        found: list[Json] = []
        cursor = None
        while limit is None or len(found) < limit:
            wanted = PAGE if limit is None else min(PAGE, limit - len(found))
            page = self.get(path, limit=wanted, cursor=cursor, **query)
            found += page["items"]
            cursor = page.get("next_cursor")
            if not cursor:
                break
        return found

    def sign_in(self, email: str, password: str, organisation: str | None) -> Session:
        """Open a session and remember it."""
        body = {"email": email, "password": password, **_without_none({"organisation": organisation})}
        session = Session.of(email, self._send("POST", "/v1/sessions", None, json=body).json())
        with self.credentials.alone():
            self.credentials.remember(session, self.credentials.url)
        return session

    def sign_out(self) -> bool:
        """Close the session and forget it; False when there was none."""
        with self.credentials.alone():
            session = self.credentials.session()
            if session is None:
                return False
            self.credentials.forget()
        self._send("POST", "/v1/sessions/revoke", None, json={"refresh_token": session.refresh_token})
        return True

    def act_in(self, organisation: str) -> Session:
        """Have the session's tokens name this organisation (id or slug) from now on."""
        if self.credentials.session() is None:
            raise NotSignedIn(f"An organisation is chosen for a sign-in, and nobody is signed in. {_SIGN_IN}")
        return self._renew(organisation=organisation)

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """A successful answer to a signed request."""
        token, session = self._token()
        try:
            return self._send(method, path, token, **options)
        except ApiError as error:
            if error.status != httpx.codes.UNAUTHORIZED:
                raise
            if session is None:
                raise NotSignedIn(f"The gateway does not accept ASSAY_API_KEY: {error.detail}.") from error
            if not isinstance(options.get("content"), bytes | None):
                raise NotSignedIn(f"{error.detail}. {_SIGN_IN}") from error
        return self._send(method, path, self._renew(used=session).access_token, **options)

    def public(self, path: str) -> tuple[int, Any]:
        """Status and JSON of a path that needs no token; no status is an error."""
        answer = self._answer("GET", path, {})
        return answer.status_code, _json_of(answer)

    def _token(self) -> tuple[str, Session | None]:
        if self.credentials.api_key is not None:
            return self.credentials.api_key, None
        session = self.credentials.session()
        if session is None:
            raise NotSignedIn(f"Nobody is signed in at {self.credentials.url}. {_SIGN_IN}")
        if not session.is_fresh(now()):
            session = self._renew(used=session)
        return session.access_token, session

    def _renew(self, used: Session | None = None, organisation: str | None = None) -> Session:
        """New tokens, unless another `assay` has renewed the `used` ones meanwhile."""
        with self.credentials.alone():
            session = self.credentials.session()
            if session is None:
                raise NotSignedIn(f"The session was closed. {_SIGN_IN}")
            if used is not None and session != used:
                return session
            body = {"refresh_token": session.refresh_token, **_without_none({"organisation": organisation})}
            try:
                answer = self._send("POST", "/v1/sessions/refresh", None, json=body).json()
            except ApiError as error:
                if error.status == httpx.codes.UNAUTHORIZED:
                    self.credentials.forget()
                    raise NotSignedIn(f"The session has ended: {error.detail}. {_SIGN_IN}") from error
                raise
            renewed = Session.of(session.email, answer)
            self.credentials.remember(renewed, self.credentials.url)
            return renewed

    def _send(self, method: str, path: str, token: str | None, **options: Any) -> httpx.Response:
        headers = {**options.pop("headers", {}), **({"authorization": f"Bearer {token}"} if token else {})}
        for attempt in range(1, ATTEMPTS + 1):
            answer = self._answer(method, path, headers, **options)
            if answer.is_success:
                return answer
            wait = _wait_before_next(method, answer, attempt)
            if wait is None:
                raise _error_of(answer)
            self._sleep(wait)
        raise AssertionError("the last attempt returns or raises")

    def _answer(self, method: str, path: str, headers: dict[str, str], **options: Any) -> httpx.Response:
        """Whatever the gateway says; where nothing is said, one more try if that is safe."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                answer = self._http.request(method, path, headers=headers, **options)
            except (httpx.TransportError, httpx.InvalidURL) as error:
                broke_off = isinstance(error, httpx.NetworkError | httpx.RemoteProtocolError)
                if method in SAFE_TO_REPEAT and broke_off and attempt < ATTEMPTS:
                    self._sleep(_FIRST_WAIT * attempt)
                    continue
                raise Unreachable(_unreachable(self.credentials.url, error)) from error
            self.trace_id = answer.headers.get("x-trace-id", self.trace_id)
            return answer
        raise AssertionError("the last attempt returns or raises")


def at(*segments: str) -> str:
    """The path of a thing under /v1; names of the user's own are quoted."""
    return "/v1/" + "/".join(quote(segment, safe="") for segment in segments)


def _wait_before_next(method: str, answer: httpx.Response, attempt: int) -> float | None:
    """Seconds to wait before the same request is sent again; None when it is not."""
    if answer.status_code not in _TRY_LATER or method not in SAFE_TO_REPEAT or attempt == ATTEMPTS:
        return None
    asked = answer.headers.get("retry-after", "")
    wait = float(asked) if asked.isdigit() else _FIRST_WAIT * 2 ** (attempt - 1)
    return wait if wait <= LONGEST_WAIT else None


def _error_of(answer: httpx.Response) -> ApiError:
    try:
        problem = answer.json()
    except ValueError:
        problem = None
    if not isinstance(problem, dict):
        problem = {"title": f"HTTP {answer.status_code}", "detail": answer.text.strip()[:500]}
    problem.setdefault("request_id", answer.headers.get("x-request-id"))
    problem.setdefault("trace_id", answer.headers.get("x-trace-id"))
    return ApiError(answer.status_code, problem)


def _unreachable(url: str, error: Exception) -> str:
    why = str(error).strip() or type(error).__name__
    return f"{url} does not answer ({why}). Is the suite up (`make up`)? Is ASSAY_URL right?"


def _is_here(url: str) -> bool:
    """Whether the gateway is on this machine: a proxy of the user's would look for it on its own."""
    return httpx.URL(url).host in ("localhost", "127.0.0.1", "::1")


def _json_of(answer: httpx.Response) -> Any:
    return answer.json() if answer.content else {}


def _without_none(query: Mapping[str, Any]) -> Json:
    return {name: value for name, value in query.items() if value is not None}
