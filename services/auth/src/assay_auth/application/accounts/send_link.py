"""Send a person a link that proves they read the mail of their address."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

from assay_auth.application.ports import Transaction
from assay_auth.domain.links import AT_MOST_ONE_IN, AccountLink, Purpose
from assay_auth.domain.members import User
from assay_auth.domain.sessions import ENTROPY_BYTES, digest_of, token_from


@dataclass(frozen=True, slots=True)
class Letter:
    """What a mail with a link says."""

    purpose: Purpose
    subject: str
    text: str


VERIFY: Final = Letter(
    Purpose.VERIFY_EMAIL,
    "Verify your e-mail address",
    """\
Welcome to Assay. To verify that this address is yours, open this link:

{link}

The link works once, until {until:%d %B %Y, %H:%M} UTC. If you did not make an account, ignore this message: without \
you nobody can use it.
""",
)
RESET: Final = Letter(
    Purpose.RESET_PASSWORD,
    "Choose a new password",
    """\
Somebody asked to reset the password of your Assay account. To choose a new one, open this link:

{link}

The link works once, until {until:%d %B %Y, %H:%M} UTC. If it was not you, ignore this message: your password stays \
as it is.
""",
)
KNOWN_ALREADY: Final = Letter(
    Purpose.RESET_PASSWORD,
    "You have an account already",
    """\
Somebody asked for a new Assay account with your address, but there is one already. If it was you, sign in. If you do \
not know the password, choose a new one with this link:

{link}

The link works once, until {until:%d %B %Y, %H:%M} UTC. If it was not you, ignore this message.
""",
)


@dataclass(frozen=True, slots=True)
class SendLink:
    """Draw a link's token, keep its digest, and put the mail with it into the outbox."""

    public_url: str
    """Where links begin, without a slash at the end."""

    async def __call__(self, tx: Transaction, user: User, letter: Letter, now: datetime) -> None:
        """Send the letter, unless the person was sent such a link just now."""
        token = token_from(secrets.token_bytes(ENTROPY_BYTES))
        link = AccountLink(digest_of(token), user.id, letter.purpose, now)
        if await tx.account_links.add(link, unless_since=now - AT_MOST_ONE_IN):
            address = f"{self.public_url}{letter.purpose.path}?{urlencode({'token': token})}"
            text = letter.text.format(link=address, until=link.expires_at)
            await tx.mails.add(user.email, letter.subject, text)
