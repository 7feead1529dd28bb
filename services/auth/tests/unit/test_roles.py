import pytest

from assay_auth.domain.roles import API_KEYS_WRITE, MEMBERS_WRITE, PermissionModel, Role
from assay_protos.permissions import all_permissions

MODEL = PermissionModel(all_permissions())
READING = {permission for permission in all_permissions() if permission.endswith(":read")}
DAILY_WORK = {f"{thing}:write" for thing in ("prompts", "labels", "datasets", "evaluations", "repositories", "audits")}


@pytest.mark.parametrize("role", [Role.OWNER, Role.ADMIN])
def test_owners_and_administrators_may_do_everything(role):
    assert MODEL.of(role) == all_permissions()


def test_members_read_everything_and_do_the_daily_work():
    assert MODEL.of(Role.MEMBER) == READING | DAILY_WORK


def test_viewers_read_but_not_who_is_here_and_which_keys_there_are():
    assert MODEL.of(Role.VIEWER) == READING - {"members:read", "api-keys:read"}


def test_every_permission_named_here_is_asked_for_by_some_rpc():
    assert all_permissions() >= {MEMBERS_WRITE, API_KEYS_WRITE, "members:read", "api-keys:read", *DAILY_WORK}
