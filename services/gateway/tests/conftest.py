"""What the tests of the gateway share: an issuer of access tokens, and messages with a value in every field."""

import json
import time
from datetime import UTC, datetime
from uuid import UUID, uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message_factory import GetMessageClass

from assay_common.logs import configure_logging
from assay_common.settings import LogSettings
from assay_common.tracing import configure_tracing
from assay_protos.permissions import all_permissions


class Issuer:
    """Signs tokens as auth does, and publishes its keys."""

    def __init__(self):
        self.key = Ed25519PrivateKey.generate()

    def jwks(self):
        public = jwt.get_algorithm_by_name("EdDSA").to_jwk(self.key.public_key(), as_dict=True)
        return json.dumps({"keys": [{**public, "kid": "test", "use": "sig", "alg": "EdDSA"}]})

    def token(self, *permissions, org=None, sub=None, kind="user", lifetime=600, **changes):
        now = int(time.time())
        claims = {
            "sub": str(sub or uuid4()),
            "kind": kind,
            "org": str(org) if org else None,
            "scope": " ".join(permissions),
            "iat": now,
            "exp": now + lifetime,
            "iss": "assay",
            "aud": "assay",
            "jti": str(uuid4()),
            **changes,
        }
        present = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(present, self.key, "EdDSA", headers={"kid": "test"})


def filled(descriptor, depth=0):
    """A message with a value in every field (of a oneof, in the first)."""
    message = GetMessageClass(descriptor)()
    taken = set()
    for field in descriptor.fields:
        if field.containing_oneof and not field.has_presence:
            continue
        if field.containing_oneof is not None and len(field.containing_oneof.fields) > 1:
            if field.containing_oneof.name in taken:
                continue
            taken.add(field.containing_oneof.name)
        _fill(message, field, depth)
    return message


def _fill(message, field, depth):
    if field.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE:
        kind = field.message_type.full_name
        if kind == "google.protobuf.Timestamp":
            getattr(message, field.name).FromDatetime(datetime(2026, 3, 1, 9, 30, tzinfo=UTC))
        elif kind == "google.protobuf.Struct":
            getattr(message, field.name).update({"text": "x", "number": 3, "list": [1.5, None], "deep": {"a": "b"}})
        elif field.is_repeated:
            getattr(message, field.name).add().CopyFrom(filled(field.message_type, depth + 1))
        else:
            getattr(message, field.name).CopyFrom(filled(field.message_type, depth + 1))
        return
    value = _scalar(field)
    if field.is_repeated:
        getattr(message, field.name).append(value)
    else:
        setattr(message, field.name, value)


def _scalar(field):
    match field.cpp_type:
        case FieldDescriptor.CPPTYPE_STRING:
            if field.name == "kind":
                return "user"
            return b"bytes" if field.type == FieldDescriptor.TYPE_BYTES else _text(field.name)
        case FieldDescriptor.CPPTYPE_BOOL:
            return True
        case FieldDescriptor.CPPTYPE_DOUBLE | FieldDescriptor.CPPTYPE_FLOAT:
            return 0.5
        case FieldDescriptor.CPPTYPE_ENUM:
            return field.enum_type.values[-1].number
        case _:
            return 7


def _text(name):
    if name == "etag":
        return "7"
    if name == "id" or name.endswith("_id"):
        return str(UUID(int=7))
    return f"a {name}"


@pytest.fixture(scope="session")
def issuer():
    return Issuer()


@pytest.fixture(scope="session")
def fill():
    return filled


@pytest.fixture
def org():
    return uuid4()


@pytest.fixture
def token(issuer, org):
    """A token with every permission in the test's own organisation."""
    return issuer.token(*sorted(all_permissions()), org=org)


@pytest.fixture(scope="session", autouse=True)
def _traces():
    configure_logging("gateway", LogSettings())
    provider = configure_tracing("gateway-tests")
    yield
    provider.shutdown()
