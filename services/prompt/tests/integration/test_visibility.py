"""Who sees and changes which prompt: the policy's whole table, asked of the running service and its database."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from assay.prompt.v1 import prompts_pb2 as pb
from assay_common.visibility import Action, Relation, Visibility, may, may_show
from assay_prompt.messages import VISIBILITIES

PUBLIC = VISIBILITIES[Visibility.PUBLIC]
PRIVATE = VISIBILITIES[Visibility.PRIVATE]
ROWS = ("outsider", "viewer", "member", "viewer creator", "member creator", "admin", "owner")
READS = ("GetPrompt", "ListVersions", "ResolveVersion", "RenderVersion", "ListHistory")


@pytest.fixture
async def one_of_each(people):
    """A prompt of each visibility with a version and a label, and who created them."""
    creator = people(role="admin")
    made = {}
    for visibility, number in VISIBILITIES.items():
        prompt = await creator.create(visibility.value, number, "text")
        await creator.SetLabel(pb.SetLabelRequest(prompt=prompt.id, label="production", version=1))
        made[visibility] = prompt.id
    return creator, made


@pytest.fixture
def stands(people, one_of_each):
    """Makes somebody who stands to the prompts as a row of the table says."""
    creator, _ = one_of_each

    def make(row):
        if row == "outsider":
            return people(role="owner", org_id=uuid4())
        role, _, created = row.partition(" ")
        return people(role=role, sub=str(creator.id)) if created else people(role=role)

    return make


def relations(row):
    return frozenset(Relation(word) for word in row.split())


def readable(row):
    return {visibility for visibility in Visibility if may(relations(row), Action.READ, visibility)}


def named(rpc, prompt, **fields):
    """The RPC's request about a prompt."""
    return getattr(pb, f"{rpc}Request")(prompt=prompt, **fields)


@pytest.mark.parametrize("row", ROWS)
async def test_reads_follow_the_policy(stands, one_of_each, row):
    somebody, (_, prompts) = stands(row), one_of_each
    for rpc in READS:
        for visibility, prompt in prompts.items():
            expected = "" if visibility in readable(row) else "PROMPT_NOT_FOUND"
            if (rpc, row, expected) == ("ListHistory", "outsider", ""):
                expected = "HISTORY_NOT_SHARED"
            assert await somebody.refused(rpc, named(rpc, prompt)) == expected, (rpc, visibility)


@pytest.mark.parametrize("row", ROWS)
async def test_lists_and_batches_follow_the_policy_in_the_database(stands, one_of_each, row):
    somebody, (_, prompts) = stands(row), one_of_each
    listed = await somebody.ListPrompts(pb.ListPromptsRequest())
    assert {Visibility(prompt.name) for prompt in listed.prompts} == (readable(row) if row != "outsider" else set())
    batch = await somebody.BatchGetPrompts(pb.BatchGetPromptsRequest(ids=[*prompts.values(), str(uuid4()), "nothing"]))
    assert {Visibility(prompt.name) for prompt in batch.prompts} == readable(row)
    names = [pb.VersionName(prompt_id=prompt, number=number) for prompt in prompts.values() for number in (0, 1, 7)]
    versions = (await somebody.BatchGetVersions(pb.BatchGetVersionsRequest(names=names))).versions
    assert sorted(version.prompt_name for version in versions) == sorted(readable(row))
    assert all(version.visibility == VISIBILITIES[Visibility(version.prompt_name)] for version in versions)


@pytest.mark.parametrize("row", ROWS)
async def test_writes_follow_the_policy(stands, one_of_each, row):
    somebody, (_, prompts) = stands(row), one_of_each
    writes = {
        "UpdatePrompt": {"description": "another"},
        "PublishVersion": {"content": pb.Content(text="another text")},
        "SetLabel": {"label": "staging", "version": 1},
        "RemoveLabel": {"label": "production"},
    }
    for rpc, fields in writes.items():
        for visibility, prompt in prompts.items():
            expected = "PROMPT_READ_ONLY" if visibility in readable(row) else "PROMPT_NOT_FOUND"
            if may(relations(row), Action.WRITE, visibility):
                expected = ""
            assert await somebody.refused(rpc, named(rpc, prompt, **fields)) == expected, (rpc, visibility)


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("then", Visibility)
async def test_showing_to_more_or_fewer_follows_the_policy(stands, one_of_each, row, then):
    somebody, (creator, prompts) = stands(row), one_of_each
    for now, prompt in prompts.items():
        change = pb.UpdatePromptRequest(prompt=prompt, visibility=VISIBILITIES[then])
        refused = await somebody.refused("UpdatePrompt", change)
        if now is then:
            allowed, reason = may(relations(row), Action.WRITE, now), "PROMPT_READ_ONLY"
        else:
            allowed, reason = may_show(relations(row), now, then), "VISIBILITY_NOT_ALLOWED"
        if now not in readable(row):
            reason = "PROMPT_NOT_FOUND"
        assert refused == ("" if allowed else reason), now
        assert (await creator.get(prompt)).visibility == VISIBILITIES[then if allowed else now]


async def test_who_may_not_publish_may_not_create_in_public_either(people):
    member = people()
    public = pb.CreatePromptRequest(name="mine", visibility=PUBLIC)
    assert await member.refused("CreatePrompt", public) == "VISIBILITY_NOT_ALLOWED"
    assert (await people(role="admin").CreatePrompt(public)).visibility == PUBLIC
    assert (await member.create("private", PRIVATE)).visibility == PRIVATE
    assert (await member.create("usual")).visibility == VISIBILITIES[Visibility.ORGANISATION]


async def test_a_page_is_full_though_prompts_between_are_hidden(people):
    somebody, admin = people(), people(role="admin")
    for number in range(6):
        await admin.create(f"prompt-{number}", PRIVATE if number % 2 else 0)
    first = await somebody.ListPrompts(pb.ListPromptsRequest(page_size=2))
    assert [prompt.name for prompt in first.prompts] == ["prompt-4", "prompt-2"]
    rest = await somebody.ListPrompts(pb.ListPromptsRequest(page_size=2, page_token=first.next_page_token))
    assert [prompt.name for prompt in rest.prompts] == ["prompt-0"]
    assert not rest.next_page_token


async def test_what_somebody_creates_by_a_key_is_theirs(people):
    person = uuid4()
    by_key = await people(kind="api_key", owner=str(person)).create("secret", PRIVATE)
    assert UUID(by_key.created_by) == person
    assert (await people(sub=str(person)).get("secret")).id == by_key.id
    assert await people().refused("GetPrompt", pb.GetPromptRequest(prompt="secret")) == "PROMPT_NOT_FOUND"


async def test_a_public_prompt_of_others_is_found_by_id_and_never_by_name(people):
    theirs = people(role="admin", org_id=uuid4())
    public = await theirs.create("shared", PUBLIC, "theirs")
    await theirs.SetLabel(pb.SetLabelRequest(prompt="shared", label="production", version=1))
    somebody = people()
    assert await somebody.refused("GetPrompt", pb.GetPromptRequest(prompt="shared")) == "PROMPT_NOT_FOUND"
    found = await somebody.get(public.id)
    assert (found.organisation_id, [label.name for label in found.labels]) == (str(theirs.org_id), ["production"])
    await somebody.create("shared", 0, "ours")
    ours = await somebody.ResolveVersion(pb.ResolveVersionRequest(prompt="shared"))
    others = await somebody.ResolveVersion(pb.ResolveVersionRequest(prompt=public.id, label="production"))
    assert (ours.content.text, others.content.text, others.visibility) == ("ours", "theirs", PUBLIC)
    listed = await somebody.ListPrompts(pb.ListPromptsRequest())
    assert [prompt.organisation_id for prompt in listed.prompts] == [str(somebody.org_id)]


async def test_a_prompt_that_is_public_no_more_is_gone_for_others(people):
    theirs = people(role="admin", org_id=uuid4())
    prompt = await theirs.create("shared", PUBLIC, "text")
    somebody = people(role="owner")
    assert (await somebody.get(prompt.id)).name == "shared"
    await theirs.UpdatePrompt(pb.UpdatePromptRequest(prompt="shared", visibility=VISIBILITIES[Visibility.ORGANISATION]))
    for rpc in READS:
        assert await somebody.refused(rpc, named(rpc, prompt.id)) == "PROMPT_NOT_FOUND"


async def test_a_limited_key_touches_its_prompts_only(people):
    admin = people(role="admin")
    one, two, three = [await admin.create(name, 0, "text") for name in ("one", "two", "three")]
    key = people(role="admin", kind="api_key", owner=str(admin.id), prompts=["one", two.id])
    listed = await key.ListPrompts(pb.ListPromptsRequest())
    assert {prompt.name for prompt in listed.prompts} == {"one", "two"}
    batch = await key.BatchGetPrompts(pb.BatchGetPromptsRequest(ids=[one.id, two.id, three.id]))
    assert {prompt.name for prompt in batch.prompts} == {"one", "two"}
    names = [pb.VersionName(prompt_id=prompt.id) for prompt in (one, two, three)]
    versions = await key.BatchGetVersions(pb.BatchGetVersionsRequest(names=names))
    assert {version.prompt_name for version in versions.versions} == {"one", "two"}
    for reference in ("one", one.id, "two", two.id):
        assert await key.refused("ResolveVersion", pb.ResolveVersionRequest(prompt=reference)) == ""
    for reference in ("three", three.id):
        for rpc in READS:
            assert await key.refused(rpc, named(rpc, reference)) == "PROMPT_NOT_FOUND"
        for rpc, fields in (
            ("UpdatePrompt", {"description": "x"}),
            ("PublishVersion", {"content": pb.Content(text="x")}),
            ("SetLabel", {"label": "production", "version": 1}),
            ("RemoveLabel", {"label": "production"}),
        ):
            assert await key.refused(rpc, named(rpc, reference, **fields)) == "PROMPT_NOT_FOUND"
    assert await key.refused("CreatePrompt", pb.CreatePromptRequest(name="four")) == "PROMPT_OUTSIDE_KEY"


async def test_a_keys_names_are_those_of_its_own_organisation(people):
    theirs = await people(role="admin", org_id=uuid4()).create("one", PUBLIC, "text")
    by_name = people(kind="api_key", owner=str(uuid4()), prompts=["one"])
    assert await by_name.refused("GetPrompt", pb.GetPromptRequest(prompt=theirs.id)) == "PROMPT_NOT_FOUND"
    assert not (await by_name.BatchGetPrompts(pb.BatchGetPromptsRequest(ids=[theirs.id]))).prompts
    by_id = people(kind="api_key", owner=str(uuid4()), prompts=[theirs.id])
    assert (await by_id.get(theirs.id)).name == "one"
    assert (await by_id.BatchGetPrompts(pb.BatchGetPromptsRequest(ids=[theirs.id]))).prompts


async def test_a_token_without_a_role_reads_as_a_viewer(people):
    admin, nobody = people(role="admin"), people(role=None)
    await admin.create("usual", 0, "text")
    await admin.create("secret", PRIVATE, "text")
    assert await nobody.refused("GetPrompt", pb.GetPromptRequest(prompt="usual")) == ""
    assert await nobody.refused("GetPrompt", pb.GetPromptRequest(prompt="secret")) == "PROMPT_NOT_FOUND"
    assert await nobody.refused("UpdatePrompt", named("UpdatePrompt", "usual", description="x")) == "PROMPT_READ_ONLY"
