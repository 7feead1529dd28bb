"""Signing in and out, without doing any input or output itself (see `exchange`)."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias, TypeVar

from assay_client.call import Call
from assay_client.credentials import Session, SessionStore
from assay_client.errors import NotSignedIn, Problem, Unreachable
from assay_client.exchange import Step, Wait, attempts

R = TypeVar("R")
StepsTo: TypeAlias = Generator[Step, Any, R]

CLIENT_ID: Final = "assay-cli"
DEVICE_GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
_SLOWER: Final = 5.0
"""Seconds that a poll waits longer after `slow_down` (RFC 8628, section 3.5)."""
_ENDS: Final = {
    "ACCESS_DENIED": "the sign-in was refused in the browser",
    "EXPIRED_TOKEN": "nobody approved the sign-in in time",
}


@dataclass(frozen=True, slots=True)
class DeviceSignIn:
    """A sign-in that waits for somebody to approve it in a browser (RFC 8628, section 3.2)."""

    user_code: str
    """What to type there."""
    verification_uri: str
    verification_uri_complete: str
    """The same page with the code filled in."""
    expires_in: float
    """Seconds from the beginning."""
    interval: float
    """Seconds between two questions whether it was approved."""
    device_code: str = field(repr=False)


def by_password(
    store: SessionStore, email: str, password: str, organisation: str | None, one_time_code: str | None
) -> StepsTo[Session]:
    """Open a session; its tokens are kept in the store."""
    body = {"email": email, "password": password, "organisation": organisation, "one_time_code": one_time_code}
    present = {name: value for name, value in body.items() if value is not None}
    answer = yield from attempts(Call("POST", "/v1/sessions", body=present, signed=False))
    return _kept(store, answer.json())


def begin_on_device(client_name: str) -> StepsTo[DeviceSignIn]:
    """Ask for the codes of a sign-in on another device."""
    form = {"client_id": CLIENT_ID, "client_name": client_name}
    begun = (yield from attempts(Call("POST", "/oauth/device_authorization", form=form, signed=False))).json()
    return DeviceSignIn(
        user_code=begun["user_code"],
        verification_uri=begun["verification_uri"],
        verification_uri_complete=begun.get("verification_uri_complete") or begun["verification_uri"],
        expires_in=begun["expires_in"],
        interval=begun.get("interval", _SLOWER),
        device_code=begun["device_code"],
    )


def finish_on_device(store: SessionStore, device: DeviceSignIn) -> StepsTo[Session]:
    """Ask again and again until the sign-in was approved. Raises NotSignedIn when it was refused, or not in time."""
    form = {"grant_type": DEVICE_GRANT, "client_id": CLIENT_ID, "device_code": device.device_code}
    call = Call("POST", "/oauth/token", form=form, signed=False)
    interval, waited = device.interval, 0.0
    while waited <= device.expires_in:
        yield Wait(interval)
        waited += interval
        try:
            answer = yield from attempts(call)
        except Unreachable:
            interval *= 2
        except Problem as problem:
            if problem.reason in _ENDS:
                raise NotSignedIn(_ENDS[problem.reason]) from problem
            if problem.reason == "SLOW_DOWN":
                interval += _SLOWER
            elif problem.reason != "AUTHORIZATION_PENDING":
                raise
        else:
            return _kept(store, answer.json())
    raise NotSignedIn(_ENDS["EXPIRED_TOKEN"])


def out(store: SessionStore) -> StepsTo[bool]:
    """Close the session and forget it; False when there was none."""
    with store.alone():
        session = store.load()
        if session is None:
            return False
        store.save(None)
    body = {"refresh_token": session.refresh_token}
    yield from attempts(Call("POST", "/v1/sessions/revoke", body=body, signed=False))
    return True


def _kept(store: SessionStore, answer: dict[str, Any]) -> Session:
    session = Session.of(answer)
    with store.alone():
        store.save(session)
    return session
