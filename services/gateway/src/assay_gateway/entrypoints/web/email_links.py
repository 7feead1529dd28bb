"""The pages that links of e-mails lead to.

Looking at a page spends nothing: programs that scan mail for harm follow links. Only its button does.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from assay.auth.v1 import accounts_pb2, invitations_pb2, organisations_pb2
from assay_common.identity import acting_as
from assay_gateway.entrypoints.http.forms import form_of
from assay_gateway.entrypoints.http.gateway import Gateway, TheGateway
from assay_gateway.entrypoints.http.schemas.words import MAX_PASSWORD, MIN_PASSWORD
from assay_gateway.entrypoints.web.page_session import PageSession
from assay_gateway.entrypoints.web.refusals import Refused, refusals
from assay_gateway.entrypoints.web.routes import page_router
from assay_gateway.entrypoints.web.signing_in import providers, signed_in
from assay_gateway.entrypoints.web.templates import shown

VERIFICATION: Final = "/verify-email"
RESET: Final = "/reset-password"
INVITATION: Final = "/accept-invitation"
_TITLES: Final = {VERIFICATION: "Verify your address", RESET: "Choose a new password"}
_PASSWORD_LIMITS: Final = {"min_password": MIN_PASSWORD, "max_password": MAX_PASSWORD}
_COSTLY: Final = {"x-cost": 5}

verification = page_router(VERIFICATION)
reset = page_router(RESET)
invitation = page_router(INVITATION)


@verification.get("")
async def show_verification(token: str = "") -> Response:
    """A button; for who comes without a link, a way to get one."""
    if not token:
        return _ask_for_link(VERIFICATION)
    return shown("verify_email.html", token=token, message="")


@verification.post("")
async def spend_verification(request: Request, gateway: TheGateway) -> Response:
    """Spend the link, or send one."""
    form = await form_of(request)
    token = form.get("token", "")
    if form.get("action") == "ask":
        call = gateway.services.accounts.ResendVerification
        return await _send_link(
            VERIFICATION, form, lambda email: call(accounts_pb2.ResendVerificationRequest(email=email))
        )
    try:
        with refusals():
            await gateway.services.accounts.VerifyEmail(accounts_pb2.VerifyEmailRequest(token=token))
    except Refused as refused:
        return shown("verify_email.html", refused.status, token=token, message=refused.message)
    return shown("done.html", title="Your address is verified", detail="You can close this page and sign in.")


@reset.get("")
async def show_reset(token: str = "") -> Response:
    """A form for the new password; for who comes without a link, a way to get one."""
    if not token:
        return _ask_for_link(RESET)
    return shown("reset_password.html", token=token, message="", **_PASSWORD_LIMITS)


@reset.post("", openapi_extra=_COSTLY)
async def spend_reset(request: Request, gateway: TheGateway) -> Response:
    """Spend the link, or send one."""
    form = await form_of(request)
    token = form.get("token", "")
    if form.get("action") == "ask":
        call = gateway.services.accounts.RequestPasswordReset
        return await _send_link(RESET, form, lambda email: call(accounts_pb2.RequestPasswordResetRequest(email=email)))
    try:
        with refusals():
            await gateway.services.accounts.ResetPassword(
                accounts_pb2.ResetPasswordRequest(token=token, new_password=form.get("new_password", ""))
            )
    except Refused as refused:
        return shown("reset_password.html", refused.status, token=token, message=refused.message, **_PASSWORD_LIMITS)
    return shown(
        "done.html",
        title="Your password is changed",
        detail="Whoever was signed in with the old one is signed out. You can close this page and sign in.",
    )


def _ask_for_link(page: str, *, email: str = "", message: str = "", status: int = 200) -> Response:
    return shown("ask_for_link.html", status, page=page, title=_TITLES[page], email=email, message=message)


async def _send_link(page: str, form: dict[str, str], send: Callable[[str], Awaitable[object]]) -> Response:
    """Let auth send a link; what is said then is the same whether the address is known or not."""
    email = form.get("email", "")
    try:
        with refusals():
            await send(email)
    except Refused as refused:
        return _ask_for_link(page, email=email, message=refused.message, status=refused.status)
    return shown(
        "done.html", title="Look into your mail", detail="If an account has this address, a link is on its way."
    )


@invitation.get("")
async def show_invitation(request: Request, gateway: TheGateway, token: str = "") -> Response:
    """What the link offers, and the ways to take it up."""
    session = PageSession.in_cookie(request)
    return await _offer(gateway, token, is_signed_in=session is not None and await session.person(gateway) is not None)


@invitation.post("", openapi_extra=_COSTLY)
async def take_invitation(request: Request, gateway: TheGateway) -> Response:
    """Join: as somebody new, with an account, or as who came back from an identity provider."""
    form = await form_of(request)
    token = form.get("token", "")
    session = PageSession.in_cookie(request)
    organisation = ""
    try:
        if form.get("action") == "sign_up":
            organisation = await _sign_up(gateway, form, token)
        if session is None or form.get("action") in ("sign_up", "sign_in"):
            session = await signed_in(gateway.services, form)
        return await _join(gateway, session, token, organisation)
    except Refused as refused:
        return await _offer(gateway, token, message=refused.message, status=refused.status, form=form)


async def _sign_up(gateway: Gateway, form: dict[str, str], token: str) -> str:
    """Create the person, who joins by that; for an address that is known this does nothing but tell its owner.

    Returns the slug of the organisation.
    """
    with refusals():
        offer = await gateway.services.invitations.DescribeInvitation(
            invitations_pb2.DescribeInvitationRequest(token=token)
        )
        await gateway.services.accounts.SignUp(
            accounts_pb2.SignUpRequest(
                email=form.get("email", ""),
                name=form.get("name", ""),
                password=form.get("password", ""),
                invitation_token=token,
            )
        )
    return offer.organisation_slug


async def _join(gateway: Gateway, session: PageSession, token: str, organisation: str) -> Response:
    """Take the invitation up, unless signing up has brought the person into the organisation already."""
    response = shown("done.html", title="Welcome", detail="You are in. You can close this page and sign in.")
    with acting_as(await session.person(gateway)):
        try:
            if not organisation or not await _is_member(gateway, organisation):
                with refusals():
                    await gateway.services.invitations.AcceptInvitation(
                        invitations_pb2.AcceptInvitationRequest(token=token)
                    )
        finally:
            await session.close(gateway, response, INVITATION)
    return response


async def _is_member(gateway: Gateway, organisation: str) -> bool:
    """Whether the caller is in the organisation with this slug; who has just signed up is in one at most."""
    mine = await gateway.services.organisations.ListOrganisations(
        organisations_pb2.ListOrganisationsRequest(page_size=200)
    )
    return any(each.slug == organisation for each in mine.organisations)


async def _offer(
    gateway: Gateway,
    token: str,
    *,
    is_signed_in: bool = False,
    message: str = "",
    status: int = 200,
    form: dict[str, str] | None = None,
) -> Response:
    try:
        with refusals():
            offer = await gateway.services.invitations.DescribeInvitation(
                invitations_pb2.DescribeInvitationRequest(token=token)
            )
    except Refused as refused:
        return shown(
            "problem.html", refused.status, title="This invitation does not work", detail=refused.message, request_id=""
        )
    return shown(
        "accept_invitation.html",
        status,
        token=token,
        offer=offer,
        role=organisations_pb2.Role.Name(offer.role).removeprefix("ROLE_").lower(),
        is_signed_in=is_signed_in,
        name=(form or {}).get("name", ""),
        message=message,
        providers=await providers(gateway.services),
        return_to=f"{INVITATION}?{urlencode({'token': token})}",
        **_PASSWORD_LIMITS,
    )
