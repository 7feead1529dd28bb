import string
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay_auth.domain.api_keys import ENTROPY_BYTES, MARK, ApiKey, KeyWish, digest_of, secret_from
from assay_auth.domain.errors import ApiKeyExpired, ApiKeyInvalid, ApiKeyRevoked, ScopesExceedCreator
from assay_auth.domain.members import Standing
from assay_common.errors import InvalidArgument

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CATALOGUE = frozenset({"prompts:read", "prompts:write", "members:write"})
entropies = st.binary(min_size=ENTROPY_BYTES, max_size=ENTROPY_BYTES)


def key(**changes):
    known = ApiKey(uuid4(), uuid4(), "ci", "assay_key_abcd", ("prompts:read",), uuid4(), NOW)
    return replace(known, **changes)


@given(entropies)
def test_a_key_is_recognisable_and_its_checksum_fits(entropy):
    secret = secret_from(entropy)
    assert secret.startswith(MARK)
    assert len(secret) == 59
    assert secret.removeprefix(MARK).isalnum()
    assert len(digest_of(secret)) == 32


@given(entropies, entropies)
def test_different_keys_have_different_digests(one, other):
    assert (secret_from(one) == secret_from(other)) is (one == other)
    assert (digest_of(secret_from(one)) == digest_of(secret_from(other))) is (one == other)


@given(entropies, st.integers(0, 58), st.sampled_from(string.ascii_letters + string.digits))
def test_a_mistyped_character_is_noticed(entropy, place, character):
    secret = secret_from(entropy)
    mistyped = secret[:place] + character + secret[place + 1 :]
    if mistyped != secret:
        with pytest.raises(ApiKeyInvalid):
            digest_of(mistyped)


@given(entropies, st.integers(0, 57))
def test_swapped_characters_are_noticed(entropy, place):
    secret = secret_from(entropy)
    swapped = secret[:place] + secret[place + 1] + secret[place] + secret[place + 2 :]
    if swapped != secret:
        with pytest.raises(ApiKeyInvalid):
            digest_of(swapped)


@given(st.text(max_size=80))
def test_any_other_text_is_no_key(text):
    with pytest.raises(ApiKeyInvalid):
        digest_of(text)


def test_extremes_keep_their_length():
    assert len(secret_from(b"\x00" * ENTROPY_BYTES)) == len(secret_from(b"\xff" * ENTROPY_BYTES)) == 59


def test_a_key_works_until_it_expires_or_is_revoked():
    key().check_usable(NOW)
    key(expires_at=NOW + timedelta(seconds=1)).check_usable(NOW)
    with pytest.raises(ApiKeyExpired):
        key(expires_at=NOW).check_usable(NOW)
    with pytest.raises(ApiKeyRevoked):
        key(revoked_at=NOW, expires_at=NOW).check_usable(NOW)


def test_a_key_is_revoked_once():
    revoked = key().revoked(NOW)
    assert revoked.revoked_at == NOW
    assert revoked.revoked(NOW + timedelta(days=1)) is revoked


def test_scopes_are_sorted_and_without_doubles():
    wish = KeyWish("ci", ["prompts:write", "prompts:read", "prompts:write"])
    assert wish.checked(Standing(CATALOGUE), CATALOGUE, NOW) == ("prompts:read", "prompts:write")


def test_a_key_is_not_allowed_more_than_its_creator():
    wish = KeyWish("ci", ["prompts:read", "prompts:write", "members:write"])
    with pytest.raises(ScopesExceedCreator) as refused:
        wish.checked(Standing(frozenset({"prompts:read"})), CATALOGUE, NOW)
    assert refused.value.details == {"scopes": "members:write prompts:write"}


def test_everything_wrong_with_a_wish_is_told_at_once():
    with pytest.raises(InvalidArgument) as refused:
        KeyWish(" ", ["prompts:read", "rockets:launch"], NOW).checked(Standing(CATALOGUE), CATALOGUE, NOW)
    assert [violation.field for violation in refused.value.violations] == ["name", "scopes[1]", "expires_at"]
    with pytest.raises(InvalidArgument) as refused:
        KeyWish("ci", []).checked(Standing(CATALOGUE), CATALOGUE, NOW)
    assert [violation.field for violation in refused.value.violations] == ["scopes"]
