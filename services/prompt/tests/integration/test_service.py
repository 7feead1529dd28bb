import asyncio
from uuid import UUID, uuid4

import asyncpg
import grpc
import pytest
from google.protobuf.struct_pb2 import Struct

from assay.evaluation.v1 import comparisons_pb2, events_pb2
from assay.prompt.v1 import prompts_pb2 as pb
from assay_common.clock import utc_now
from assay_common.kafka.consumer import consume
from assay_common.kafka.headers import CloudEvent
from assay_common.kafka.producer import producer
from assay_common.lifecycle import Lifecycle
from assay_common.rpc.errors import error_from
from assay_protos import permissions, topics

ALL = ("prompts:read", "prompts:write", "labels:write")


@pytest.fixture
def caller(issuer, org):
    return issuer.caller(org, *ALL)


async def refusal(call):
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call
    return error_from(raised.value)


async def make_prompt(service, caller, *texts, name="triage"):
    prompt = await service.CreatePrompt(pb.CreatePromptRequest(name=name), metadata=caller)
    for text in texts:
        await publish(service, caller, text, name)
    return prompt


async def publish(service, caller, text, prompt="triage"):
    request = pb.PublishVersionRequest(prompt=prompt, content=pb.Content(text=text))
    return await service.PublishVersion(request, metadata=caller)


async def test_a_prompt_is_created_published_labelled_and_resolved(service, caller):
    created = await make_prompt(service, caller, "Sort {{ message }}", "Sort this: {{ message }}")
    await service.SetLabel(pb.SetLabelRequest(prompt="triage", label="production", version=1), metadata=caller)
    by_label = await service.ResolveVersion(
        pb.ResolveVersionRequest(prompt="triage", label="production"), metadata=caller
    )
    newest = await service.ResolveVersion(pb.ResolveVersionRequest(prompt=created.id), metadata=caller)
    assert (by_label.number, by_label.content.text, list(by_label.labels)) == (1, "Sort {{ message }}", ["production"])
    assert (newest.number, list(newest.variables)) == (2, ["message"])
    prompt = await service.GetPrompt(pb.GetPromptRequest(prompt="triage"), metadata=caller)
    assert (prompt.latest_version, [label.name for label in prompt.labels]) == (2, ["production"])


async def test_history_tells_what_happened_in_order(service, caller):
    await make_prompt(service, caller, "one", "two")
    await service.SetLabel(pb.SetLabelRequest(prompt="triage", label="production", version=2), metadata=caller)
    await service.RemoveLabel(pb.RemoveLabelRequest(prompt="triage", label="production"), metadata=caller)
    entries, token = [], ""
    while True:
        request = pb.ListHistoryRequest(prompt="triage", page_size=2, page_token=token)
        page = await service.ListHistory(request, metadata=caller)
        entries += page.entries
        if not (token := page.next_page_token):
            break
    assert [entry.type.rsplit(".", 1)[1] for entry in entries] == [
        "PromptCreated",
        "VersionPublished",
        "VersionPublished",
        "LabelMoved",
        "LabelRemoved",
    ]
    assert entries[3].data["label"] == "production"
    assert all(UUID(entry.actor) for entry in entries)


async def test_lists_go_on_where_the_page_ended(service, caller):
    for number in range(5):
        await make_prompt(service, caller, name=f"prompt-{number}")
    names, token = [], ""
    while True:
        page = await service.ListPrompts(pb.ListPromptsRequest(page_size=2, page_token=token), metadata=caller)
        names += [prompt.name for prompt in page.prompts]
        if not (token := page.next_page_token):
            break
    assert names == [f"prompt-{number}" for number in (4, 3, 2, 1, 0)]
    only = await service.ListPrompts(pb.ListPromptsRequest(name_prefix="prompt-3"), metadata=caller)
    assert [prompt.name for prompt in only.prompts] == ["prompt-3"]


async def test_rendering_fills_many_sets_at_once(service, caller):
    await make_prompt(service, caller, "{{ a }}-{{ b }}")
    sets = [Struct(), Struct()]
    sets[0].update({"a": "x", "b": {"n": [2, 0.5]}})
    sets[1].update({"a": "x"})
    answer = await service.RenderVersion(pb.RenderVersionRequest(prompt="triage", variables=sets), metadata=caller)
    assert answer.renderings[0].messages[0].content == 'x-{"n":[2,0.5]}'
    assert list(answer.renderings[1].missing_variables) == ["b"]


async def test_twenty_publish_at_once_and_no_number_is_lost(service, caller):
    await make_prompt(service, caller)
    versions = await asyncio.gather(*(publish(service, caller, f"text {n}") for n in range(20)))
    assert sorted(version.number for version in versions) == list(range(1, 21))


async def test_two_create_the_same_name_and_one_wins(service, caller):
    outcomes = await asyncio.gather(
        *(service.CreatePrompt(pb.CreatePromptRequest(name="same"), metadata=caller) for _ in range(5)),
        return_exceptions=True,
    )
    refused = [error_from(outcome).reason for outcome in outcomes if isinstance(outcome, grpc.aio.AioRpcError)]
    assert refused == ["PROMPT_NAME_TAKEN"] * 4


REQUESTS = {
    "CreatePrompt": pb.CreatePromptRequest(name="x"),
    "GetPrompt": pb.GetPromptRequest(prompt="triage"),
    "ListPrompts": pb.ListPromptsRequest(),
    "PublishVersion": pb.PublishVersionRequest(prompt="triage", content=pb.Content(text="x")),
    "ListVersions": pb.ListVersionsRequest(prompt="triage"),
    "SetLabel": pb.SetLabelRequest(prompt="triage", label="a", version=1),
    "RemoveLabel": pb.RemoveLabelRequest(prompt="triage", label="production"),
    "ResolveVersion": pb.ResolveVersionRequest(prompt="triage"),
    "RenderVersion": pb.RenderVersionRequest(prompt="triage"),
    "ListHistory": pb.ListHistoryRequest(prompt="triage"),
    "UpdatePrompt": pb.UpdatePromptRequest(prompt="triage", description="x"),
    "BatchGetPrompts": pb.BatchGetPromptsRequest(),
    "BatchGetVersions": pb.BatchGetVersionsRequest(),
}


def test_every_rpc_is_asked_below():
    assert set(REQUESTS) == {method.name for method in pb.DESCRIPTOR.services_by_name["PromptService"].methods}


async def test_every_rpc_wants_a_token_and_its_permission(service, issuer, org):
    for rpc, request in REQUESTS.items():
        needed = permissions.permission_of(f"/assay.prompt.v1.PromptService/{rpc}")
        call = getattr(service, rpc)
        assert (await refusal(call(request))).status is grpc.StatusCode.UNAUTHENTICATED
        others = set(ALL) - {needed}
        refused = await refusal(call(request, metadata=issuer.caller(org, *others)))
        assert (refused.status, refused.details["permission"]) == (grpc.StatusCode.PERMISSION_DENIED, needed)


async def test_another_organisation_sees_nothing(service, caller, issuer):
    prompt = await make_prompt(service, caller, "one")
    await service.SetLabel(pb.SetLabelRequest(prompt="triage", label="production", version=1), metadata=caller)
    stranger = issuer.caller(uuid4(), *ALL)
    for rpc, template in REQUESTS.items():
        if "prompt" not in type(template).DESCRIPTOR.fields_by_name:
            continue
        for reference in (prompt.id, "triage"):
            request = type(template)()
            request.CopyFrom(template)
            request.prompt = reference
            refused = await refusal(getattr(service, rpc)(request, metadata=stranger))
            assert (rpc, refused.status, refused.reason) == (rpc, grpc.StatusCode.NOT_FOUND, "PROMPT_NOT_FOUND")
    assert not (await service.ListPrompts(pb.ListPromptsRequest(), metadata=stranger)).prompts
    by_id = pb.BatchGetPromptsRequest(ids=[prompt.id])
    assert not (await service.BatchGetPrompts(by_id, metadata=stranger)).prompts
    by_number = pb.BatchGetVersionsRequest(names=[pb.VersionName(prompt_id=prompt.id, number=1)])
    assert not (await service.BatchGetVersions(by_number, metadata=stranger)).versions


@pytest.mark.parametrize(
    ("rpc", "request_", "status", "reason"),
    [
        ("GetPrompt", pb.GetPromptRequest(), grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_PROMPT"),
        ("GetPrompt", pb.GetPromptRequest(prompt="nobody"), grpc.StatusCode.NOT_FOUND, "PROMPT_NOT_FOUND"),
        ("CreatePrompt", pb.CreatePromptRequest(name="A B"), grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_PROMPT"),
        (
            "PublishVersion",
            pb.PublishVersionRequest(prompt="triage"),
            grpc.StatusCode.INVALID_ARGUMENT,
            "MALFORMED_PROMPT",
        ),
        (
            "PublishVersion",
            pb.PublishVersionRequest(prompt="triage", content=pb.Content(text="one")),
            grpc.StatusCode.ALREADY_EXISTS,
            "CONTENT_UNCHANGED",
        ),
        (
            "PublishVersion",
            pb.PublishVersionRequest(prompt="triage", content=pb.Content(text="{% if x %}{% endif %}")),
            grpc.StatusCode.INVALID_ARGUMENT,
            "UNSUPPORTED_TEMPLATE_SYNTAX",
        ),
        (
            "ResolveVersion",
            pb.ResolveVersionRequest(prompt="triage", version=9),
            grpc.StatusCode.NOT_FOUND,
            "VERSION_NOT_FOUND",
        ),
        (
            "ResolveVersion",
            pb.ResolveVersionRequest(prompt="triage", label="x"),
            grpc.StatusCode.NOT_FOUND,
            "LABEL_NOT_FOUND",
        ),
        (
            "ResolveVersion",
            pb.ResolveVersionRequest(prompt="triage", label="x", version=1),
            grpc.StatusCode.INVALID_ARGUMENT,
            "AMBIGUOUS_REFERENCE",
        ),
        (
            "ResolveVersion",
            pb.ResolveVersionRequest(prompt="empty"),
            grpc.StatusCode.FAILED_PRECONDITION,
            "PROMPT_HAS_NO_VERSION",
        ),
        (
            "ListPrompts",
            pb.ListPromptsRequest(page_token="garbage"),
            grpc.StatusCode.INVALID_ARGUMENT,
            "MALFORMED_CURSOR",
        ),
        (
            "ListPrompts",
            pb.ListPromptsRequest(page_size=-1),
            grpc.StatusCode.INVALID_ARGUMENT,
            "PAGE_SIZE_OUT_OF_RANGE",
        ),
        (
            "BatchGetPrompts",
            pb.BatchGetPromptsRequest(ids=[str(UUID(int=number)) for number in range(201)]),
            grpc.StatusCode.INVALID_ARGUMENT,
            "BATCH_TOO_LARGE",
        ),
        (
            "BatchGetVersions",
            pb.BatchGetVersionsRequest(names=[pb.VersionName(number=number) for number in range(201)]),
            grpc.StatusCode.INVALID_ARGUMENT,
            "BATCH_TOO_LARGE",
        ),
        (
            "UpdatePrompt",
            pb.UpdatePromptRequest(prompt="triage", description="x" * 2001),
            grpc.StatusCode.INVALID_ARGUMENT,
            "MALFORMED_PROMPT",
        ),
        (
            "UpdatePrompt",
            pb.UpdatePromptRequest(prompt="triage", visibility=9),
            grpc.StatusCode.INVALID_ARGUMENT,
            "MALFORMED_PROMPT",
        ),
    ],
)
async def test_a_broken_rule_is_named(service, caller, rpc, request_, status, reason):
    await make_prompt(service, caller, "one")
    await make_prompt(service, caller, name="empty")
    refused = await refusal(getattr(service, rpc)(request_, metadata=caller))
    assert (refused.status, refused.reason) == (status, reason)


async def test_without_a_tenant_the_database_shows_nothing(service, caller, connections):
    await make_prompt(service, caller, "one")
    await service.SetLabel(pb.SetLabelRequest(prompt="triage", label="production", version=1), metadata=caller)
    for table in ("prompts", "versions", "labels", "events"):
        assert await connections.fetchval(f"SELECT count(*) FROM {table}") == 0
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connections.execute("UPDATE versions SET commit_message = 'rewritten'")


def gate_decision(prompt_id, *, allowed=True, version=1):
    decision = comparisons_pb2.GateDecision(
        id=str(uuid4()), prompt_id=prompt_id, label="production", version=version, allowed=allowed
    )
    return events_pb2.GateDecided(decision=decision)


async def announce(kafka_settings, org, message, *, times=1):
    event = CloudEvent(uuid4(), message.DESCRIPTOR.full_name, "evaluation", utc_now(), message.decision.id, org)
    async with producer(kafka_settings) as events:
        for _ in range(times):
            await events.send_and_wait(
                topics.EVALUATION_EVENTS.name,
                message.SerializeToString(),
                key=message.decision.id.encode(),
                headers=list(event.to_headers()),
            )


async def production(service, caller):
    prompt = await service.GetPrompt(pb.GetPromptRequest(prompt="triage"), metadata=caller)
    return {label.name: label.version for label in prompt.labels}.get("production")


async def test_a_gate_that_says_yes_moves_the_label_once(service, caller, kafka_settings, org):
    prompt = await make_prompt(service, caller, "one", "two")
    await announce(kafka_settings, org, gate_decision(prompt.id, allowed=False, version=1))
    await announce(kafka_settings, org, gate_decision(prompt.id, version=2), times=3)
    async with asyncio.timeout(20):
        while await production(service, caller) != 2:  # noqa: ASYNC110 - another process would have to tell
            await asyncio.sleep(0.05)
    history = await service.ListHistory(pb.ListHistoryRequest(prompt="triage"), metadata=caller)
    moves = [entry for entry in history.entries if entry.type.endswith("LabelMoved")]
    assert len(moves) == 1
    assert moves[0].data["gate_decision_id"]


async def test_every_event_arrives_on_kafka_in_order(service, caller, kafka_settings, org):
    arrived = asyncio.Queue()
    lifecycle = Lifecycle(grace_seconds=2)

    async def keep(delivery):
        if delivery.event.org_id == org:
            await arrived.put(delivery.event.type.rsplit(".", 1)[1])

    consuming = consume(lifecycle, kafka_settings, group=f"test-{uuid4()}", topics=[topics.PROMPT_EVENTS], handler=keep)
    lifecycle.spawn("events", consuming)
    await make_prompt(service, caller, "one", "two")
    async with asyncio.timeout(20):
        types = [await arrived.get() for _ in range(3)]
    assert types == ["PromptCreated", "VersionPublished", "VersionPublished"]
    lifecycle.stop()
    await lifecycle.drain()
