"""Time-based one-time passwords (RFC 6238): six digits, thirty seconds, SHA-1, which is what authenticators know."""

from datetime import datetime
from typing import Final

import pyotp
from pyotp.utils import strings_equal

ISSUER: Final = "Assay"
NEIGHBOURS: Final = (0, -1, 1)
"""Steps beside the present that count too: clocks differ, and people type slowly."""


class Totp:
    """Makes secrets and knows their codes."""

    def new_secret(self) -> str:
        """160 random bits in base32."""
        return pyotp.random_base32()

    def uri(self, secret: str, account: str) -> str:
        """What a QR code tells an authenticator."""
        return pyotp.TOTP(secret).provisioning_uri(name=account, issuer_name=ISSUER)

    def step_of(self, secret: str, code: str, now: datetime) -> int | None:
        """The time step that the code belongs to."""
        totp = pyotp.TOTP(secret)
        present = totp.timecode(now)
        return next(
            (present + each for each in NEIGHBOURS if strings_equal(code, totp.generate_otp(present + each))), None
        )
