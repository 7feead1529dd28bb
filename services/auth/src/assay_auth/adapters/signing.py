"""Ed25519 key pairs, sealed at rest, and the JWTs they sign."""

import os
from collections.abc import Mapping
from typing import Any, Final

import jwt
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from assay_auth.domain.access import KeyMaterial, thumbprint

ALGORITHM: Final = "EdDSA"
_NONCE_BYTES: Final = 12


class SigningKeyUnreadable(Exception):
    """A stored private key does not open: it was sealed under another key encryption key, or damaged."""


class Ed25519Signer:
    """Makes key pairs and signs with them.

    Private keys are sealed with AES-256-GCM under the key encryption key, as nonce and ciphertext; the key's id is
    authenticated with it, so that a row's secret opens only as that row's.
    """

    def __init__(self, key_encryption_key: bytes) -> None:
        self._cipher = AESGCM(key_encryption_key)
        self._opened: dict[str, Ed25519PrivateKey] = {}

    def generate(self) -> KeyMaterial:
        """A new key pair."""
        private_key = Ed25519PrivateKey.generate()
        public_key = private_key.public_key().public_bytes_raw()
        key_id = thumbprint(public_key)
        nonce = os.urandom(_NONCE_BYTES)
        sealed = nonce + self._cipher.encrypt(nonce, private_key.private_bytes_raw(), key_id.encode())
        return KeyMaterial(key_id, public_key, sealed)

    def sign(self, key: KeyMaterial, claims: Mapping[str, Any]) -> str:
        """The claims as a JWT (RFC 7519, 8037); raises SigningKeyUnreadable."""
        return jwt.encode(dict(claims), self.open(key), ALGORITHM, headers={"kid": key.id})

    def open(self, key: KeyMaterial) -> Ed25519PrivateKey:
        """The private half, unsealed once and remembered; raises SigningKeyUnreadable."""
        if key.id not in self._opened:
            self._opened[key.id] = self._unsealed(key)
        return self._opened[key.id]

    def _unsealed(self, key: KeyMaterial) -> Ed25519PrivateKey:
        nonce, ciphertext = key.sealed_private_key[:_NONCE_BYTES], key.sealed_private_key[_NONCE_BYTES:]
        try:
            return Ed25519PrivateKey.from_private_bytes(self._cipher.decrypt(nonce, ciphertext, key.id.encode()))
        except (InvalidTag, ValueError) as error:
            raise SigningKeyUnreadable(
                f"the signing key {key.id} does not open with ASSAY_KEY_ENCRYPTION_KEY: "
                "set the value it was sealed under"
            ) from error
