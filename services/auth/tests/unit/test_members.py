from datetime import UTC, datetime
from uuid import uuid4

import pytest

from assay_auth.domain.errors import LastOwner, OwnershipReserved, PermissionLost
from assay_auth.domain.members import (
    NO_STANDING,
    Member,
    Standing,
    check_joining,
    check_leaving,
    check_removal,
    check_role_change,
    check_transfer,
)
from assay_auth.domain.roles import MEMBERS_WRITE, Role

OWNER = Standing(frozenset({MEMBERS_WRITE}), is_owner=True)
ADMIN = Standing(frozenset({MEMBERS_WRITE}))


def member(role):
    return Member(uuid4(), "ada@example.org", "Ada", role, datetime(2026, 1, 1, tzinfo=UTC))


def test_a_lost_permission_is_named():
    ADMIN.require(MEMBERS_WRITE)
    with pytest.raises(PermissionLost) as refused:
        NO_STANDING.require(MEMBERS_WRITE)
    assert refused.value.details == {"permission": MEMBERS_WRITE}


def test_only_an_owner_makes_an_owner():
    check_joining(OWNER, Role.OWNER)
    check_joining(ADMIN, Role.ADMIN)
    check_role_change(OWNER, member(Role.VIEWER), Role.OWNER, owners=1)
    check_role_change(ADMIN, member(Role.VIEWER), Role.ADMIN, owners=1)
    with pytest.raises(OwnershipReserved):
        check_joining(ADMIN, Role.OWNER)
    with pytest.raises(OwnershipReserved):
        check_role_change(ADMIN, member(Role.ADMIN), Role.OWNER, owners=1)


def test_only_an_owner_touches_an_owner():
    check_role_change(OWNER, member(Role.OWNER), Role.VIEWER, owners=2)
    check_removal(OWNER, member(Role.OWNER), owners=2)
    check_removal(ADMIN, member(Role.ADMIN), owners=1)
    with pytest.raises(OwnershipReserved):
        check_role_change(ADMIN, member(Role.OWNER), Role.VIEWER, owners=2)
    with pytest.raises(OwnershipReserved):
        check_removal(ADMIN, member(Role.OWNER), owners=2)


def test_the_last_owner_stays_owner():
    with pytest.raises(LastOwner):
        check_role_change(OWNER, member(Role.OWNER), Role.ADMIN, owners=1)
    with pytest.raises(LastOwner):
        check_removal(OWNER, member(Role.OWNER), owners=1)


def test_the_last_owner_cannot_leave():
    check_leaving(member(Role.OWNER), owners=2)
    check_leaving(member(Role.VIEWER), owners=1)
    with pytest.raises(LastOwner):
        check_leaving(member(Role.OWNER), owners=1)


def test_only_an_owner_hands_the_ownership_over():
    check_transfer(OWNER)
    for other in (ADMIN, Standing(frozenset({MEMBERS_WRITE}), Role.OWNER)):  # the second is an owner's key
        with pytest.raises(OwnershipReserved):
            check_transfer(other)
