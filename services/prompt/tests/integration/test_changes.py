"""Changes of a prompt, and entity tags that refuse a lost update."""

from __future__ import annotations

import asyncio

import pytest

from assay.prompt.v1 import prompts_pb2 as pb
from assay_common.postgres.unit_of_work import UnitOfWork
from assay_common.visibility import Visibility
from assay_prompt import bootstrap
from assay_prompt.messages import VISIBILITIES

PRIVATE, ORGANISATION = VISIBILITIES[Visibility.PRIVATE], VISIBILITIES[Visibility.ORGANISATION]


@pytest.fixture
async def somebody(people):
    """Somebody with a prompt `triage` of two versions, and `production` on the first."""
    made = people()
    await made.create("triage", 0, "one", "two")
    await made.SetLabel(label(1))
    return made


def label(version, etag="", name="production"):
    return pb.SetLabelRequest(prompt="triage", label=name, version=version, etag=etag)


def change(etag="", **fields):
    return pb.UpdatePromptRequest(prompt="triage", etag=etag, **fields)


async def test_what_is_named_changes_and_the_rest_stays(somebody):
    before = await somebody.get("triage")
    described = await somebody.UpdatePrompt(change(description="sorts mail"))
    assert (described.description, described.visibility) == ("sorts mail", ORGANISATION)
    hidden = await somebody.UpdatePrompt(change(visibility=PRIVATE))
    assert (hidden.description, hidden.visibility) == ("sorts mail", PRIVATE)
    emptied = await somebody.UpdatePrompt(change(description=""))
    assert (emptied.description, emptied.visibility) == ("", PRIVATE)
    assert emptied.updated_at.ToDatetime() > before.updated_at.ToDatetime()
    assert emptied == await somebody.get("triage")


async def test_history_tells_of_the_change(somebody):
    await somebody.UpdatePrompt(change(description="sorts mail", visibility=PRIVATE))
    entries = (await somebody.ListHistory(pb.ListHistoryRequest(prompt="triage"))).entries
    assert entries[0].data["visibility"] == "VISIBILITY_ORGANISATION"
    assert entries[-1].type == "assay.prompt.v1.PromptUpdated"
    assert dict(entries[-1].data) == {
        "prompt_id": (await somebody.get("triage")).id,
        "description": "sorts mail",
        "visibility": "VISIBILITY_PRIVATE",
    }


async def test_events_of_a_private_prompt_are_private_to_who_created_it(people, somebody, connections):
    await somebody.UpdatePrompt(change(visibility=PRIVATE))
    await people(role="admin", org_id=somebody.org_id).SetLabel(label(2))
    await somebody.UpdatePrompt(change(visibility=ORGANISATION))
    async with UnitOfWork(connections, bootstrap.SCHEMA, lambda tx: tx.connection)(somebody.org_id) as connection:
        rows = await connection.fetch("SELECT type, private_to FROM events ORDER BY position DESC LIMIT 4")
    assert [(row["type"].rsplit(".", 1)[1], row["private_to"]) for row in reversed(rows)] == [
        ("LabelMoved", None),
        ("PromptUpdated", somebody.id),
        ("LabelMoved", somebody.id),
        ("PromptUpdated", None),
    ]


async def test_a_change_to_what_it_is_already_tells_nobody(somebody):
    before = await somebody.get("triage")
    assert await somebody.UpdatePrompt(change()) == before
    assert await somebody.UpdatePrompt(change(description="", visibility=ORGANISATION)) == before
    assert await somebody.SetLabel(label(1)) == before.labels[0]
    assert await somebody.get("triage") == before


async def test_every_change_gives_the_prompt_another_tag(somebody):
    tags = [(await somebody.get("triage")).etag]
    for rpc, request in (
        ("UpdatePrompt", change(description="x")),
        ("UpdatePrompt", change(visibility=PRIVATE)),
        ("PublishVersion", pb.PublishVersionRequest(prompt="triage", content=pb.Content(text="three"))),
        ("SetLabel", label(2)),
        ("SetLabel", label(3, name="staging")),
        ("RemoveLabel", pb.RemoveLabelRequest(prompt="triage", label="production")),
    ):
        await getattr(somebody, rpc)(request)
        tags.append((await somebody.get("triage")).etag)
    assert len(set(tags)) == len(tags)


async def test_a_tag_of_before_refuses_the_change(somebody):
    stale = (await somebody.get("triage")).etag
    fresh = (await somebody.UpdatePrompt(change(stale, description="first"))).etag
    assert await somebody.refused("UpdatePrompt", change(stale, description="second")) == "ETAG_MISMATCH"
    assert (await somebody.get("triage")).description == "first"
    assert (await somebody.UpdatePrompt(change(fresh, description="second"))).description == "second"


async def test_a_labels_tag_changes_with_the_label_alone(somebody):
    first = await somebody.SetLabel(label(1, name="staging"))
    await somebody.SetLabel(label(2))
    await somebody.UpdatePrompt(change(description="x"))
    moved = await somebody.SetLabel(label(2, first.etag, name="staging"))
    assert moved.etag != first.etag
    assert await somebody.refused("SetLabel", label(1, first.etag, name="staging")) == "ETAG_MISMATCH"
    labels = {found.name: found for found in (await somebody.get("triage")).labels}
    assert labels["staging"] == moved


async def test_a_label_that_went_and_came_back_has_another_tag(somebody):
    first = (await somebody.get("triage")).labels[0]
    remove = pb.RemoveLabelRequest(prompt="triage", label="production", etag=first.etag)
    await somebody.RemoveLabel(remove)
    assert await somebody.refused("SetLabel", label(2, first.etag)) == "ETAG_MISMATCH"
    again = await somebody.SetLabel(label(1))
    assert again.etag != first.etag
    assert await somebody.refused("RemoveLabel", remove) == "ETAG_MISMATCH"
    remove.etag = again.etag
    assert await somebody.refused("RemoveLabel", remove) == ""


@pytest.mark.parametrize("what", ["prompt", "label"])
async def test_of_many_who_saw_the_same_one_changes_it(somebody, what):
    seen = await somebody.get("triage")
    if what == "prompt":
        calls = [("UpdatePrompt", change(seen.etag, description=f"by {number}")) for number in range(10)]
    else:
        texts = [f"text {number}" for number in range(10)]
        for text in texts:
            await somebody.PublishVersion(pb.PublishVersionRequest(prompt="triage", content=pb.Content(text=text)))
        calls = [("SetLabel", label(3 + number, seen.labels[0].etag)) for number in range(10)]
    outcomes = await asyncio.gather(*(somebody.refused(rpc, request) for rpc, request in calls))
    assert sorted(outcomes) == [""] + ["ETAG_MISMATCH"] * 9
    _, (_, winner) = outcomes.index(""), calls[outcomes.index("")]
    now = await somebody.get("triage")
    if what == "prompt":
        assert now.description == winner.description
    else:
        assert now.labels[0].version == winner.version
