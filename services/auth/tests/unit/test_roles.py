import pytest

from assay_auth.domain.roles import (
    API_KEYS_WRITE,
    MEMBERS_WRITE,
    ORGANISATIONS_WRITE,
    SERVICE_ACCOUNTS_WRITE,
    TEAMS_WRITE,
    PermissionModel,
    Role,
)
from assay_protos.permissions import all_permissions

MODEL = PermissionModel(all_permissions())
READING = {permission for permission in all_permissions() if permission.endswith(":read")}
DAILY_WORK = {f"{thing}:write" for thing in ("prompts", "labels", "datasets", "evaluations", "repositories", "audits")}


@pytest.mark.parametrize("role", [Role.OWNER, Role.ADMIN])
def test_owners_and_administrators_may_do_everything(role):
    assert MODEL.of(role) == all_permissions()


def test_members_read_everything_but_the_audit_trail_and_do_the_daily_work():
    assert MODEL.of(Role.MEMBER) == (READING - {"audit-trail:read"}) | DAILY_WORK


def test_viewers_read_but_not_who_and_which_machines_are_here():
    hidden = {"members:read", "teams:read", "service-accounts:read", "api-keys:read", "audit-trail:read"}
    assert MODEL.of(Role.VIEWER) == READING - hidden


@pytest.mark.parametrize("permission", ["audit-trail:read", SERVICE_ACCOUNTS_WRITE, ORGANISATIONS_WRITE, TEAMS_WRITE])
def test_what_is_for_owners_and_administrators_only(permission):
    assert [role for role in Role if permission in MODEL.of(role)] == [Role.OWNER, Role.ADMIN]


def test_a_higher_role_has_every_permission_of_a_lower_one():
    for higher in Role:
        for lower in Role:
            if higher.exceeds(lower):
                assert MODEL.of(higher) >= MODEL.of(lower)
                assert not lower.exceeds(higher)
        assert not higher.exceeds(higher)


def test_every_permission_named_here_is_asked_for_by_some_rpc():
    named = {MEMBERS_WRITE, API_KEYS_WRITE, TEAMS_WRITE, SERVICE_ACCOUNTS_WRITE, ORGANISATIONS_WRITE}
    assert all_permissions() >= {*named, "members:read", "api-keys:read", "audit-trail:read", *DAILY_WORK}
