from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from assay_auth.domain.sessions import NewToken, StoredToken, TokenState, digest_of, token_from

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(days=1)


def stored(*, expires_at=LATER, rotated_at=None, family_revoked_at=None):
    return StoredToken(b"", uuid4(), uuid4(), None, expires_at, rotated_at, family_revoked_at)


@pytest.mark.parametrize(
    ("token", "state"),
    [
        (stored(), TokenState.GOOD),
        (stored(rotated_at=NOW), TokenState.REUSED),
        (stored(expires_at=NOW), TokenState.DEAD),
        (stored(family_revoked_at=NOW), TokenState.DEAD),
        (stored(rotated_at=NOW, family_revoked_at=NOW), TokenState.DEAD),
        (stored(rotated_at=NOW, expires_at=NOW), TokenState.DEAD),
    ],
)
def test_what_a_refresh_token_is_good_for(token, state):
    assert token.state(NOW) is state


def test_a_refresh_token_works_for_30_days():
    assert NewToken(b"", uuid4(), NOW).expires_at == NOW + timedelta(days=30)


def test_a_refresh_token_is_256_bits_in_base64url_and_stored_as_sha256():
    token = token_from(bytes(range(32)))
    assert token == "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
    assert len(digest_of(token)) == 32
