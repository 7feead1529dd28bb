"""The chain of an audit trail: every change of it is found, and where."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from assay_auth.domain.audit_trail import (
    START,
    ActorKind,
    ChainCheck,
    Entry,
    Fact,
    Link,
    Problem,
    appended,
    target_kind_of,
)
from assay_protos import topics

ORG = UUID(int=1)


def fact(number: int) -> Fact:
    return Fact(
        id=uuid4(),
        occurred_at=datetime(2026, 1, 1, 12, number, tzinfo=UTC),
        actor=UUID(int=7),
        actor_kind=ActorKind.USER,
        action="assay.prompt.v1.LabelMoved",
        target="prompt",
        address="192.0.2.1",
        request_id="r",
        data={"label": "production", "version": number},
    )


@pytest.fixture
def chain() -> list[Entry]:
    entries: list[Entry] = []
    end = START
    for number in range(5):
        entries.append(appended(ORG, end, fact(number)))
        end = entries[-1].link
    return entries


def verified(entries: list[Entry], head: Link):
    check = ChainCheck()
    for entry in entries:
        check.take(entry)
    found = check.result(head)
    return found.problem, found.first_broken


def test_a_whole_chain(chain):
    assert verified(chain, chain[-1].link) == (None, 0)
    assert verified([], START) == (None, 0)


CHANGES = {
    "occurred_at": datetime(2025, 1, 1, tzinfo=UTC),
    "actor": UUID(int=8),
    "actor_kind": ActorKind.API_KEY,
    "action": "assay.prompt.v1.LabelRemoved",
    "target": "another",
    "address": "192.0.2.2",
    "request_id": "other",
    "data": {"label": "production", "version": 99},
}


@pytest.mark.parametrize("field", CHANGES)
def test_a_changed_field_is_found_where_it_is(chain, field):
    head = chain[-1].link
    chain[2] = replace(chain[2], fact=replace(chain[2].fact, **{field: CHANGES[field]}))
    assert verified(chain, head) == (Problem.CHANGED, 3)


def test_a_missing_entry_is_found(chain):
    head = chain[-1].link
    del chain[1]
    assert verified(chain, head) == (Problem.MISSING, 2)


def test_missing_last_entries_are_found(chain):
    assert verified(chain[:3], chain[-1].link) == (Problem.TRUNCATED, 4)
    assert verified([], chain[-1].link) == (Problem.TRUNCATED, 1)


def test_a_chain_that_was_computed_anew_does_not_end_as_the_head_says(chain):
    forged = appended(ORG, chain[3].link, replace(chain[4].fact, data={}))
    assert verified([*chain[:4], forged], chain[-1].link) == (Problem.CHANGED, 5)


def test_an_entry_of_another_organisation_does_not_fit(chain):
    head = chain[-1].link
    chain[0] = replace(chain[0], org_id=UUID(int=2))
    assert verified(chain, head) == (Problem.CHANGED, 1)


def test_every_event_is_about_something():
    names = [name for topic in topics.ALL if topic.is_event_stream for name in topic.messages]
    assert {target_kind_of(name) for name in names} >= {"prompt", "dataset", "run", "repository", "api_key", "user"}
    assert "unknown" not in {target_kind_of(name) for name in names}
