from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from assay_auth.domain.errors import RoleExceedsCreator, ServiceAccountNotFound
from assay_auth.domain.members import NO_STANDING, Standing
from assay_auth.domain.roles import Role
from assay_auth.domain.service_accounts import ServiceAccount, check_service_account, service_account_id
from assay_auth.domain.teams import new_team
from assay_auth.domain.text import MAX_DESCRIPTION
from assay_common.errors import InvalidArgument

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BUILD = ServiceAccount(uuid4(), uuid4(), "build", "", Role.MEMBER, uuid4(), NOW)
RED = new_team(uuid4(), uuid4(), "red", "", "", NOW)


def standing(role):
    return Standing(frozenset(), role)


def fields(refused):
    return [violation.field for violation in refused.value.violations]


def test_a_team_is_named_by_its_slug_unless_it_has_a_name():
    assert RED.name == "red"
    assert new_team(uuid4(), uuid4(), "red", " The Reds ", "", NOW).name == "The Reds"


def test_a_change_of_a_team_is_a_new_revision_and_none_is_none():
    assert RED.changed(None, None) is RED
    assert RED.changed("red", "") is RED
    changed = RED.changed(" Reds ", "they")
    assert (changed.name, changed.description, changed.etag) == ("Reds", "they", "2")


def test_fields_of_a_team():
    with pytest.raises(InvalidArgument) as refused:
        new_team(uuid4(), uuid4(), "Red!", "x" * 201, "x" * (MAX_DESCRIPTION + 1), NOW)
    assert fields(refused) == ["slug", "name", "description"]
    with pytest.raises(InvalidArgument) as refused:
        RED.changed(" ", "\x00")
    assert fields(refused) == ["name", "description"]


@pytest.mark.parametrize("actor", Role)
@pytest.mark.parametrize("wanted", [Role.ADMIN, Role.MEMBER, Role.VIEWER])
def test_nobody_makes_a_machine_that_may_do_more_than_they(actor, wanted):
    account = replace(BUILD, role=wanted)
    order = list(Role)
    if order.index(actor) <= order.index(wanted):
        check_service_account(standing(actor), account)
    else:
        with pytest.raises(RoleExceedsCreator):
            check_service_account(standing(actor), account)


def test_a_stranger_makes_no_machine():
    with pytest.raises(RoleExceedsCreator):
        check_service_account(NO_STANDING, replace(BUILD, role=Role.VIEWER))


def test_a_machine_is_no_owner():
    with pytest.raises(InvalidArgument) as refused:
        check_service_account(standing(Role.OWNER), replace(BUILD, name="", role=Role.OWNER))
    assert fields(refused) == ["name", "role"]


def test_a_change_of_a_machine_is_a_new_revision_and_none_is_none():
    admin = standing(Role.ADMIN)
    assert BUILD.changed(admin, name=None, description=None, role=None) is BUILD
    changed = BUILD.changed(admin, name=" deploy ", description="it", role=Role.VIEWER)
    assert (changed.name, changed.description, changed.role, changed.etag) == ("deploy", "it", Role.VIEWER, "2")
    with pytest.raises(RoleExceedsCreator):
        BUILD.changed(standing(Role.MEMBER), name=None, description=None, role=Role.ADMIN)


def test_what_is_no_id_is_not_found():
    with pytest.raises(ServiceAccountNotFound):
        service_account_id("id", "build")
    with pytest.raises(InvalidArgument):
        service_account_id("id", "")
