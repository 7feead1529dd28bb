"""An issuer of access tokens that signs as the auth service does."""

from __future__ import annotations

import json
import time
from typing import Any
from uuid import UUID, uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from assay_common.rpc.client import AUTHORIZATION


class Issuer:
    """Signs tokens, rotates its key, and publishes its keys as auth does."""

    def __init__(self) -> None:
        self.keys: dict[str, Ed25519PrivateKey] = {}
        self.fetches = 0
        """How often the keys were asked for."""
        self.rotate("first")

    def rotate(self, key_id: str) -> None:
        """Sign with a new key from now on; the older ones stay published."""
        self.keys[key_id] = Ed25519PrivateKey.generate()
        self.key_id = key_id

    def jwks(self) -> str:
        """The public keys as a JSON Web Key Set (RFC 7517)."""
        algorithm = jwt.get_algorithm_by_name("EdDSA")
        keys = [
            {**algorithm.to_jwk(key.public_key(), as_dict=True), "kid": key_id, "use": "sig", "alg": "EdDSA"}
            for key_id, key in self.keys.items()
        ]
        return json.dumps({"keys": keys})

    async def fetch(self) -> str:
        """`jwks`, as a TokenVerifier asks for it."""
        self.fetches += 1
        return self.jwks()

    def claims(self, *permissions: str, **changes: Any) -> dict[str, Any]:
        """The claims of a good token; a change to None leaves a claim out."""
        now = int(time.time())
        claims = {
            "sub": str(uuid4()),
            "kind": "user",
            "role": "member",
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

    def token(self, *permissions: str, **changes: Any) -> str:
        """A signed token with these permissions; `changes` are claims."""
        claims = self.claims(*permissions, **changes)
        return jwt.encode(claims, self.keys[self.key_id], "EdDSA", headers={"kid": self.key_id})

    def unsigned(self, *permissions: str) -> str:
        """A token that nobody signed (algorithm none)."""
        return jwt.encode(self.claims(*permissions), "", "none", headers={"kid": self.key_id})

    def caller(self, org_id: UUID, *permissions: str, **changes: Any) -> tuple[tuple[str, str], ...]:
        """gRPC metadata of a caller of this organisation with these permissions."""
        return ((AUTHORIZATION, f"Bearer {self.token(*permissions, org=str(org_id), **changes)}"),)
