"""Every knob of auth."""

import base64
from email.utils import parseaddr
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from assay_auth.domain.sign_up import SignUp
from assay_auth.domain.text import MAX_PASSWORD, MIN_PASSWORD, is_email, normal_email
from assay_common.settings import (
    DatabaseSettings,
    GrpcSettings,
    HousekeepingSettings,
    KafkaSettings,
    Section,
    ServiceSettings,
)

KEY_BYTES: Final = 32


def _key(text: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise ValueError(f"must be {KEY_BYTES} bytes in base64 (openssl rand -base64 {KEY_BYTES})")
    return key


def _is_key(value: SecretStr) -> SecretStr:
    _key(value.get_secret_value())
    return value


def _are_keys(value: SecretStr) -> SecretStr:
    for text in _listed(value):
        _key(text)
    return value


def _listed(value: SecretStr) -> list[str]:
    return value.get_secret_value().replace(",", " ").split()


class BootstrapAdmin(Section):
    """The first person, created when nobody exists yet; both or neither must be given."""

    email: str | None = None
    password: SecretStr | None = None
    """12 to 128 characters."""

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if (self.email is None) != (self.password is None):
            raise ValueError("EMAIL and PASSWORD are needed together")
        if self.email is not None and not is_email(normal_email(self.email)):
            raise ValueError("EMAIL must be an e-mail address")
        if self.password and not MIN_PASSWORD <= len(self.password.get_secret_value()) <= MAX_PASSWORD:
            raise ValueError(f"PASSWORD must have {MIN_PASSWORD} to {MAX_PASSWORD} characters")
        return self


class KeySettings(ServiceSettings):
    """What opens the private signing keys; also all that `rotate-signing-key` needs."""

    database: DatabaseSettings
    key_encryption_key: Annotated[SecretStr, AfterValidator(_is_key)]
    """32 bytes in base64: seals the private signing keys in the database. All replicas have the same."""
    key_encryption_key_file: Path | None = None
    """A mounted file that holds the key; instead of the key itself."""
    previous_key_encryption_keys: Annotated[SecretStr, AfterValidator(_are_keys)] = SecretStr("")
    """Keys that open what is sealed, and seal nothing any more (or not yet), separated by commas."""

    @model_validator(mode="before")
    @classmethod
    def _key_from_file(cls, values: dict[str, Any]) -> dict[str, Any]:
        file = values.get("key_encryption_key_file")
        if file is None:
            return values
        if values.get("key_encryption_key") is not None:
            raise ValueError("set ASSAY_KEY_ENCRYPTION_KEY or ASSAY_KEY_ENCRYPTION_KEY_FILE, not both")
        try:
            return values | {"key_encryption_key": Path(file).read_text().strip()}
        except OSError as error:
            raise ValueError(f"ASSAY_KEY_ENCRYPTION_KEY_FILE cannot be read: {error.strerror}: {file}") from error

    @property
    def key_encryption_keys(self) -> tuple[bytes, ...]:
        """The key that seals, and then those that only open."""
        previous = _listed(self.previous_key_encryption_keys)
        return tuple(_key(text) for text in (self.key_encryption_key.get_secret_value(), *previous))


def _is_issuer(url: str) -> str:
    if not url.startswith(("https://", "http://")) or "?" in url or "#" in url:
        raise ValueError("must be a URL without query and fragment")
    return url


class SingleSignOnProvider(Section):
    """An OpenID Connect provider, which knows this installation as one of its clients."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
    """Short name in addresses; people's accounts are linked to it, so it stays."""
    name: Annotated[str, Field(min_length=1, max_length=100)]
    """For people."""
    issuer: Annotated[str, AfterValidator(_is_issuer)]
    """As the provider writes it itself; its description is found below it."""
    client_id: str
    client_secret: SecretStr
    scopes: tuple[str, ...] = ("openid", "email", "profile")
    trusted_email: bool = False
    """Whether its addresses are believed when it does not say whether they are verified."""
    allow_private_addresses: bool = False
    """Whether it may be in one's own network, or by plain http on this machine."""

    @model_validator(mode="after")
    def _asks_for_identity(self) -> Self:
        if "openid" not in self.scopes:
            raise ValueError("scopes must name openid")
        return self


def _have_names_of_their_own(providers: tuple[SingleSignOnProvider, ...]) -> tuple[SingleSignOnProvider, ...]:
    if len({provider.id for provider in providers}) < len(providers):
        raise ValueError("two providers have the same id")
    return providers


class SmtpSecurity(StrEnum):
    """How a connection to an SMTP server is kept from others."""

    STARTTLS = "starttls"
    """Made so before anything else is said; a server that does not offer it is not used."""
    TLS = "tls"
    NONE = "none"


class SmtpSettings(Section):
    """Who carries mails."""

    host: str
    port: Annotated[int, Field(gt=0, lt=65536)] = 587
    username: str | None = None
    password: SecretStr | None = None
    security: SmtpSecurity = SmtpSecurity.STARTTLS
    ca_file: Path | None = None
    """Certificates of who alone vouches for the server; by default those whom the machine knows."""
    sender: str
    """Address that mails come from, such as `Assay <assay@example.org>`."""

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("USERNAME and PASSWORD are needed together")
        if self.ca_file is not None and self.security is SmtpSecurity.NONE:
            raise ValueError("CA_FILE is set, but nothing is encrypted: set SECURITY to starttls or tls")
        if not is_email(normal_email(parseaddr(self.sender)[1])):
            raise ValueError("SENDER must be an e-mail address")
        return self


class Settings(KeySettings):
    """What `serve` needs."""

    kafka: KafkaSettings
    grpc: GrpcSettings = GrpcSettings()
    housekeeping: HousekeepingSettings = HousekeepingSettings()
    bootstrap_admin: BootstrapAdmin = BootstrapAdmin()
    sso: Annotated[tuple[SingleSignOnProvider, ...], AfterValidator(_have_names_of_their_own)] = ()
    """JSON list of the identity providers to sign on with."""
    smtp: SmtpSettings | None = None
    """Without it mails go to the log in development, and nowhere otherwise."""
    development: bool = False
    """Whether people develop on this installation: mails may then go to the log."""
    sign_up: SignUp = SignUp.INVITATION
    """Who may make an account."""
    public_url: str = "http://localhost:8080"
    """Where people reach the gateway: links begin with it, and so does where providers send browsers back to."""

    @property
    def mails_leave(self) -> bool:
        """Whether mails go anywhere."""
        return self.smtp is not None or self.development
