import string
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay_auth.domain.api_keys import (
    ENTROPY_BYTES,
    MARK,
    MAX_OVERLAP,
    NO_LIMITS,
    ApiKey,
    KeyOwner,
    KeyWish,
    Limits,
    digest_of,
    overlap_from,
    secret_from,
)
from assay_auth.domain.errors import (
    ApiKeyExpired,
    ApiKeyInvalid,
    ApiKeyNotUsable,
    ApiKeyRevoked,
    KeyOfSomebodyElse,
    LimitsExceedCreator,
    ScopesExceedCreator,
    ScopesExceedOwner,
)
from assay_auth.domain.members import Standing
from assay_auth.domain.roles import PermissionModel, Role
from assay_common.errors import InvalidArgument

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CATALOGUE = frozenset({"prompts:read", "prompts:write", "members:write"})
entropies = st.binary(min_size=ENTROPY_BYTES, max_size=ENTROPY_BYTES)


def key(**changes):
    known = ApiKey(uuid4(), uuid4(), "ci", "assay_key_abcd", ("prompts:read",), uuid4(), NOW, KeyOwner(uuid4()))
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


def test_a_key_may_do_what_its_scopes_and_its_owners_role_both_allow():
    model = PermissionModel(CATALOGUE)
    wide = key(scopes=("members:write", "prompts:write", "prompts:read", "prompts:gone"))
    assert wide.permissions(model, Role.ADMIN) == {"members:write", "prompts:write", "prompts:read"}
    assert wide.permissions(model, Role.MEMBER) == {"prompts:write", "prompts:read"}
    assert wide.permissions(model, Role.VIEWER) == {"prompts:read"}


@pytest.mark.parametrize(
    ("outer", "inner", "within"),
    [
        (NO_LIMITS, NO_LIMITS, True),
        (NO_LIMITS, Limits(("a",), ("b",)), True),
        (Limits(("a", "b")), Limits(("b",)), True),
        (Limits(("a",)), Limits(("a",), ("r",)), True),
        (Limits(("a",)), NO_LIMITS, False),
        (Limits(("a",)), Limits(("a", "b")), False),
        (Limits((), ("r",)), Limits(("a",)), False),
    ],
)
def test_a_limited_key_makes_keys_within_its_limits_only(outer, inner, within):
    if within:
        inner.check_within(outer)
    else:
        with pytest.raises(LimitsExceedCreator):
            inner.check_within(outer)


def test_limits_are_checked():
    wish = KeyWish("ci", ["prompts:read"], limits=Limits(("a", " "), tuple(str(number) for number in range(51))))
    with pytest.raises(InvalidArgument) as refused:
        wish.checked(Standing(CATALOGUE), CATALOGUE, NOW)
    assert [violation.field for violation in refused.value.violations] == ["prompts[1]", "repositories"]
    assert Limits(("b", "a", "b"), ("r",)).plain() == Limits(("a", "b"), ("r",))


def test_a_service_accounts_key_has_no_scope_that_its_role_has_not():
    KeyWish("ci", ["prompts:read"]).check_owner(frozenset({"prompts:read"}))
    with pytest.raises(ScopesExceedOwner):
        KeyWish("ci", ["prompts:write"]).check_owner(frozenset({"prompts:read"}))


def test_who_rotates_a_key_may_do_as_much_as_it():
    mine, machines = key(), key(owner=KeyOwner(uuid4(), "service_account"))
    actor = Standing(frozenset({"prompts:read"}))
    mine.check_rotation(actor, mine.owner.id, NO_LIMITS)
    machines.check_rotation(actor, uuid4(), NO_LIMITS)
    with pytest.raises(KeyOfSomebodyElse):
        mine.check_rotation(actor, uuid4(), NO_LIMITS)
    with pytest.raises(ScopesExceedCreator):
        machines.check_rotation(Standing(frozenset()), uuid4(), NO_LIMITS)
    with pytest.raises(LimitsExceedCreator):
        machines.check_rotation(actor, uuid4(), Limits(("a",)))


def test_what_works_no_more_is_not_rotated():
    key().check_rotatable(NOW)
    for dead in (key(revoked_at=NOW), key(expires_at=NOW)):
        with pytest.raises(ApiKeyNotUsable):
            dead.check_rotatable(NOW)


def test_a_replacement_has_the_same_rights_and_the_same_length_of_life():
    old = key(limits=Limits(("a",)), expires_at=NOW + timedelta(days=90))
    later = NOW + timedelta(days=80)
    new = old.replacement(uuid4(), "assay_key_wxyz", uuid4(), later)
    assert (new.scopes, new.limits, new.owner, new.name) == (old.scopes, old.limits, old.owner, old.name)
    assert (new.rotated_from, new.expires_at) == (old.id, later + timedelta(days=90))
    assert key().replacement(uuid4(), "assay_key_wxyz", uuid4(), later).expires_at is None
    endless = key(expires_at=datetime.max.replace(tzinfo=UTC))
    assert endless.replacement(uuid4(), "assay_key_wxyz", uuid4(), later).expires_at == endless.expires_at


def test_the_old_key_ends_with_the_overlap_or_sooner():
    soon, late = NOW + timedelta(hours=1), NOW + timedelta(days=2)
    assert key().ending(late).expires_at == late
    assert key(expires_at=soon).ending(late).expires_at == soon
    assert key(expires_at=late).ending(soon).expires_at == soon


def test_overlaps():
    assert overlap_from(0) == timedelta(days=1)
    assert overlap_from(60) == timedelta(minutes=1)
    assert overlap_from(int(MAX_OVERLAP.total_seconds())) == MAX_OVERLAP
    for wrong in (-1, int(MAX_OVERLAP.total_seconds()) + 1):
        with pytest.raises(InvalidArgument):
            overlap_from(wrong)
