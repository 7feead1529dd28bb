"""Secrets sealed at rest with AES-256-GCM, as nonce and ciphertext."""

import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from assay_auth.application.metrics import SEALS_BROKEN
from assay_auth.application.ports import SealBroken

_NONCE_BYTES: Final = 12


class Sealer:
    """Seals under the key encryption key; a secret's name is authenticated with it, so it opens as that one only.

    Opens what was sealed under a previous key too, so that the key can be changed while the service runs.
    """

    def __init__(self, key_encryption_key: bytes, *previous: bytes) -> None:
        self._cipher = AESGCM(key_encryption_key)
        self._previous = [AESGCM(key) for key in previous]

    def seal(self, secret: bytes, name: str) -> bytes:
        """The secret, sealed."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, secret, name.encode())

    def unseal(self, sealed: bytes, name: str) -> bytes:
        """The secret; raises SealBroken."""
        for cipher in (self._cipher, *self._previous):
            secret = _opened(cipher, sealed, name)
            if secret is not None:
                return secret
        SEALS_BROKEN.inc()
        raise SealBroken(
            "a sealed secret opens neither with ASSAY_KEY_ENCRYPTION_KEY nor with ASSAY_PREVIOUS_KEY_ENCRYPTION_KEYS"
        )

    def sealed_anew(self, sealed: bytes, name: str) -> bytes | None:
        """The same secret under the key encryption key; None when it is under it already. Raises SealBroken."""
        if _opened(self._cipher, sealed, name) is not None:
            return None
        return self.seal(self.unseal(sealed, name), name)


def _opened(cipher: AESGCM, sealed: bytes, name: str) -> bytes | None:
    try:
        return cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], name.encode())
    except (InvalidTag, ValueError):
        return None
