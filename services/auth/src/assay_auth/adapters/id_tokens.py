"""The check of an ID token (OpenID Connect Core 1.0, section 3.1.3.7)."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import jwt

ALGORITHMS: Final = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
)
"""Signatures that only the holder of a private key can make; neither `none` nor the ones with a shared secret."""
LEEWAY_SECONDS: Final = 30
"""How far two clocks may be apart."""
MAX_SUBJECT: Final = 255


class NotAToken(Exception):
    """The token does not hold; the message says why, to the operator."""


@dataclass(frozen=True, slots=True)
class IdTokens:
    """Reads the ID tokens of one issuer for one client."""

    issuer: str
    client_id: str

    def key_of(self, token: str, jwks: Mapping[str, Any]) -> jwt.PyJWK | None:
        """The key that the token names, None when the set lacks it; raises NotAToken for an algorithm not allowed."""
        header = _header(token)
        algorithm, key_id = header["alg"], header.get("kid")
        listed = jwks.get("keys")
        fitting = [
            key
            for each in (listed if isinstance(listed, list) else [])
            if (key := _signing_key(each, algorithm)) is not None and key_id in (None, key.key_id)
        ]
        # Without a name there must be no choice (Core, section 10.1).
        return fitting[0] if len(fitting) == 1 or (fitting and key_id is not None) else None

    def claims(self, token: str, key: jwt.PyJWK | None, nonce: str) -> dict[str, Any]:
        """What the token says, once everything is checked; raises NotAToken."""
        if key is None:
            raise NotAToken("it is signed with a key that the provider does not publish")
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[key.algorithm_name],
                audience=self.client_id,
                issuer=self.issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": ["iss", "sub", "aud", "exp", "iat"]},
            )
        except jwt.PyJWTError as error:
            raise NotAToken(f"{type(error).__name__}: {error}") from error
        self._check_parties(claims)
        if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
            raise NotAToken("it answers another request (nonce)")
        return claims

    def _check_parties(self, claims: Mapping[str, Any]) -> None:
        subject, authorised = claims["sub"], claims.get("azp")
        if not isinstance(subject, str) or not 0 < len(subject) <= MAX_SUBJECT:
            raise NotAToken("it names no subject")
        several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if (several or authorised is not None) and authorised != self.client_id:
            raise NotAToken("it was made for another client (azp)")


def _header(token: str) -> dict[str, Any]:
    try:
        header: dict[str, Any] = jwt.get_unverified_header(token)
    except jwt.PyJWTError as error:
        raise NotAToken(f"{type(error).__name__}: {error}") from error
    if header.get("alg") not in ALGORITHMS:
        raise NotAToken(f"the algorithm {header.get('alg')!r} is not allowed")
    return header


def _signing_key(document: Any, algorithm: str) -> jwt.PyJWK | None:
    """The key of a set's entry, if it makes such signatures; entries for other purposes are no harm."""
    if not isinstance(document, dict) or document.get("use", "sig") != "sig":
        return None
    if document.get("alg", algorithm) != algorithm or document.get("kty") == "oct":
        return None
    try:
        return jwt.PyJWK(document, algorithm)
    except (jwt.PyJWTError, ValueError):
        return None
