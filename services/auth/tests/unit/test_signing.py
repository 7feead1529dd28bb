import os
from dataclasses import replace

import jwt
import pytest

from assay_auth.adapters.signing import Ed25519Signer, SigningKeyUnreadable
from assay_auth.domain.access import jwk

KEK = os.urandom(32)


def test_a_token_verifies_with_the_published_key():
    signer = Ed25519Signer(KEK)
    key = signer.generate()
    token = signer.sign(key, {"sub": "ada"})
    assert jwt.get_unverified_header(token) == {"alg": "EdDSA", "typ": "JWT", "kid": key.id}
    assert jwt.decode(token, jwt.PyJWK(jwk(key.public_key)), algorithms=["EdDSA"]) == {"sub": "ada"}


def test_another_replica_opens_the_key():
    key = Ed25519Signer(KEK).generate()
    Ed25519Signer(KEK).open(key)


def test_the_private_key_is_not_readable_at_rest():
    signer = Ed25519Signer(KEK)
    key = signer.generate()
    assert signer.open(key).private_bytes_raw() not in key.sealed_private_key


def test_a_key_opens_only_under_its_own_name_and_key_encryption_key():
    signer = Ed25519Signer(KEK)
    key, other = signer.generate(), signer.generate()
    damaged = key.sealed_private_key[:-1] + bytes([key.sealed_private_key[-1] ^ 1])
    for unreadable in (
        replace(key, sealed_private_key=other.sealed_private_key),
        replace(key, sealed_private_key=damaged),
        replace(key, sealed_private_key=b""),
    ):
        with pytest.raises(SigningKeyUnreadable, match="ASSAY_KEY_ENCRYPTION_KEY"):
            signer.open(unreadable)
    with pytest.raises(SigningKeyUnreadable):
        Ed25519Signer(os.urandom(32)).open(key)
