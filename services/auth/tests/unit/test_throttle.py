"""The counts that keep passwords from being guessed."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay_auth.domain.throttle import (
    FORGOTTEN_AFTER,
    KNOWN_PLACE,
    STRANGE_PLACE,
    WHOLE_ACCOUNT,
    WHOLE_ADDRESS,
    Tally,
    limits_of,
    network_of,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
EMAIL, PLACE = "ada@example.org", "192.0.2.7"


def tally(failures, ago=timedelta()):
    return Tally(b"", failures, NOW - ago)


@pytest.mark.parametrize(
    ("failures", "seconds"), [(0, 0), (4, 0), (5, 1), (6, 2), (7, 4), (10, 32), (15, 900), (10_000, 900)]
)
def test_waits_double_from_the_sixth_attempt_at_a_strange_place(failures, seconds):
    assert tally(failures).wait(STRANGE_PLACE, NOW) == timedelta(seconds=seconds)


def test_a_wait_ends():
    assert tally(7, timedelta(seconds=3)).wait(STRANGE_PLACE, NOW) == timedelta(seconds=1)
    assert tally(7, timedelta(seconds=4)).wait(STRANGE_PLACE, NOW) == timedelta()


def test_a_count_is_forgotten_after_a_day():
    old = tally(500, FORGOTTEN_AFTER)
    assert old.wait(STRANGE_PLACE, NOW) == timedelta()
    assert old.with_another(NOW).failures == 1
    assert tally(500).with_another(NOW).failures == 501


@given(st.integers(0, 10**6), st.integers(0, 10**5))
def test_nobody_waits_long_at_a_known_place_or_for_the_account(failures, ago):
    for budget in (KNOWN_PLACE, WHOLE_ACCOUNT):
        assert tally(failures, timedelta(seconds=ago)).wait(budget, NOW) <= timedelta(minutes=1)


@given(st.integers(0, 99))
def test_a_hundred_failures_are_free_at_a_known_place(failures):
    assert tally(failures).wait(KNOWN_PLACE, NOW) == timedelta()


def test_at_a_known_place_no_count_holds_that_others_can_raise():
    (known,) = limits_of(EMAIL, PLACE, is_known=True)
    strangers = {limit.bucket for limit in limits_of(EMAIL, "198.51.100.1", is_known=False)}
    assert known.budget is KNOWN_PLACE
    assert known.bucket not in strangers


def test_at_a_strange_place_account_and_address_count_too():
    budgets = [limit.budget for limit in limits_of(EMAIL, PLACE, is_known=False)]
    assert budgets == [STRANGE_PLACE, WHOLE_ACCOUNT, WHOLE_ADDRESS]
    here, there = limits_of(EMAIL, PLACE, is_known=False), limits_of("bob@example.org", PLACE, is_known=False)
    assert [a.bucket == b.bucket for a, b in zip(here, there, strict=True)] == [False, False, True]


def test_an_unknown_address_is_not_one_that_all_share():
    assert [limit.budget for limit in limits_of(EMAIL, "", is_known=False)] == [STRANGE_PLACE, WHOLE_ACCOUNT]


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:0:1:aaaa::1", "2001:db8:0:1::/64"),
        ("2001:db8:0:1:bbbb::2", "2001:db8:0:1::/64"),
        ("", ""),
        ("no address", "no address"),
    ],
)
def test_a_place_is_an_ipv4_address_or_a_subscribers_part_of_ipv6(address, place):
    assert network_of(address) == place
