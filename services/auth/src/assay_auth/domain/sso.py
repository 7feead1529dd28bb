"""Single sign-on: attempts, and what a provider says of a person (OpenID Connect Core 1.0, section 3.1)."""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from assay_auth.domain.errors import ProviderAddressNotVerified, SignOnInvalid
from assay_auth.domain.sessions import digest_of
from assay_auth.domain.text import MAX_NAME, is_email, normal_email
from assay_common.errors import Violation

ATTEMPT_LIFETIME: Final = timedelta(minutes=10)
MAX_RETURN_TO: Final = 2_000
_PATH: Final = re.compile(r"/(?![/\\])[!-\[\]-~]*")
"""A path of this installation: printable ASCII without a backslash, and no `//host`, which is an address."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """Somebody is on their way to a provider and back; of the state and the browser's secret only digests are kept."""

    provider: str
    state_digest: bytes
    binding_digest: bytes
    redirect_uri: str
    return_to: str
    expires_at: datetime
    nonce: str = field(repr=False)
    code_verifier: str = field(repr=False)

    def check(self, browser_binding: str, now: datetime) -> None:
        """Raise SignOnInvalid unless the browser that began it comes back in time."""
        if now >= self.expires_at or not hmac.compare_digest(digest_of(browser_binding), self.binding_digest):
            raise invalid_attempt()


def invalid_attempt() -> SignOnInvalid:
    """The answer to a state that is unknown, used or too old, and to one of another browser; not told apart."""
    return SignOnInvalid("this sign-in was not begun in this browser, has been used, or is too old: begin again")


def code_challenge(code_verifier: str) -> str:
    """What a provider is shown of the verifier (RFC 7636, section 4.2: S256)."""
    return base64.urlsafe_b64encode(hashlib.sha256(code_verifier.encode()).digest()).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True)
class ProvidedIdentity:
    """A person, as a provider's ID token names them."""

    provider: str
    subject: str
    """The provider's own name for the person, which never changes."""
    email: str
    email_is_verified: bool
    """Whether the provider vouches for the address."""
    name: str

    def verified_email(self) -> str:
        """The address in normal form, to know a person by; raises ProviderAddressNotVerified."""
        email = normal_email(self.email)
        if not self.email_is_verified or not is_email(email):
            raise ProviderAddressNotVerified(
                "the provider does not say that your e-mail address is verified: verify it there, then sign in again",
                provider=self.provider,
            )
        return email

    def display_name(self) -> str:
        """What to call a new person."""
        plain = " ".join("".join(each if each.isprintable() else " " for each in self.name).split())[:MAX_NAME]
        return plain or self.email.partition("@")[0]


def redirect_violations(field_name: str, uri: str, public_url: str) -> Iterator[Violation]:
    """What is wrong with the address that the browser shall be sent back to: it must be one of this installation."""
    if _origin(uri) != _origin(public_url) or urlsplit(uri).fragment:
        yield Violation(field_name, "must be an address of this installation")


def return_violations(field_name: str, path: str) -> Iterator[Violation]:
    """What is wrong with the path that the browser shall go to in the end."""
    if path and (len(path) > MAX_RETURN_TO or _PATH.fullmatch(path) is None):
        yield Violation(field_name, f"must be a path of this installation, of at most {MAX_RETURN_TO} characters")


def _origin(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", ""
    return parts.scheme, parts.netloc.lower()
