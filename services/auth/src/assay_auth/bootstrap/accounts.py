"""Wires people's accounts, and the mails that go to them."""

import asyncio
import contextlib
from typing import Final

import asyncpg
import structlog

from assay.auth.v1.accounts_pb2_grpc import (
    add_AccountServiceServicer_to_server,
    add_SecondFactorServiceServicer_to_server,
)
from assay_auth.adapters.mailers import LogMailer, SmtpMailer
from assay_auth.application.accounts.change_password import ChangePassword
from assay_auth.application.accounts.change_second_factor import (
    ConfirmTotp,
    DisableTotp,
    EnrolTotp,
    ReplaceRecoveryCodes,
)
from assay_auth.application.accounts.deactivate import Deactivate, DeactivateOwnAccount
from assay_auth.application.accounts.own_account import GetAccount, UpdateAccount
from assay_auth.application.accounts.reset_password import RequestPasswordReset, ResetPassword
from assay_auth.application.accounts.send_link import SendLink
from assay_auth.application.accounts.sign_up import SignUpPerson
from assay_auth.application.accounts.tidy import Tidy
from assay_auth.application.accounts.verify_email import ResendVerification, VerifyEmail
from assay_auth.application.mails.deliver_mails import DeliverMails
from assay_auth.application.organisations.accept_invitation import AcceptInvitation
from assay_auth.application.ports import Mailer
from assay_auth.bootstrap.parts import Parts
from assay_auth.entrypoints.grpc.accounts import AccountServicer, SecondFactorServicer
from assay_auth.settings import Settings
from assay_common.errors import Aborted
from assay_common.rpc.server import Servicer

log = structlog.get_logger()

MAIL_SECONDS: Final = 1.0
"""How often is looked for mails to send."""
TIDY_SECONDS: Final = 600.0


def account_service(parts: Parts) -> Servicer:
    """AccountService."""
    uow, clock, floor = parts.uow, parts.clock, parts.floor_seconds
    send_link = SendLink(parts.public_url)
    return add_AccountServiceServicer_to_server, AccountServicer(
        sign_up=SignUpPerson(
            uow,
            parts.sign_up,
            parts.password_rules,
            parts.hasher,
            send_link,
            AcceptInvitation(uow, clock),
            clock,
            floor,
        ),
        resend_verification=ResendVerification(uow, send_link, clock, floor),
        verify_email=VerifyEmail(uow, clock),
        request_password_reset=RequestPasswordReset(uow, send_link, clock, floor),
        reset_password=ResetPassword(uow, parts.password_rules, parts.hasher, clock),
        change_password=ChangePassword(
            uow, parts.authenticate, parts.password_rules, parts.hasher, clock, parts.public_url
        ),
        get_account=GetAccount(uow),
        update_account=UpdateAccount(uow),
        deactivate_account=DeactivateOwnAccount(uow, parts.authenticate, Deactivate(uow, clock)),
    )


def second_factor_service(parts: Parts) -> Servicer:
    """SecondFactorService."""
    return add_SecondFactorServiceServicer_to_server, SecondFactorServicer(
        enrol_totp=EnrolTotp(parts.uow, parts.sealer, parts.one_time_passwords, parts.clock),
        confirm_totp=ConfirmTotp(parts.uow, parts.check_code, parts.clock),
        disable_totp=DisableTotp(parts.uow, parts.authenticate),
        replace_recovery_codes=ReplaceRecoveryCodes(parts.uow, parts.authenticate),
    )


def mailer(settings: Settings) -> Mailer | None:
    """Who carries mails, None where nobody does."""
    if settings.smtp is not None:
        return SmtpMailer(settings.smtp)
    return LogMailer() if settings.development else None


async def keep_mails_going(parts: Parts, carrier: Mailer, stopping: asyncio.Event) -> None:
    """Send the mails whose turn it is, until the process stops."""
    deliver = DeliverMails(parts.uow, carrier, parts.clock)
    while not stopping.is_set():
        try:
            sent = await deliver()
        except (OSError, Aborted, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            log.warning("mails not looked after", error=repr(error))
            sent = 0
        if not sent:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), MAIL_SECONDS)


async def keep_tidy(parts: Parts) -> None:
    """Forget what nobody needs any more; runs for ever."""
    tidy = Tidy(parts.uow, parts.clock)
    while True:
        try:
            await tidy()
        except (OSError, Aborted, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            log.warning("nothing tidied", error=repr(error))
        await asyncio.sleep(TIDY_SECONDS)
