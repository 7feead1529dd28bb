from datetime import UTC, datetime, timedelta

import pytest

from assay_auth.domain.devices import (
    ALPHABET,
    INTERVAL_SECONDS,
    LIFETIME,
    MAX_WRONG_CODES,
    WRONG_CODES_FORGOTTEN,
    DeviceRequest,
    Tries,
    shown,
    typed,
    user_code_from,
)
from assay_auth.domain.errors import (
    AccessDenied,
    AuthorizationPending,
    ExpiredToken,
    SlowDown,
    TooManyUserCodes,
)
from assay_common.ids import new_id

NOW = datetime(2026, 3, 1, tzinfo=UTC)
REQUEST = DeviceRequest(bytes(32), "BCDFGHJK", "assay on laptop", "203.0.113.7", NOW, NOW + LIFETIME)


def after(**time):
    return NOW + timedelta(**time)


def test_user_codes_have_no_vowels_no_digits_and_34_bits():
    assert len(set(ALPHABET)) == len(ALPHABET) == 20
    assert not set(ALPHABET) & set("AEIOUY0123456789")
    assert user_code_from(range(8)) == "BCDFGHJK"


@pytest.mark.parametrize("text", ["BCDF-GHJK", "bcdf-ghjk", " bcdfghjk ", "bc df\u2011gh-jk", "B-C-D-F-G-H-J-K"])
def test_case_and_hyphen_do_not_matter(text):
    assert typed(text) == "BCDFGHJK"
    assert shown(typed(text)) == "BCDF-GHJK"


def test_whatever_is_typed_can_be_read():
    assert typed("") == ""
    assert typed("\x00\ud800\u0130" * 1000) == ""


def test_a_device_that_asks_in_its_time_is_told_to_wait():
    polled, said = REQUEST.polled(NOW)
    assert isinstance(said, AuthorizationPending)
    polled, said = polled.polled(after(seconds=INTERVAL_SECONDS))
    assert isinstance(said, AuthorizationPending)
    assert polled.interval_seconds == INTERVAL_SECONDS


def test_every_poll_that_comes_too_soon_makes_the_wait_longer_by_five_seconds():
    polled, _ = REQUEST.polled(NOW)
    polled, said = polled.polled(after(seconds=4))
    assert isinstance(said, SlowDown)
    assert said.details == {"interval": "10"}
    polled, said = polled.polled(after(seconds=13))
    assert isinstance(said, SlowDown)
    assert said.details == {"interval": "15"}
    polled, said = polled.polled(after(seconds=28))
    assert isinstance(said, AuthorizationPending)
    assert polled.interval_seconds == 15


def test_a_decision_is_told_at_once():
    user_id = new_id()
    polled, _ = REQUEST.polled(NOW)
    approved, said = polled.approved(user_id, None).polled(after(seconds=1))
    assert said is None
    assert approved.user_id == user_id
    _, said = polled.denied().polled(after(seconds=1))
    assert isinstance(said, AccessDenied)


def test_what_is_too_late_is_too_late_even_when_approved():
    for request in (REQUEST, REQUEST.approved(new_id(), None), REQUEST.denied()):
        _, said = request.polled(NOW + LIFETIME)
        assert isinstance(said, ExpiredToken)
        assert not request.is_open(NOW + LIFETIME)


def test_one_decides_once():
    assert REQUEST.is_open(NOW)
    assert not REQUEST.approved(new_id(), None).is_open(NOW)
    assert not REQUEST.denied().is_open(NOW)


def test_few_wrong_codes_and_then_a_wait():
    tries = Tries(0, NOW)
    for _ in range(MAX_WRONG_CODES):
        tries.check(NOW)
        tries = tries.after_a_wrong_one(after(minutes=1))
    with pytest.raises(TooManyUserCodes) as refused:
        tries.check(after(minutes=2))
    assert refused.value.details == {"retry_after": "480"}
    tries.check(NOW + WRONG_CODES_FORGOTTEN)
    assert tries.after_a_wrong_one(NOW + WRONG_CODES_FORGOTTEN) == Tries(1, NOW + WRONG_CODES_FORGOTTEN)
