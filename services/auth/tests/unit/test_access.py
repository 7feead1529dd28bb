import base64
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from assay_auth.domain.access import ACCESS_LIFETIME, Grant, KeyMaterial, jwk, new_signing_key, thumbprint
from assay_common.rpc.jwks import LEEWAY

NOW = datetime(2026, 1, 1, 12, 0, 0, 654321, tzinfo=UTC)
RFC_8037_KEY = base64.urlsafe_b64decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo=")


def test_a_token_ends_after_ten_minutes_in_whole_seconds():
    assert Grant(uuid4(), "user").expires_at(NOW) == datetime(2026, 1, 1, 12, 10, tzinfo=UTC)


def test_a_token_ends_no_later_than_what_it_was_given_for():
    soon, late = NOW + timedelta(seconds=90), NOW + timedelta(days=1)
    assert Grant(uuid4(), "api_key", not_after=soon).expires_at(NOW) == soon.replace(microsecond=0)
    assert Grant(uuid4(), "api_key", not_after=late).expires_at(NOW) == datetime(2026, 1, 1, 12, 10, tzinfo=UTC)


def test_the_thumbprint_is_that_of_rfc_8037_appendix_a_3():
    assert thumbprint(RFC_8037_KEY) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_a_json_web_key_says_what_it_is_for():
    assert jwk(RFC_8037_KEY) == {
        "kty": "OKP",
        "crv": "Ed25519",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
        "use": "sig",
        "alg": "EdDSA",
    }


def test_a_key_verifies_longer_than_its_last_token_lives():
    key = new_signing_key(KeyMaterial("id", b"", b""), NOW, NOW)
    assert key.signs_at(NOW)
    assert key.signs_at(key.signs_until - timedelta(seconds=1))
    assert not key.signs_at(key.signs_until)
    assert key.verifies_until > key.signs_until + ACCESS_LIFETIME + timedelta(seconds=LEEWAY)
