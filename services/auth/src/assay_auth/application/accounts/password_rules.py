"""What a new password must be (NIST SP 800-63B, section 3.1.1.2): long enough, and not what everybody tries first."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from assay_auth.application.ports import CommonPasswords
from assay_auth.domain.text import normal_password, password_violations
from assay_common.errors import Violation

SERVICE_NAME: Final = "assay"


@dataclass(frozen=True, slots=True)
class PasswordRules:
    """Look at a password before it is hashed."""

    common: CommonPasswords

    async def __call__(self, field: str, password: str, *about: str) -> Sequence[Violation]:
        """What is wrong with a new password of somebody of whom `about` is known (address, name)."""
        broken = list(password_violations(field, password))
        if not broken and await self.common.has(normal_password(password), [*_words(*about), SERVICE_NAME]):
            broken.append(Violation(field, "is among those that are guessed first: choose one that nobody would guess"))
        return broken


def _words(*texts: str) -> Iterator[str]:
    for text in texts:
        yield text
        yield from text.replace("@", " ").replace(".", " ").split()
