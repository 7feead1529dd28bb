"""Rules for what people type: names, e-mail addresses, slugs, passwords."""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final
from uuid import UUID

from assay_common.errors import InvalidArgument, Violation

MAX_NAME: Final = 200
"""Characters in the name of a person, an organisation or a key."""
MAX_DESCRIPTION: Final = 1000
"""Characters in the description of a team or a service account."""
MAX_EMAIL: Final = 254
"""Characters in an e-mail address (RFC 5321, section 4.5.3.1.3, less the angle brackets)."""
MIN_PASSWORD: Final = 12
MAX_PASSWORD: Final = 128
"""Characters in a password. There are no composition rules, which make passwords worse (NIST SP 800-63B); what is
common is refused by `PasswordRules`."""

_EMAIL: Final = re.compile(r"[^@\s\x00-\x1f\x7f]{1,64}@[^@\s\x00-\x1f\x7f.]+(?:\.[^@\s\x00-\x1f\x7f.]+)*")
_SLUG: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


def refuse(*violations: Violation) -> None:
    """Raise InvalidArgument with the violations, if there are any."""
    if violations:
        fields = ", ".join(dict.fromkeys(violation.field for violation in violations))
        raise InvalidArgument(f"the request is not valid: {fields}", *violations)


def missing(field: str, value: object) -> Iterator[Violation]:
    """A violation where a required field is empty."""
    if not value:
        yield Violation(field, "is required")


def normal_email(text: str) -> str:
    """The form in which addresses are stored and compared: without surrounding space, in lower case."""
    return text.strip().lower()


def is_email(text: str) -> bool:
    """Whether `text` (in normal form) has the shape of an address; that it exists only a message to it could prove."""
    return len(text) <= MAX_EMAIL and _EMAIL.fullmatch(text) is not None


def email_violations(field: str, text: str) -> Iterator[Violation]:
    """What is wrong with an e-mail address in normal form."""
    if not text:
        yield from missing(field, text)
    elif not is_email(text):
        yield Violation(field, f"must be an e-mail address of at most {MAX_EMAIL} characters")


def name_violations(field: str, text: str, *, required: bool = True) -> Iterator[Violation]:
    """What is wrong with the name of something."""
    if required:
        yield from missing(field, text.strip())
    if len(text) > MAX_NAME:
        yield Violation(field, f"must have at most {MAX_NAME} characters")
    if _CONTROL.search(text):
        yield Violation(field, "must not contain control characters")


def description_violations(field: str, text: str) -> Iterator[Violation]:
    """What is wrong with a description; it may have several lines."""
    if len(text) > MAX_DESCRIPTION:
        yield Violation(field, f"must have at most {MAX_DESCRIPTION} characters")
    if "\x00" in text:
        yield Violation(field, "must not contain the character 0")


def password_violations(field: str, password: str) -> Iterator[Violation]:
    """What is wrong with a new password."""
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        yield Violation(field, f"must have {MIN_PASSWORD} to {MAX_PASSWORD} characters")


def normal_password(password: str) -> str:
    """The form that is hashed, the same from every keyboard (NIST SP 800-63B, section 3.1.1.2: NFKC)."""
    return unicodedata.normalize("NFKC", password)


def is_slug(text: str) -> bool:
    """Whether `text` may name an organisation: 2 to 63 of a-z, 0-9 and inner hyphens, and not the shape of an id."""
    return _SLUG.fullmatch(text) is not None and parsed_id(text) is None


def slug_violations(field: str, text: str) -> Iterator[Violation]:
    """What is wrong with the slug of a new organisation."""
    if not text:
        yield from missing(field, text)
    elif not is_slug(text):
        yield Violation(
            field, "must have 2 to 63 lower-case letters, digits and inner hyphens, and must not look like an id"
        )


def parsed_id(text: str) -> UUID | None:
    """The id that `text` writes, or None."""
    try:
        return UUID(text)
    except ValueError:
        return None
