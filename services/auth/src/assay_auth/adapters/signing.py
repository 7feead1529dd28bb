"""Ed25519 key pairs, sealed at rest, and the JWTs they sign."""

from collections.abc import Mapping
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from assay_auth.adapters.sealing import Sealer
from assay_auth.application.ports import SealBroken
from assay_auth.domain.access import KeyMaterial, thumbprint

ALGORITHM: Final = "EdDSA"


class SigningKeyUnreadable(Exception):
    """A stored private key does not open: it was sealed under another key encryption key, or damaged."""


class Ed25519Signer:
    """Makes key pairs and signs with them.

    Private keys are sealed under the key encryption key and the key's id.
    """

    def __init__(self, key_encryption_key: bytes, *previous: bytes) -> None:
        self._sealer = Sealer(key_encryption_key, *previous)
        self._opened: dict[str, Ed25519PrivateKey] = {}

    def generate(self) -> KeyMaterial:
        """A new key pair."""
        private_key = Ed25519PrivateKey.generate()
        public_key = private_key.public_key().public_bytes_raw()
        key_id = thumbprint(public_key)
        return KeyMaterial(key_id, public_key, self._sealer.seal(private_key.private_bytes_raw(), key_id))

    def sign(self, key: KeyMaterial, claims: Mapping[str, Any]) -> str:
        """The claims as a JWT (RFC 7519, 8037); raises SigningKeyUnreadable."""
        return jwt.encode(dict(claims), self.open(key), ALGORITHM, headers={"kid": key.id})

    def open(self, key: KeyMaterial) -> Ed25519PrivateKey:
        """The private half, unsealed once and remembered; raises SigningKeyUnreadable."""
        if key.id not in self._opened:
            self._opened[key.id] = self._unsealed(key)
        return self._opened[key.id]

    def _unsealed(self, key: KeyMaterial) -> Ed25519PrivateKey:
        try:
            return Ed25519PrivateKey.from_private_bytes(self._sealer.unseal(key.sealed_private_key, key.id))
        except (SealBroken, ValueError) as error:
            raise SigningKeyUnreadable(
                f"the signing key {key.id} does not open with ASSAY_KEY_ENCRYPTION_KEY: set the value it was sealed "
                "under, or name that value in ASSAY_PREVIOUS_KEY_ENCRYPTION_KEYS"
            ) from error
