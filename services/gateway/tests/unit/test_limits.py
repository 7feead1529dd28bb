"""Which buckets a request takes from."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from assay_common.identity import Principal
from assay_gateway.domain.limits import Limits, network_of
from assay_gateway.domain.rate import Rate

RATES = {name: Rate(1, size) for size, name in enumerate(("caller", "owner", "organisation", "address", "public"), 1)}
ORG, KEY, OWNER = UUID(int=1), UUID(int=2), UUID(int=3)


@pytest.fixture
def limits():
    return Limits(**RATES, refused=Rate(1, 9))


def caller(kind="api_key", org_id=ORG, owner=OWNER):
    return Principal(KEY, kind, org_id, frozenset(), f"{kind} {org_id}", datetime(2026, 1, 1, tzinfo=UTC), owner=owner)


def named(claims):
    return {claim.subject: claim.rate.burst for claim in claims.buckets}


def test_a_key_counts_for_itself_its_owner_its_organisation_and_its_address(limits):
    assert named(limits.of_caller(caller(), "192.0.2.7")) == {
        f"api_key:{KEY.hex}": 1,
        f"owner:{OWNER.hex}": 2,
        f"organisation:{ORG.hex}": 3,
        "address:192.0.2.7": 4,
    }


def test_a_person_owns_what_they_do_themselves(limits):
    found = named(limits.of_caller(caller("user", org_id=None, owner=None), "192.0.2.7"))
    assert found == {f"user:{KEY.hex}": 1, f"owner:{KEY.hex}": 2, "address:192.0.2.7": 4}


def test_who_has_no_token_counts_for_an_address(limits):
    assert named(limits.of_stranger("192.0.2.7")) == {"public:192.0.2.7": 5, "address:192.0.2.7": 4}
    assert named(limits.of_attempt("192.0.2.7")) == {"refused:192.0.2.7": 9}


def test_the_same_caller_elsewhere_takes_from_other_buckets_too(limits):
    here, there = limits.of_caller(caller(), "192.0.2.7"), limits.of_caller(caller(), "192.0.2.8")
    assert here.name != there.name
    assert limits.of_caller(caller(), "192.0.2.7") is here


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::ffff", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("", "unknown"),
        ("no address", "unknown"),
    ],
)
def test_nobody_gets_a_bucket_for_each_address_of_a_network_of_ones_own(address, network):
    assert network_of(address) == network
