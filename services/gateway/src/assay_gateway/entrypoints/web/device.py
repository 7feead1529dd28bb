"""The page /device: sign in, see which device asks, let it in or not (RFC 8628, section 3.3)."""

from __future__ import annotations

from datetime import UTC
from typing import Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from assay.auth.v1 import organisations_pb2, single_sign_on_pb2
from assay_common.identity import acting_as
from assay_gateway.entrypoints.http.forms import form_of
from assay_gateway.entrypoints.http.gateway import Gateway, TheGateway
from assay_gateway.entrypoints.web.page_session import PageSession
from assay_gateway.entrypoints.web.refusals import Refused, refusals
from assay_gateway.entrypoints.web.routes import page_router
from assay_gateway.entrypoints.web.signing_in import providers, signed_in
from assay_gateway.entrypoints.web.templates import shown

PAGE: Final = "/device"
MAX_ORGANISATIONS: Final = 200

router = page_router(PAGE)


@router.get("")
async def show_device(request: Request, gateway: TheGateway, user_code: str = "") -> Response:
    """Ask for what is missing: who, then which code, then yes or no."""
    code = _code(user_code)
    session = PageSession.in_cookie(request)
    person = await session.person(gateway) if session else None
    if person is None:
        return await _sign_in_form(gateway, code)
    if not code:
        return shown("device_code.html", user_code="", message="")
    with acting_as(person):
        return await _question(gateway, code)


@router.post("", openapi_extra={"x-cost": 5})
async def answer_device(request: Request, gateway: TheGateway) -> Response:
    """Take what was filled in."""
    form = await form_of(request)
    code = _code(form.get("user_code", ""))
    if form.get("action") == "sign_in":
        return await _sign_in(gateway, form, code)
    session = PageSession.in_cookie(request)
    person = await session.person(gateway) if session else None
    if session is None or person is None:
        return await _sign_in_form(gateway, code, message="Your session on this page has ended. Please sign in again.")
    if form.get("action") not in ("approve", "deny"):
        response: Response = _here(code)
        await session.close(gateway, response, PAGE)
        return response
    with acting_as(person):
        response = await _decide(gateway, form, code)
    if response.status_code == 200:
        await session.close(gateway, response, PAGE)
    return response


async def _sign_in(gateway: Gateway, form: dict[str, str], code: str) -> Response:
    try:
        session = await signed_in(gateway.services, form)
    except Refused as refused:
        return await _sign_in_form(
            gateway, code, email=form.get("email", ""), message=refused.message, status=refused.status
        )
    response = _here(code)
    session.keep_in(response, PAGE, gateway.public_url)
    return response


async def _sign_in_form(
    gateway: Gateway, code: str, *, email: str = "", message: str = "", status: int = 200
) -> Response:
    return shown(
        "device_sign_in.html",
        status,
        user_code=code,
        email=email,
        message=message,
        providers=await providers(gateway.services),
        return_to=_address(code),
    )


async def _question(gateway: Gateway, code: str, message: str = "", status: int = 200) -> Response:
    try:
        with refusals():
            device = await gateway.services.devices.DescribeDevice(
                single_sign_on_pb2.DescribeDeviceRequest(user_code=code)
            )
    except Refused as refused:
        return shown("device_code.html", refused.status, user_code=code, message=refused.message)
    mine = await gateway.services.organisations.ListOrganisations(
        organisations_pb2.ListOrganisationsRequest(page_size=MAX_ORGANISATIONS)
    )
    return shown(
        "device_question.html",
        status,
        device=device,
        requested_at=device.requested_at.ToDatetime(UTC),
        organisations=list(mine.organisations),
        message=message,
    )


async def _decide(gateway: Gateway, form: dict[str, str], code: str) -> Response:
    approved = form["action"] == "approve"
    try:
        with refusals():
            if approved:
                await gateway.services.devices.ApproveDevice(
                    single_sign_on_pb2.ApproveDeviceRequest(user_code=code, organisation=form.get("organisation", ""))
                )
            else:
                await gateway.services.devices.DenyDevice(single_sign_on_pb2.DenyDeviceRequest(user_code=code))
    except Refused as refused:
        return await _question(gateway, code, refused.message, refused.status)
    return shown("device_done.html", approved=approved)


def _here(code: str) -> RedirectResponse:
    return RedirectResponse(_address(code), status_code=303, headers={"cache-control": "no-store"})


def _address(code: str) -> str:
    return f"{PAGE}?{urlencode({'user_code': code})}" if code else PAGE


def _code(typed: str) -> str:
    """What was typed, without what cannot be in a code; auth knows the codes."""
    return "".join(each for each in typed.upper() if each.isascii() and (each.isalnum() or each == "-"))[:20]
