"""Who may see and change what: the whole table, as people read it."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from assay_common.identity import Principal
from assay_common.visibility import Action, Relation, Visibility, may, may_show, relations_of

ROWS = ("outsider", "viewer", "member", "viewer who created it", "member who created it", "admin", "owner")
RELATIONS = {
    row: frozenset(Relation(word) for word in row.replace(" who created it", " creator").split()) for row in ROWS
}

# One letter for each of ROWS, y = may.
TABLE = {
    (Visibility.PRIVATE, Action.READ): "...yyyy",
    (Visibility.PRIVATE, Action.WRITE): "...yyyy",
    (Visibility.PRIVATE, Action.SHARE): "...yyyy",
    (Visibility.PRIVATE, Action.PUBLISH): ".....yy",
    (Visibility.ORGANISATION, Action.READ): ".yyyyyy",
    (Visibility.ORGANISATION, Action.WRITE): "..y.yyy",
    (Visibility.ORGANISATION, Action.SHARE): "...yyyy",
    (Visibility.ORGANISATION, Action.PUBLISH): ".....yy",
    (Visibility.PUBLIC, Action.READ): "yyyyyyy",
    (Visibility.PUBLIC, Action.WRITE): "..y.yyy",
    (Visibility.PUBLIC, Action.SHARE): ".....yy",
    (Visibility.PUBLIC, Action.PUBLISH): ".....yy",
}


def test_the_table_is_whole() -> None:
    assert set(TABLE) == {(visibility, action) for visibility in Visibility for action in Action}


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize(("visibility", "action"), TABLE)
def test_policy(visibility: Visibility, action: Action, row: str) -> None:
    allowed = TABLE[visibility, action][ROWS.index(row)] == "y"
    assert may(RELATIONS[row], action, visibility) is allowed


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("now", Visibility)
@pytest.mark.parametrize("then", Visibility)
def test_showing_something_more_widely_is_publishing_and_any_other_change_is_sharing(
    now: Visibility, then: Visibility, row: str
) -> None:
    action = Action.PUBLISH if then is Visibility.PUBLIC else Action.SHARE
    allowed = TABLE[now, action][ROWS.index(row)] == "y"
    assert may_show(RELATIONS[row], now, then) is (allowed or now is then)


def principal(org: UUID, **changes: object) -> Principal:
    return Principal(uuid4(), "user", org, frozenset(), "token", datetime.now(UTC), **changes)  # type: ignore[arg-type]


def test_somebody_of_another_organisation_is_an_outsider_whatever_they_created() -> None:
    caller = principal(uuid4(), role="owner")
    assert relations_of(caller, uuid4(), caller.subject) == {Relation.OUTSIDER}


def test_a_key_is_its_owner() -> None:
    org, person = uuid4(), uuid4()
    assert relations_of(principal(org, role="member", owner=person), org, person) == {
        Relation.MEMBER,
        Relation.CREATOR,
    }


def test_a_token_that_names_no_role_may_what_a_viewer_may() -> None:
    org = uuid4()
    assert relations_of(principal(org), org, uuid4()) == {Relation.VIEWER}
