"""What the tests of assay_common share: an issuer of access tokens, and traces that are recorded."""

import json
import time
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from assay_common.tracing import configure_tracing


class Issuer:
    """Signs tokens as auth does, and publishes its keys."""

    def __init__(self):
        self.keys = {}
        self.fetches = 0
        self.rotate("first")

    def rotate(self, key_id):
        self.keys[key_id] = Ed25519PrivateKey.generate()
        self.key_id = key_id

    def jwks(self):
        algorithm = jwt.get_algorithm_by_name("EdDSA")
        return json.dumps(
            {
                "keys": [
                    {**algorithm.to_jwk(key.public_key(), as_dict=True), "kid": key_id, "use": "sig", "alg": "EdDSA"}
                    for key_id, key in self.keys.items()
                ]
            }
        )

    async def fetch(self):
        self.fetches += 1
        return self.jwks()

    def claims(self, *permissions, **changes):
        now = int(time.time())
        claims = {
            "sub": str(uuid4()),
            "kind": "user",
            "org": str(uuid4()),
            "scope": " ".join(permissions),
            "iat": now,
            "exp": now + 600,
            "iss": "assay",
            "aud": "assay",
            "jti": str(uuid4()),
            **changes,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, *permissions, **changes):
        return jwt.encode(
            self.claims(*permissions, **changes), self.keys[self.key_id], "EdDSA", headers={"kid": self.key_id}
        )

    def unsigned(self, *permissions):
        return jwt.encode(self.claims(*permissions), None, "none", headers={"kid": self.key_id})


@pytest.fixture
def issuer():
    return Issuer()


@pytest.fixture(scope="session", autouse=True)
def _traces():
    provider = configure_tracing("tests")
    yield
    provider.shutdown()
