"""What the store keeps under a request's name: that it is running, its answer, or that its answer was too large.

An answer may hold secrets, an API key for instance. It is sealed (AES-256-GCM) with a key that only the repeated
request itself can make: by HKDF-SHA256 (RFC 5869) from its body and its Idempotency-Key, neither of which is stored.
"""

from __future__ import annotations

import json
import os
from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from assay_gateway.domain.answers import Answer

_RUNNING: Final = b"R"
_ANSWERED: Final = b"A"
_UNANSWERABLE: Final = b"U"
OWNER_BYTES: Final = 16
_FINGERPRINT_BYTES: Final = 32
_NONCE_BYTES: Final = 12


@dataclass(frozen=True, slots=True)
class Secret:
    """What a request and its repetition have in common, and nobody else has."""

    fingerprint: bytes
    """May be stored: tells whether two requests are the same, and opens nothing."""
    seal: bytes

    @classmethod
    def of(cls, key: str, digest: bytes) -> Secret:
        """Of a request with this Idempotency-Key and this digest of its body."""
        derived = HKDF(SHA256(), _FINGERPRINT_BYTES + 32, salt=None, info=b"assay idempotency").derive(
            len(key).to_bytes(2) + key.encode() + digest
        )
        return cls(derived[:_FINGERPRINT_BYTES], derived[_FINGERPRINT_BYTES:])


@dataclass(frozen=True, slots=True)
class Record:
    """A record as it was read."""

    fingerprint: bytes
    """Empty while the body of a running upload is not known yet."""
    is_running: bool
    sealed: bytes | None
    """None when there is no answer (yet, or any more)."""

    def opened(self, secret: Secret) -> Answer | None:
        """The answer; raises InvalidTag when it was sealed for another request, or changed."""
        if self.sealed is None:
            return None
        nonce, sealed = self.sealed[:_NONCE_BYTES], self.sealed[_NONCE_BYTES:]
        document = json.loads(AESGCM(secret.seal).decrypt(nonce, sealed, self.fingerprint))
        return Answer(document["status"], document["headers"], b64decode(document["body"]))


def running(owner: bytes, secret: Secret | None) -> bytes:
    """The record of a request that `owner` is running."""
    return _RUNNING + owner + (b"" if secret is None else secret.fingerprint)


def answered(secret: Secret, answer: Answer, max_bytes: int) -> bytes:
    """The record of an answer; only that there was one when its body is larger than `max_bytes`."""
    if len(answer.body) > max_bytes:
        return _UNANSWERABLE + secret.fingerprint
    document = {"status": answer.status, "headers": answer.headers, "body": b64encode(answer.body).decode()}
    nonce = os.urandom(_NONCE_BYTES)
    sealed = AESGCM(secret.seal).encrypt(nonce, json.dumps(document).encode(), secret.fingerprint)
    return _ANSWERED + secret.fingerprint + nonce + sealed


def read(record: bytes) -> Record:
    """Take a record apart."""
    kind, rest = record[:1], record[1:]
    if kind == _RUNNING:
        return Record(rest[OWNER_BYTES:], is_running=True, sealed=None)
    sealed = rest[_FINGERPRINT_BYTES:] if kind == _ANSWERED else None
    return Record(rest[:_FINGERPRINT_BYTES], is_running=False, sealed=sealed)
