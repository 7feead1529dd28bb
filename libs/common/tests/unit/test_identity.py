from datetime import UTC, datetime
from uuid import uuid4

import pytest

from assay_common.errors import PermissionDenied, Unauthenticated
from assay_common.identity import Principal, acting_as, current_principal, member, principal, tenant


def caller(org_id=None):
    return Principal(uuid4(), "user", org_id, frozenset(), "very-secret-token", datetime.now(UTC))


def test_nobody_is_signed_in_outside_a_request():
    assert current_principal() is None
    with pytest.raises(Unauthenticated):
        principal()
    with pytest.raises(Unauthenticated):
        tenant()


def test_a_caller_is_known_inside_the_block_only():
    org_id = uuid4()
    with acting_as(caller(org_id)) as _, acting_as(other := caller(uuid4())):
        assert principal() is other
    with acting_as(me := caller(org_id)):
        assert principal() is me
        assert tenant() == org_id
        assert member() is me
    assert current_principal() is None


@pytest.mark.parametrize("asked", [tenant, member])
def test_a_token_without_an_organisation_may_not_touch_tenants(asked):
    with acting_as(caller()), pytest.raises(PermissionDenied) as refusal:
        asked()
    assert refusal.value.reason == "ORGANISATION_NOT_CHOSEN"


def test_the_token_is_not_shown():
    assert "very-secret-token" not in repr(caller())
