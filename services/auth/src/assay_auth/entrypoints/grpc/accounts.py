"""assay.auth.v1.AccountService and SecondFactorService."""

from dataclasses import dataclass
from typing import Any

from google.protobuf.empty_pb2 import Empty

from assay.auth.v1 import accounts_pb2, accounts_pb2_grpc
from assay_auth.application.accounts.change_password import ChangePassword
from assay_auth.application.accounts.change_second_factor import (
    ConfirmTotp,
    DisableTotp,
    EnrolTotp,
    ReplaceRecoveryCodes,
)
from assay_auth.application.accounts.deactivate import DeactivateOwnAccount
from assay_auth.application.accounts.own_account import GetAccount, UpdateAccount
from assay_auth.application.accounts.reset_password import RequestPasswordReset, ResetPassword
from assay_auth.application.accounts.sign_up import SignUpPerson
from assay_auth.application.accounts.verify_email import ResendVerification, VerifyEmail
from assay_auth.entrypoints.grpc.messages import account_message
from assay_common.identity import principal


@dataclass(frozen=True, slots=True)
class AccountServicer(accounts_pb2_grpc.AccountServiceServicer):
    """People and their passwords."""

    sign_up: SignUpPerson
    resend_verification: ResendVerification
    verify_email: VerifyEmail
    request_password_reset: RequestPasswordReset
    reset_password: ResetPassword
    change_password: ChangePassword
    get_account: GetAccount
    update_account: UpdateAccount
    deactivate_account: DeactivateOwnAccount

    async def SignUp(self, request: accounts_pb2.SignUpRequest, context: Any) -> Empty:
        """Make an account."""
        await self.sign_up(request.email, request.name, request.password, request.invitation_token)
        return Empty()

    async def ResendVerification(self, request: accounts_pb2.ResendVerificationRequest, context: Any) -> Empty:
        """Send the verifying link again."""
        await self.resend_verification(request.email)
        return Empty()

    async def VerifyEmail(self, request: accounts_pb2.VerifyEmailRequest, context: Any) -> Empty:
        """Spend a verifying link."""
        await self.verify_email(request.token)
        return Empty()

    async def RequestPasswordReset(self, request: accounts_pb2.RequestPasswordResetRequest, context: Any) -> Empty:
        """Send a resetting link."""
        await self.request_password_reset(request.email)
        return Empty()

    async def ResetPassword(self, request: accounts_pb2.ResetPasswordRequest, context: Any) -> Empty:
        """Spend a resetting link."""
        await self.reset_password(request.token, request.new_password)
        return Empty()

    async def ChangePassword(self, request: accounts_pb2.ChangePasswordRequest, context: Any) -> Empty:
        """Change the caller's password."""
        await self.change_password(principal(), request.current_password, request.new_password)
        return Empty()

    async def GetAccount(self, request: accounts_pb2.GetAccountRequest, context: Any) -> accounts_pb2.Account:
        """Read the caller's account."""
        return account_message(await self.get_account(principal()))

    async def UpdateAccount(self, request: accounts_pb2.UpdateAccountRequest, context: Any) -> accounts_pb2.Account:
        """Change the caller's name."""
        return account_message(await self.update_account(principal(), request.name, request.etag))

    async def DeactivateAccount(self, request: accounts_pb2.DeactivateAccountRequest, context: Any) -> Empty:
        """Close the caller's account."""
        await self.deactivate_account(principal(), request.password, request.one_time_code)
        return Empty()


@dataclass(frozen=True, slots=True)
class SecondFactorServicer(accounts_pb2_grpc.SecondFactorServiceServicer):
    """The second factor of signing in."""

    enrol_totp: EnrolTotp
    confirm_totp: ConfirmTotp
    disable_totp: DisableTotp
    replace_recovery_codes: ReplaceRecoveryCodes

    async def EnrolTotp(self, request: accounts_pb2.EnrolTotpRequest, context: Any) -> accounts_pb2.TotpEnrolment:
        """Draw a secret for an authenticator."""
        enrolment = await self.enrol_totp(principal())
        return accounts_pb2.TotpEnrolment(secret=enrolment.secret, otpauth_uri=enrolment.uri)

    async def ConfirmTotp(self, request: accounts_pb2.ConfirmTotpRequest, context: Any) -> accounts_pb2.RecoveryCodes:
        """Turn the second factor on."""
        return accounts_pb2.RecoveryCodes(codes=await self.confirm_totp(principal(), request.code))

    async def DisableTotp(self, request: accounts_pb2.DisableTotpRequest, context: Any) -> Empty:
        """Turn the second factor off."""
        await self.disable_totp(principal(), request.code)
        return Empty()

    async def ReplaceRecoveryCodes(
        self, request: accounts_pb2.ReplaceRecoveryCodesRequest, context: Any
    ) -> accounts_pb2.RecoveryCodes:
        """Draw new recovery codes."""
        return accounts_pb2.RecoveryCodes(codes=await self.replace_recovery_codes(principal(), request.code))
