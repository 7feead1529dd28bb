"""What holds while a part is away, and after it is back."""

from __future__ import annotations

import json
import time
from uuid import uuid4

import httpx
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from assay_common.clock import utc_now
from assay_common.kafka.headers import CloudEvent
from assay_protos import topics
from assay_testing.api import eventually
from assay_testing.blocking import run
from assay_testing.repositories import bundle, repository

pytestmark = pytest.mark.chaos

OUTAGE = 20.0
"""Seconds that Kafka is away."""
PARTITIONS = {
    **{topic.name: topic.partitions for topic in topics.ALL},
    **{topic.dead_letters: 1 for topic in topics.ALL},
}


async def records(suite, topic, org_id=None):
    """Everything on a topic, of one organisation if given, in order per partition."""
    consumer = AIOKafkaConsumer(bootstrap_servers=suite.kafka.bootstrap_servers, auto_offset_reset="earliest")
    await consumer.start()
    try:
        partitions = [TopicPartition(topic, number) for number in range(PARTITIONS[topic])]
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        found = []
        for partition in partitions:
            await consumer.seek_to_beginning(partition)
        while any([await consumer.position(each) < ends[each] for each in partitions]):
            for batch in (await consumer.getmany(timeout_ms=500)).values():
                found += batch
        return [each for each in found if org_id is None or dict(each.headers).get("ce_orgid") == org_id.encode()]
    finally:
        await consumer.stop()


def test_kafka_is_away_and_prompts_are_created_all_the_same(suite, api):
    run(suite.kafka.stop())
    away_since = time.monotonic()
    names = []
    while time.monotonic() - away_since < OUTAGE:
        name = f"prompt-{len(names)}"
        api.prompt(name, "one", "two")
        api.put(f"/v1/prompts/{name}/labels/production", {"version": 2})
        names.append(name)
        time.sleep(0.5)
    run(suite.kafka.start())
    expected = ["PromptCreated", "VersionPublished", "VersionPublished", "LabelMoved"]

    def arrived():
        by_prompt = {}
        for record in run(records(suite, topics.PROMPT_EVENTS.name, api.organisation["id"])):
            headers = dict(record.headers)
            by_prompt.setdefault(record.key, {}).setdefault(headers["ce_id"], headers["ce_type"].decode())
        return by_prompt

    arrived_all = eventually(arrived, lambda found: sum(map(len, found.values())) >= 4 * len(names), patience=90)
    assert len(arrived_all) == len(names)
    for types in arrived_all.values():
        assert [name.rsplit(".", 1)[1] for name in types.values()] == expected
    counted = eventually(
        lambda: api.get("/v1/analytics/summary")["counters"],
        lambda counters: counters["versions_published"] >= 2 * len(names) and counters["labels_moved"] >= len(names),
        patience=90,
    )
    assert counted["versions_published"] == 2 * len(names)
    assert counted["labels_moved"] == len(names)


def gateway_metric(suite, name):
    text = httpx.get(f"{suite.gateway_url}/metrics").text
    values = [float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name)]
    assert values, f"no metric {name}"
    return values[0]


def test_valkey_is_away_and_the_gateway_serves_and_says_so(suite, api):
    api.prompt("triage", "one")
    run(suite.valkey.kill())
    for _ in range(20):
        assert api.http.get("/v1/prompts/triage").status_code == 200
    eventually(lambda: gateway_metric(suite, "gateway_rate_limit_local"), lambda value: value == 1)
    assert httpx.get(f"{suite.gateway_url}/readyz").status_code == 200
    run(suite.valkey.start())

    def served_by_valkey():
        api.http.get("/v1/prompts/triage")
        return gateway_metric(suite, "gateway_rate_limit_local")

    eventually(served_by_valkey, lambda value: value == 0)


async def poison(suite, topic):
    """One record that nobody can read, and the offset it got."""
    producer = AIOKafkaProducer(bootstrap_servers=suite.kafka.bootstrap_servers)
    await producer.start()
    try:
        event = CloudEvent(uuid4(), topic.messages[0], topic.owner, utc_now(), "poison", uuid4())
        return await producer.send_and_wait(
            topic.name, b"\xff\xff\xff", key=b"poison", headers=list(event.to_headers())
        )
    finally:
        await producer.stop()


@pytest.mark.parametrize(
    "topic", [each for each in topics.ALL if set(each.consumers) - {"gateway"}], ids=lambda topic: topic.name
)
def test_a_poison_message_is_put_aside_and_the_partition_moves_on(suite, topic):
    poisoned = run(poison(suite, topic))
    followed = run(
        poison(suite, topic)
    )  # the same key, so the same partition: the first is behind us once it is buried too

    def buried():
        letters = [dict(each.headers) for each in run(records(suite, topic.dead_letters))]
        return {(letter["dlq_consumer_group"], int(letter["dlq_offset"])): letter for letter in letters}

    groups = len(set(topic.consumers) - {"gateway"})
    letters = eventually(buried, lambda found: len(found) >= 2 * groups)
    assert {offset for _, offset in letters} == {poisoned.offset, followed.offset}
    for letter in letters.values():
        assert letter["dlq_topic"] == topic.name.encode()
        assert topic.messages[0].encode() in letter["dlq_reason"]
        assert letter["ce_subject"] == b"poison"


def test_a_killed_evaluation_worker_costs_no_item_and_doubles_none(suite, api):
    lines = "\n".join(json.dumps({"inputs": {"n": str(n)}, "expected": str(n)}) for n in range(40))
    api.prompt("count", "Repeat the number {{ n }}:")
    api.dataset("numbers", lines)
    started = api.post(
        "/v1/runs",
        {
            "prompt": "count",
            "dataset": "numbers",
            "model": "local/smollm2",
            "evaluators": [{"kind": "contains"}],
            "parameters": {"max_tokens": 16},
        },
    )
    path = f"/v1/runs/{started['id']}"
    eventually(lambda: api.get(path), lambda now: now["progress"]["measured"] > 0)
    run(suite.process("evaluation-work").kill())
    assert api.get(path)["status"] == "running"
    run(suite.process("evaluation-work").start())
    finished = eventually(lambda: api.get(path), lambda now: now["finished_at"] is not None, patience=120)
    assert finished["status"] == "completed"
    assert finished["progress"] == {"total": 40, "measured": 40, "unmeasured": 0}
    results = api.get(f"{path}/results", limit=200)["items"]
    assert [result["index"] for result in results] == list(range(40))
    counted = eventually(
        lambda: api.get("/v1/analytics/summary")["counters"], lambda counters: counters["runs_completed"] == 1
    )
    assert counted["items_measured"] == 40
    assert counted["output_tokens"] == finished["totals"]["output_tokens"]


def test_a_killed_audit_worker_costs_no_audit_and_doubles_none(suite, api, tmp_path):
    body = "\n\n".join(f"def f{n}(a, b, c):\n    if a:\n        return b\n    return eval(c)" for n in range(150))
    files = {f"shop/m{n}.py": body for n in range(40)}
    api.post("/v1/repositories", {"name": "shop"})
    folder = repository(tmp_path / "shop", files)
    api.upload("/v1/repositories/shop/bundles", bundle(folder), "application/x-git-bundle")
    started = api.post("/v1/audits", {"repository": "shop"})
    path = f"/v1/audits/{started['id']}"
    eventually(lambda: api.get(path), lambda now: now["status"] == "running")
    run(suite.process("audit-work").kill())
    assert api.get(path)["finished_at"] is None
    run(suite.process("audit-work").start())
    finished = eventually(lambda: api.get(path), lambda now: now["finished_at"] is not None, patience=150)
    assert finished["status"] == "completed"
    assert len([audit for audit in finished["audits"] if audit["score"] is not None]) == 5
    assert finished["findings"] == sum(audit["findings"] for audit in finished["audits"])
    counted = eventually(
        lambda: api.get("/v1/analytics/summary")["counters"], lambda counters: counters["audits_completed"] == 1
    )
    assert counted["findings"] == finished["findings"]
