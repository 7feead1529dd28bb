import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import grpc
import pytest

from assay.analytics.v1 import analytics_pb2 as pb
from assay.analytics.v1.analytics_pb2_grpc import AnalyticsServiceStub
from assay.audit.v1.events_pb2 import AuditStarted
from assay.evaluation.v1 import runs_pb2
from assay.evaluation.v1.events_pb2 import ItemsMeasured, RunCreated
from assay.prompt.v1.events_pb2 import LabelMoved
from assay_analytics import bootstrap
from assay_analytics.settings import Settings
from assay_common.kafka.headers import CloudEvent
from assay_common.kafka.producer import producer
from assay_common.lifecycle import Lifecycle
from assay_common.rpc.errors import error_from
from assay_common.settings import GrpcSettings, Targets
from assay_protos import permissions, topics
from assay_testing.auth_server import auth_server

HOUR = timedelta(hours=1)
NOON = datetime(2026, 11, 20, 12, 15, tzinfo=UTC)
RUN = RunCreated(run=runs_pb2.Run(id="r"))
ITEMS = ItemsMeasured(
    run_id="r", model="m", measured=4, unmeasured=1, input_tokens=40, output_tokens=8, cost_usd=0.25, latency_ms_sum=400
)
TOPIC_OF = {name: topic for topic in topics.ALL for name in topic.messages}


@pytest.fixture
def org():
    return uuid4()


@pytest.fixture
def caller(issuer, org):
    return issuer.caller(org, "analytics:read")


async def publish(kafka_settings, org, *messages, at=NOON, times=1):
    """Publish each message as one event, `times` times over."""
    async with producer(kafka_settings) as events:
        for message in messages:
            name = message.DESCRIPTOR.full_name
            headers = list(CloudEvent(uuid4(), name, "test", at, "subject", org).to_headers())
            for _ in range(times):
                await events.send_and_wait(
                    TOPIC_OF[name].name, message.SerializeToString(), key=str(org).encode(), headers=headers
                )


def day():
    request = pb.GetSummaryRequest()
    getattr(request, "from").FromDatetime(NOON - 12 * HOUR)
    request.to.FromDatetime(NOON + 11 * HOUR)
    return request


async def counted(service, caller, **expected):
    """The summary, once it has counted what is expected."""
    async with asyncio.timeout(30):
        while True:
            summary = await service.GetSummary(day(), metadata=caller)
            if all(getattr(summary.counters, name) >= value for name, value in expected.items()):
                return summary
            await asyncio.sleep(0.05)


async def test_events_are_counted_once_however_often_they_arrive(service, kafka_settings, org, caller):
    await publish(kafka_settings, org, RUN, ITEMS, AuditStarted(audit_id="a"), times=3)
    await publish(kafka_settings, org, LabelMoved(prompt_id="p"))
    summary = await counted(service, caller, runs_created=1, items_measured=4, audits_started=1, labels_moved=1)
    counters = summary.counters
    assert (counters.runs_created, counters.items_measured, counters.items_unmeasured) == (1, 4, 1)
    assert (counters.input_tokens, counters.output_tokens, counters.cost_usd) == (40, 8, 0.25)
    (model,) = summary.models
    assert (model.model, model.items, model.latency_ms_mean) == ("m", 4, 100)
    events = await service.ListEventCounts(
        pb.ListEventCountsRequest(**{"from": getattr(day(), "from"), "to": day().to}), metadata=caller
    )
    assert {count.type.rsplit(".", 1)[1]: count.count for count in events.counts} == {
        "RunCreated": 1, "ItemsMeasured": 1, "AuditStarted": 1, "LabelMoved": 1
    }  # fmt: skip


async def test_a_late_event_counts_in_the_hour_in_which_it_happened(service, kafka_settings, org, caller):
    await publish(kafka_settings, org, RUN, at=NOON)
    await publish(kafka_settings, org, RUN, RUN, at=NOON - 3 * HOUR)
    await counted(service, caller, runs_created=3)
    request = pb.ListUsageRequest(**{"from": getattr(day(), "from"), "to": day().to}, granularity=pb.GRANULARITY_HOUR)
    hours = (await service.ListUsage(request, metadata=caller)).buckets
    assert [(bucket.start.ToDatetime().hour, bucket.counters.runs_created) for bucket in hours] == [(9, 2), (12, 1)]
    request.granularity = pb.GRANULARITY_DAY
    (one_day,) = (await service.ListUsage(request, metadata=caller)).buckets
    assert one_day.counters.runs_created == 3


async def test_another_organisation_counts_for_itself(service, kafka_settings, issuer, org, caller):
    other = uuid4()
    await publish(kafka_settings, org, RUN)
    await publish(kafka_settings, other, RUN, RUN)
    await counted(service, caller, runs_created=1)
    summary = await counted(service, issuer.caller(other, "analytics:read"), runs_created=2)
    assert summary.counters.runs_created == 2
    assert (await service.GetSummary(day(), metadata=caller)).counters.runs_created == 1


async def test_without_a_tenant_the_database_shows_nothing(service, kafka_settings, org, caller, connections):
    await publish(kafka_settings, org, RUN, ITEMS)
    await counted(service, caller, runs_created=1, items_measured=4)
    for table in ("counters", "model_usage", "event_counts"):
        assert await connections.fetchval(f"SELECT count(*) FROM {table}") == 0


async def test_a_later_service_counts_what_it_missed_and_nothing_twice(database, kafka_settings, issuer, org, caller):
    """Stopped between two events, a second one of the same group goes on where the first ended."""
    settings = Settings(
        database=database,
        kafka=kafka_settings,
        grpc=GrpcSettings(listen="127.0.0.1:0"),
        targets=Targets(),
    )
    for expected in (1, 2):
        await publish(kafka_settings, org, RUN)
        async with auth_server(issuer) as auth:
            lifecycle = Lifecycle(grace_seconds=5)
            alive = settings.model_copy(update={"targets": Targets(auth=auth)})
            async with bootstrap.serve(alive, lifecycle) as port:
                async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                    stub = AnalyticsServiceStub(channel)
                    assert (await counted(stub, caller, runs_created=expected)).counters.runs_created == expected
                lifecycle.stop()
                await lifecycle.drain()


@pytest.mark.parametrize("rpc", ["GetSummary", "ListUsage", "ListEventCounts"])
async def test_every_rpc_wants_its_permission(service, issuer, org, rpc):
    request = getattr(pb, f"{rpc}Request")()
    needed = permissions.permission_of(f"/assay.analytics.v1.AnalyticsService/{rpc}")
    for metadata, status in (
        ((), grpc.StatusCode.UNAUTHENTICATED),
        (issuer.caller(org, "prompts:read"), grpc.StatusCode.PERMISSION_DENIED),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await getattr(service, rpc)(request, metadata=metadata)
        assert raised.value.code() is status
    assert error_from(raised.value).details["permission"] == needed


async def test_a_reversed_span_is_refused(service, caller):
    request = day()
    request.to.FromDatetime(NOON - 20 * HOUR)
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await service.GetSummary(request, metadata=caller)
    assert error_from(raised.value).reason == "MALFORMED_SPAN"
