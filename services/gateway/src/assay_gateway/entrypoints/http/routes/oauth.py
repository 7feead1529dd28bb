"""What programs that speak OAuth ask for: signing in on another device (RFC 8628) and renewing tokens (RFC 6749)."""

from __future__ import annotations

import json
from datetime import UTC
from typing import Any, ClassVar, Final
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from assay.auth.v1 import sessions_pb2, single_sign_on_pb2
from assay_gateway.entrypoints.http.error_handlers import RequestProblem, response_to
from assay_gateway.entrypoints.http.forms import MAX_FORM_BYTES, documented_form, form_of
from assay_gateway.entrypoints.http.gateway import TheGateway, TheServices
from assay_gateway.entrypoints.http.problems import Problem
from assay_gateway.entrypoints.http.route_classes import Handler, PublicRoute
from assay_gateway.entrypoints.http.schemas.sign_on import DeviceAuthorization, OAuthError, OAuthTokens
from assay_gateway.entrypoints.http.tokens import oauth_tokens, seconds_left
from assay_gateway.messages import to_bytes

CLIENT: Final = "assay-cli"
DEVICE_GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
REFRESH_GRANT: Final = "refresh_token"

_ERRORS: Final = {
    "AUTHORIZATION_PENDING": "authorization_pending",
    "SLOW_DOWN": "slow_down",
    "EXPIRED_TOKEN": "expired_token",
    "ACCESS_DENIED": "access_denied",
    "INVALID_GRANT": "invalid_grant",
    "INVALID_CLIENT": "invalid_client",
    "UNSUPPORTED_GRANT_TYPE": "unsupported_grant_type",
}
"""By the reason of a problem (RFC 6749, section 5.2; RFC 8628, section 3.5)."""
_ERRORS_BY_STATUS: Final = {
    401: "invalid_grant",
    403: "invalid_grant",
    404: "invalid_grant",
    409: "invalid_grant",
    429: "slow_down",
    500: "server_error",
    503: "temporarily_unavailable",
    504: "temporarily_unavailable",
}
_OWN_STATUS: Final = frozenset({429, 500, 503, 504})
"""Statuses that tell more than the 400 which OAuth asks for otherwise."""
_KEPT: Final = frozenset({"retry-after", "idempotency-replayed"})
_NOT_KEPT: Final = {"cache-control": "no-store", "pragma": "no-cache"}


class OAuthRoute(PublicRoute):
    """A route whose refusals are those of OAuth instead of problem documents."""

    max_bytes: ClassVar[int] = MAX_FORM_BYTES

    def get_route_handler(self) -> Handler:
        """Translate whatever was refused on the way."""
        handle = super().get_route_handler()

        async def translate(request: Request) -> Response:
            try:
                response = await handle(request)
            except Exception as error:
                response = await response_to(request, error)
            return _refusal(response) if response.status_code >= 400 else response

        return translate


def _refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: {"model": OAuthError, "description": "A refusal (RFC 6749, section 5.2)."} for status in statuses}


router = APIRouter(prefix="/oauth", tags=["devices"], route_class=OAuthRoute, responses=_refusals(400, 429, 503, 504))

_DEVICE_FORM = documented_form(
    "RFC 8628, section 3.1.",
    ["client_id"],
    client_id={"enum": [CLIENT], "examples": [CLIENT]},
    client_name={
        "maxLength": 100,
        "description": "Shown to whoever approves.",
        "examples": ["assay on laptop-17"],
    },
)
_TOKEN_FORM = documented_form(
    "RFC 8628, section 3.4, or RFC 6749, section 6.",
    ["grant_type", "client_id"],
    grant_type={"enum": [DEVICE_GRANT, REFRESH_GRANT], "examples": [DEVICE_GRANT]},
    client_id={"enum": [CLIENT], "examples": [CLIENT]},
    device_code={
        "description": "For the grant of a device.",
        "examples": ["GmRhmhcxhwAzkoEqiMEg_DnyEysNkuNhszIySk9eS"],
    },
    refresh_token={"description": "For the grant `refresh_token`.", "examples": ["assay_refresh_5hV0dJx2nT"]},
)


@router.post("/device_authorization", response_model=DeviceAuthorization, openapi_extra=_DEVICE_FORM)
async def start_device_authorization(request: Request, services: TheServices, gateway: TheGateway) -> Response:
    """Begin to sign in on a device without a browser (RFC 8628, section 3.1): one code for people, one to poll with."""
    form = await form_of(request)
    _ensure_client(form)
    begun = await services.devices.StartDeviceAuthorization(
        single_sign_on_pb2.StartDeviceAuthorizationRequest(client_name=form.get("client_name", CLIENT))
    )
    page = f"{gateway.public_url}/device"
    return _answer(
        {
            "device_code": begun.device_code,
            "user_code": begun.user_code,
            "verification_uri": page,
            "verification_uri_complete": f"{page}?{urlencode({'user_code': begun.user_code})}",
            "expires_in": seconds_left(begun.expires_at.ToDatetime(UTC)),
            "interval": begun.interval,
        }
    )


@router.post("/token", response_model=OAuthTokens, openapi_extra=_TOKEN_FORM)
async def issue_token(request: Request, services: TheServices) -> Response:
    """Exchange a device's code or a refresh token for tokens (RFC 8628, section 3.4; RFC 6749, section 6)."""
    form = await form_of(request)
    _ensure_client(form)
    match form.get("grant_type"):
        case "urn:ietf:params:oauth:grant-type:device_code":
            poll = single_sign_on_pb2.PollDeviceTokenRequest(device_code=_required(form, "device_code"))
            return _answer(oauth_tokens(await services.devices.PollDeviceToken(poll)))
        case "refresh_token":
            refresh = sessions_pb2.RefreshTokensRequest(refresh_token=_required(form, "refresh_token"))
            return _answer(oauth_tokens(await services.sessions.RefreshTokens(refresh)))
        case None:
            raise _invalid_request("grant_type is missing")
        case _:
            raise RequestProblem(
                Problem(400, "UNSUPPORTED_GRANT_TYPE", f"grant_type must be {DEVICE_GRANT} or {REFRESH_GRANT}")
            )


def _ensure_client(form: dict[str, str]) -> None:
    if _required(form, "client_id") != CLIENT:
        raise RequestProblem(Problem(400, "INVALID_CLIENT", f"client_id must be {CLIENT}"))


def _required(form: dict[str, str], name: str) -> str:
    if name not in form:
        raise _invalid_request(f"{name} is missing")
    return form[name]


def _invalid_request(detail: str) -> RequestProblem:
    return RequestProblem(Problem(400, "INVALID_REQUEST", detail))


def _answer(document: dict[str, Any]) -> Response:
    return Response(to_bytes(document), media_type="application/json", headers=_NOT_KEPT)


def _refusal(response: Response) -> Response:
    """A problem document as OAuth says it."""
    problem = json.loads(bytes(response.body))
    status = response.status_code
    error = _ERRORS.get(problem["reason"]) or _ERRORS_BY_STATUS.get(status, "invalid_request")
    kept = {name: value for name, value in response.headers.items() if name in _KEPT}
    return Response(
        to_bytes({"error": error, "error_description": _printable(problem["detail"])}),
        status_code=status if status in _OWN_STATUS else 400,
        media_type="application/json",
        headers=kept | _NOT_KEPT,
    )


def _printable(text: str) -> str:
    """What RFC 6749 allows in descriptions: ASCII without quotation marks and backslashes."""
    return "".join(each if " " <= each <= "~" and each not in '"\\' else "'" for each in text)
