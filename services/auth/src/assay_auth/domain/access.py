"""Access tokens: who speaks, where, and with which permissions, for ten minutes."""

import base64
import hashlib
import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

from assay_auth.domain.roles import Role

ACCESS_LIFETIME: Final = timedelta(minutes=10)
ISSUER: Final = "assay"
AUDIENCE: Final = "assay"
SIGNING_PERIOD: Final = timedelta(days=90)
"""A signing key signs this long; then another takes over."""
PUBLISHED_BEFORE: Final = timedelta(hours=1)
"""A signing key is published this long before it signs, so that every verifier knows it by then."""
ROTATION_LEAD: Final = timedelta(minutes=30)
"""The same for a rotation that somebody asked for: services fetch the keys every five minutes, a mesh every twenty."""
VERIFYING_MARGIN: Final = timedelta(hours=1)
"""A signing key verifies this much longer: more than the life of its last token and the verifiers' leeway."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What an access token is to say."""

    subject: UUID
    kind: Literal["user", "api_key"]
    org_id: UUID | None = None
    permissions: frozenset[str] = frozenset()
    role: Role | None = None
    """What the subject is to the organisation; a key is what its owner is."""
    owner: UUID | None = None
    """Whose an API key is."""
    session_id: UUID | None = None
    """The session of a person."""
    prompts: tuple[str, ...] = ()
    """The only prompts an API key may touch; empty = all."""
    repositories: tuple[str, ...] = ()
    """The only repositories an API key may touch; empty = all."""
    not_after: datetime | None = None
    """When the token must have expired, if that is before its usual time."""

    def expires_at(self, now: datetime) -> datetime:
        """When a token issued now ends; whole seconds, as a token writes it."""
        usual = now + ACCESS_LIFETIME
        return min(usual, self.not_after or usual).replace(microsecond=0)


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A signed token and what it says of itself."""

    token: str
    expires_at: datetime
    org_id: UUID | None


@dataclass(frozen=True, slots=True)
class KeyMaterial:
    """An Ed25519 key pair: the name and the public half in the clear, the private half sealed."""

    id: str
    """The public key's thumbprint: the `kid` of tokens."""
    public_key: bytes
    sealed_private_key: bytes


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key pair with its times."""

    material: KeyMaterial
    created_at: datetime
    signs_from: datetime
    signs_until: datetime
    verifies_until: datetime

    def signs_at(self, now: datetime) -> bool:
        """Whether new tokens may be signed with it."""
        return self.signs_from <= now < self.signs_until

    def is_last_hour_at(self, now: datetime) -> bool:
        """Whether its successor is to be published."""
        return now >= self.signs_until - PUBLISHED_BEFORE

    def until(self, moment: datetime) -> "SigningKey":
        """The same key, which another takes over from at this moment."""
        return replace(self, signs_until=moment, verifies_until=moment + VERIFYING_MARGIN)


def new_signing_key(material: KeyMaterial, at: datetime, signs_from: datetime) -> SigningKey:
    """A key that is published now and signs from the moment given."""
    signs_until = signs_from + SIGNING_PERIOD
    return SigningKey(material, at, signs_from, signs_until, signs_until + VERIFYING_MARGIN)


def jwk(public_key: bytes) -> dict[str, str]:
    """The JSON Web Key of a raw Ed25519 public key (RFC 8037, section 2)."""
    return {**_essence(public_key), "kid": thumbprint(public_key), "use": "sig", "alg": "EdDSA"}


def thumbprint(public_key: bytes) -> str:
    """The SHA-256 thumbprint of the key (RFC 7638; RFC 8037, section 2), in base64url."""
    canonical = json.dumps(_essence(public_key), separators=(",", ":"), sort_keys=True)
    return _base64url(hashlib.sha256(canonical.encode()).digest())


def _essence(public_key: bytes) -> dict[str, str]:
    return {"crv": "Ed25519", "kty": "OKP", "x": _base64url(public_key)}


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
