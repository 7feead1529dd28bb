"""The policy as parameters of SQL; that the condition selects by them is proved where tables are."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from assay_common.identity import Principal
from assay_common.postgres.visible import Visible


def principal(**changes: object) -> Principal:
    return Principal(uuid4(), "user", changes.pop("org", None), frozenset(), "token", datetime.now(UTC), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("role", ["viewer", "member", None])
def test_members_see_what_is_shared_and_what_they_created(role: str | None) -> None:
    visible = Visible.to(principal(org=uuid4(), role=role))
    assert visible.inside == ["organisation", "public"]
    assert visible.created == ["private", "organisation", "public"]


@pytest.mark.parametrize("role", ["admin", "owner"])
def test_administrators_see_everything_of_their_organisation_and_only_public_things_of_others(role: str) -> None:
    visible = Visible.to(principal(org=uuid4(), role=role))
    assert visible.inside == ["private", "organisation", "public"]
    assert visible.outside == ["public"]


def test_what_a_key_created_is_its_owners() -> None:
    key = principal(org=uuid4(), role="member", owner=uuid4())
    assert set(Visible.to(key).creators) == {key.subject, key.owner}


def test_who_acts_in_no_organisation_sees_public_things_only() -> None:
    visible = Visible.to(principal())
    assert (visible.org_id, visible.inside, visible.created, visible.outside) == (None, [], [], ["public"])
