"""Secrets sealed at rest with AES-256-GCM, as nonce and ciphertext."""

import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES: Final = 12


class SealBroken(Exception):
    """A sealed secret does not open: it was sealed under another key or for another name, or was damaged."""


class Sealer:
    """Seals under the key encryption key; a secret's name is authenticated with it, so it opens as that one only."""

    def __init__(self, key_encryption_key: bytes) -> None:
        self._cipher = AESGCM(key_encryption_key)

    def seal(self, secret: bytes, name: str) -> bytes:
        """The secret, sealed."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, secret, name.encode())

    def unseal(self, sealed: bytes, name: str) -> bytes:
        """The secret; raises SealBroken."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], name.encode())
        except (InvalidTag, ValueError) as error:
            raise SealBroken("a sealed secret does not open with ASSAY_KEY_ENCRYPTION_KEY") from error
