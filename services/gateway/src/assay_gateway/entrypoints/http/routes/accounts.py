"""Accounts: signing up, passwords, the second factor, and one's own account."""

from __future__ import annotations

from fastapi import Response

from assay.auth.v1 import accounts_pb2 as pb
from assay_gateway.entrypoints.http.etags import IfMatch
from assay_gateway.entrypoints.http.gateway import TheServices
from assay_gateway.entrypoints.http.routing import api_router, problems, public_router
from assay_gateway.entrypoints.http.schemas.accounts import (
    Accepted,
    Account,
    AccountAddress,
    AccountChange,
    Deactivation,
    EmailLink,
    PasswordChange,
    PasswordReset,
    RecoveryCodes,
    SecondFactorProof,
    SignUp,
    TotpConfirmation,
    TotpEnrolment,
)
from assay_gateway.messages import Json, to_json

accounts = public_router("/v1/accounts", "accounts")
me = api_router("/v1/me", "account")

_BODY = problems(400, 409, 413, 415)
_LINK = problems(400, 404, 409, 413, 415)
_COSTLY = {"x-cost": 5}


@accounts.post("", status_code=202, response_model=Accepted, responses=_LINK, openapi_extra=_COSTLY)
async def sign_up(body: SignUp, services: TheServices) -> Json:
    """Create a person, who gets a link that verifies the address. For a known address that person is told."""
    request = pb.SignUpRequest(
        email=body.email, name=body.name, password=body.password, invitation_token=body.invitation_token or ""
    )
    await services.accounts.SignUp(request)
    return {}


@accounts.post("/verification", status_code=204, responses=problems(400, 401, 404, 409, 413, 415))
async def verify_email(body: EmailLink, services: TheServices) -> None:
    """Spend a verifying link: the address is the person's from then on."""
    await services.accounts.VerifyEmail(pb.VerifyEmailRequest(token=body.token))


@accounts.post("/verification/resend", status_code=202, response_model=Accepted, responses=_BODY)
async def resend_verification(body: AccountAddress, services: TheServices) -> Json:
    """Send the verifying link again."""
    await services.accounts.ResendVerification(pb.ResendVerificationRequest(email=body.email))
    return {}


@accounts.post("/password-reset", status_code=202, response_model=Accepted, responses=_BODY)
async def request_password_reset(body: AccountAddress, services: TheServices) -> Json:
    """Send a link that lets its holder choose a new password."""
    await services.accounts.RequestPasswordReset(pb.RequestPasswordResetRequest(email=body.email))
    return {}


@accounts.post(
    "/password-reset/confirm",
    status_code=204,
    responses=problems(400, 401, 404, 409, 413, 415),
    openapi_extra=_COSTLY,
)
async def reset_password(body: PasswordReset, services: TheServices) -> None:
    """Spend such a link; every session of the person ends."""
    await services.accounts.ResetPassword(pb.ResetPasswordRequest(token=body.token, new_password=body.new_password))


@me.get("/account", response_model=Account)
async def get_account(services: TheServices) -> Json:
    """The caller's own account."""
    return to_json(await services.accounts.GetAccount(pb.GetAccountRequest()))


@me.patch("/account", response_model=Account, responses=problems(400, 412, 413, 415))
async def update_account(body: AccountChange, services: TheServices, if_match: IfMatch) -> Json:
    """Change the caller's name."""
    return to_json(await services.accounts.UpdateAccount(pb.UpdateAccountRequest(name=body.name, etag=if_match)))


@me.post("/account/deactivate", status_code=204, responses=_BODY, openapi_extra=_COSTLY)
async def deactivate_account(body: Deactivation, services: TheServices) -> None:
    """Deactivate the caller's account for good: sessions and memberships end. The last owner of any of them cannot."""
    request = pb.DeactivateAccountRequest(password=body.password or "", one_time_code=body.one_time_code or "")
    await services.accounts.DeactivateAccount(request)


@me.post("/password", status_code=204, responses=_BODY, openapi_extra=_COSTLY)
async def change_password(body: PasswordChange, services: TheServices) -> None:
    """Change the caller's password; every other session of theirs ends."""
    request = pb.ChangePasswordRequest(current_password=body.current_password, new_password=body.new_password)
    await services.accounts.ChangePassword(request)


@me.post("/totp", status_code=201, response_model=TotpEnrolment, responses=problems(409))
async def enrol_totp(services: TheServices, response: Response) -> Json:
    """Begin to set the second factor up; it counts once a code confirmed it."""
    return _once(await services.second_factor.EnrolTotp(pb.EnrolTotpRequest()), response)


@me.post("/totp/confirm", response_model=RecoveryCodes, responses=_BODY)
async def confirm_totp(body: TotpConfirmation, services: TheServices, response: Response) -> Json:
    """Turn the second factor on; the recovery codes are in this answer and nowhere else."""
    return _once(await services.second_factor.ConfirmTotp(pb.ConfirmTotpRequest(code=body.code)), response)


@me.post("/totp/disable", status_code=204, responses=_BODY)
async def disable_totp(body: SecondFactorProof, services: TheServices) -> None:
    """Turn the second factor off."""
    await services.second_factor.DisableTotp(pb.DisableTotpRequest(code=body.code))


@me.post("/recovery-codes", response_model=RecoveryCodes, responses=_BODY)
async def replace_recovery_codes(body: SecondFactorProof, services: TheServices, response: Response) -> Json:
    """Replace the recovery codes by new ones, which are in this answer and nowhere else."""
    request = pb.ReplaceRecoveryCodesRequest(code=body.code)
    return _once(await services.second_factor.ReplaceRecoveryCodes(request), response)


def _once(message: pb.TotpEnrolment | pb.RecoveryCodes, response: Response) -> Json:
    """An answer with secrets, which nobody shall keep."""
    response.headers["cache-control"] = "no-store"
    return to_json(message)
