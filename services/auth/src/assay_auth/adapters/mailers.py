"""Mails handed to an SMTP server, or to the log where people develop."""

import asyncio
import ssl
from email.errors import HeaderDefect, MessageError
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from typing import Final

import aiosmtplib
import structlog

from assay_auth.application.ports import Mail
from assay_auth.domain.errors import MailerUnavailable, MailRefused
from assay_auth.settings import SmtpSecurity, SmtpSettings
from assay_common.certificates import distrust, measure_read_always

log = structlog.get_logger()

TIMEOUT_SECONDS: Final = 20.0
_PERMANENT: Final = 500
"""Replies from here on say that trying again is of no use (RFC 5321, section 4.2.1)."""


class SmtpMailer:
    """Sends over SMTP (RFC 5321): TLS from the start, STARTTLS (never without), or in the clear if told so."""

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings
        if settings.ca_file is not None:
            measure_read_always(settings.ca_file)

    async def send(self, mail: Mail) -> None:
        """Hand a mail over; raises MailRefused, MailerUnavailable."""
        settings = self._settings
        message = self._message(mail)
        try:
            await aiosmtplib.send(
                message,
                hostname=settings.host,
                port=settings.port,
                username=settings.username,
                password=settings.password.get_secret_value() if settings.password else None,
                use_tls=settings.security is SmtpSecurity.TLS,
                start_tls=settings.security is SmtpSecurity.STARTTLS,
                tls_context=await self._trust(),
                timeout=TIMEOUT_SECONDS,
            )
        except (aiosmtplib.SMTPRecipientsRefused, aiosmtplib.SMTPDataError) as error:
            if _is_for_good(error):
                raise MailRefused(str(error)) from error
            raise MailerUnavailable(str(error)) from error
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            raise MailerUnavailable(_reason(error)) from error

    async def _trust(self) -> ssl.SSLContext | None:
        """Whose certificates are believed, read for each mail: a file that is renewed counts at once."""
        if self._settings.security is SmtpSecurity.NONE:
            return None
        file = self._settings.ca_file
        try:
            return await asyncio.to_thread(ssl.create_default_context, cafile=file)
        except OSError as error:
            why = error.strerror or error
            raise MailerUnavailable(f"ASSAY_SMTP__CA_FILE (smtp.caSecret) cannot be used: {why}: {file}") from error

    def _message(self, mail: Mail) -> EmailMessage:
        message = EmailMessage()
        _, sender = parseaddr(self._settings.sender)
        try:
            message["From"] = self._settings.sender
            message["To"] = mail.to
            message["Subject"] = mail.subject
            message["Date"] = format_datetime(mail.created_at)
            # The same whenever it is sent again, so that a mail that comes twice can be known as one.
            message["Message-ID"] = f"<{mail.id}@{sender.rpartition('@')[2]}>"
            message["Auto-Submitted"] = "auto-generated"
            message.set_content(mail.text)
        except (MessageError, HeaderDefect, ValueError) as error:
            raise MailRefused(f"the mail cannot be written: {error}") from error
        return message


class LogMailer:
    """Writes mails to the log, links and all: for development only."""

    async def send(self, mail: Mail) -> None:
        """Log a mail."""
        log.info("mail", to=mail.to, subject=mail.subject, text=mail.text)


def _is_for_good(error: aiosmtplib.SMTPRecipientsRefused | aiosmtplib.SMTPDataError) -> bool:
    answers = [error] if isinstance(error, aiosmtplib.SMTPDataError) else error.recipients
    return all(answer.code >= _PERMANENT for answer in answers)


def _reason(error: Exception) -> str:
    said = str(error) or repr(error)
    remedy = distrust(error, host="smtp.host", authority="ASSAY_SMTP__CA_FILE (smtp.caSecret)")
    return said if remedy is None else f"the SMTP server is not trusted: {remedy}. It says: {said}"
