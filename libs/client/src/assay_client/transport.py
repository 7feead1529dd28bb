"""The synchronous driver of exchanges."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from typing import Any, TypeVar

import httpx

from assay_client.call import Call
from assay_client.credentials import Session, SessionStore
from assay_client.exchange import Identity, Renew, Send, Step, Wait, exchange, renewal

R = TypeVar("R")


class Transport:
    """Sends calls; may be used by many threads at once."""

    def __init__(self, http: httpx.Client, identity: Identity, sleep: Callable[[float], None] = time.sleep) -> None:
        self._http = http
        self._identity = identity
        self._sleep = sleep
        self._renewing = threading.Lock()
        self.trace_id: str | None = None
        """The trace of the newest answer."""

    @property
    def identity(self) -> Identity:
        """Whose calls they are."""
        return self._identity

    @property
    def http(self) -> httpx.Client:
        """The connections."""
        return self._http

    def send(self, call: Call) -> httpx.Response:
        """A successful answer; raises Problem, NotSignedIn, Unreachable."""
        return self.run(exchange(call, self._identity))

    def wait(self, seconds: float) -> None:
        """Wait so many seconds."""
        self._sleep(seconds)

    def renew(self, store: SessionStore, used: Session | None = None, organisation: str | None = None) -> Session:
        """New tokens; for another organisation from now on, if one is named (id or slug)."""
        with self._renewing, store.alone():
            return self.run(renewal(store, used, organisation))

    def run(self, steps: Generator[Step, Any, R]) -> R:
        """Carry out what `steps` ask for; returns what they return."""
        try:
            step = next(steps)
            while True:
                try:
                    outcome = self._carried_out(step)
                except Exception as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(outcome)
        except StopIteration as end:
            result: R = end.value
            return result

    def _carried_out(self, step: Step) -> Any:
        match step:
            case Send(method, url, headers, options, stream):
                request = self._http.build_request(method, url, headers=headers, **options)
                answer = self._http.send(request, stream=stream)
                if stream and not answer.is_success:
                    answer.read()
                self.trace_id = answer.headers.get("x-trace-id", self.trace_id)
                return answer
            case Wait(seconds):
                self._sleep(seconds)
                return None
            case Renew(used):
                assert self._identity.store is not None  # noqa: S101 - only a session is renewed
                return self.renew(self._identity.store, used)
