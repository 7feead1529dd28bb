"""The service as a process: migrated, started, publishing to Kafka, stopped."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from uuid import UUID, uuid4

import grpc.aio
import httpx
import pytest
from aiokafka import AIOKafkaConsumer

from assay.auth.v1 import (
    audit_trail_pb2,
    audit_trail_pb2_grpc,
    organisations_pb2,
    organisations_pb2_grpc,
    sessions_pb2,
    sessions_pb2_grpc,
)
from assay_common.kafka.headers import CloudEvent
from assay_common.kafka.topics import ensure_topics
from assay_common.settings import KafkaSettings
from assay_local.ports import free_port
from assay_protos.topics import ALL, AUTH_EVENTS

KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
PASSWORD = "correct horse battery staple"


def run(role, environment):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ASSAY_")}
    return subprocess.Popen(
        [sys.executable, "-m", "assay_auth", role],
        env=clean | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=Path.cwd(),
    )


@pytest.fixture
async def environment(make_database):
    made = await make_database("auth", logins=("assay_auth",))
    grpc_port = free_port(avoid=set())
    return {
        "ASSAY_DATABASE__URL": made.logins["assay_auth"],
        "ASSAY_DATABASE__MIGRATION_URL": made.owner_url,
        "ASSAY_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "ASSAY_GRPC__LISTEN": f"127.0.0.1:{grpc_port}",
        "ASSAY_OPS__LISTEN": f"127.0.0.1:{free_port(avoid={grpc_port})}",
        "ASSAY_KEY_ENCRYPTION_KEY": KEY,
        "ASSAY_BOOTSTRAP_ADMIN__EMAIL": "admin@example.org",
        "ASSAY_BOOTSTRAP_ADMIN__PASSWORD": PASSWORD,
    }


async def until_ready(process, address):
    async with httpx.AsyncClient() as client:
        while True:
            assert process.poll() is None, process.stdout.read()
            try:
                if (await client.get(f"http://{address}/readyz")).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.05)


async def ends(process):
    output, _ = await asyncio.to_thread(process.communicate, timeout=60)
    return process.returncode, output


async def test_a_process_serves_and_publishes_and_stops(environment, kafka):
    # Its own namespace: the audit trail of another test's process would read these events in its place.
    kafka_settings = KafkaSettings(bootstrap_servers=kafka.bootstrap_servers, namespace=f"test-{uuid4().hex[:8]}.")
    await ensure_topics(kafka_settings, ALL)
    environment |= {
        "ASSAY_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "ASSAY_KAFKA__NAMESPACE": kafka_settings.namespace,
    }
    assert (await ends(run("migrate", environment)))[0] == 0
    process = run("serve", environment)
    try:
        async with asyncio.timeout(90):
            await until_ready(process, environment["ASSAY_OPS__LISTEN"])
            async with grpc.aio.insecure_channel(environment["ASSAY_GRPC__LISTEN"]) as channel:
                founded = await found_organisation(channel)
                events = await published(kafka_settings, founded.id, 2)
                trail = await trail_of(channel, founded.id, 2)
        assert [event.type for event in events] == [
            "assay.auth.v1.OrganisationCreated",
            "assay.auth.v1.MemberAdded",
        ]
        assert {event.org_id for event in events} == {UUID(founded.id)}
        assert [entry.id for entry in trail] == [str(event.id) for event in reversed(events)]
        assert all(event.traceparent and event.request_id and event.actor for event in events)
        process.send_signal(signal.SIGTERM)
        code, output = await ends(process)
    finally:
        process.kill()
    assert code == 0, output
    assert PASSWORD not in output
    assert KEY not in output
    assert all(json.loads(line)["service"] == "auth" for line in output.splitlines())


async def signed_in(channel, organisation=""):
    session = await sessions_pb2_grpc.SessionServiceStub(channel).SignIn(
        sessions_pb2.SignInRequest(email="admin@example.org", password=PASSWORD, organisation=organisation)
    )
    return (("authorization", f"Bearer {session.access.access_token}"),)


async def trail_of(channel, organisation, number):
    """The audit trail, once it has so many entries: it is written from what comes back from Kafka."""
    metadata = await signed_in(channel, organisation)
    stub = audit_trail_pb2_grpc.AuditTrailServiceStub(channel)
    while True:
        request = audit_trail_pb2.ListEntriesRequest(filter={"target": organisation})
        found = (await stub.ListEntries(request, metadata=metadata)).entries
        if len(found) == number:
            return found
        await asyncio.sleep(0.1)


async def found_organisation(channel):
    return await organisations_pb2_grpc.OrganisationServiceStub(channel).CreateOrganisation(
        organisations_pb2.CreateOrganisationRequest(slug=f"org-{uuid4().hex[:20]}"),
        metadata=await signed_in(channel),
    )


async def published(kafka_settings, key, number):
    """The first events of a key, in the order in which they arrive."""
    consumer = AIOKafkaConsumer(
        f"{kafka_settings.namespace}{AUTH_EVENTS.name}",
        bootstrap_servers=kafka_settings.bootstrap_servers,
        auto_offset_reset="earliest",
        group_id=None,
    )
    await consumer.start()
    found = []
    try:
        async for record in consumer:
            if record.key == key.encode():
                found.append(CloudEvent.from_headers(record.headers))
            if len(found) == number:
                return found
    finally:
        await consumer.stop()
