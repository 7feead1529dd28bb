"""MirrorMaker 2 as the operator's manifest says it, without the operator.

Strimzi runs MirrorMaker as connectors of a Kafka Connect cluster that it makes for them, and so is it here: the same
process, and each connector with just the settings that stand below it in `deploy/k8s/regions/mirror-maker.yaml`.
Left out is what belongs to the cluster: addresses, TLS, passwords, replicas.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from assay_common.kafka.reading import partitions_of, reader
from assay_common.settings import KafkaSettings
from assay_local import kafka_jars
from assay_local.components import Kafka
from assay_local.components.component import Component
from assay_local.components.kafka import java_on
from assay_local.ports import HOST
from assay_local.process import Command, Tell, say_nothing
from assay_local.site import Site
from assay_protos.topics import ALL

MANIFEST = Path(__file__).parents[2] / "deploy/k8s/regions/mirror-maker.yaml"
# As Strimzi sets all three for a mirror, unless the manifest says otherwise.
_BYTES = "org.apache.kafka.connect.converters.ByteArrayConverter"
_CLASSES = {
    "sourceConnector": "org.apache.kafka.connect.mirror.MirrorSourceConnector",
    "checkpointConnector": "org.apache.kafka.connect.mirror.MirrorCheckpointConnector",
    "heartbeatConnector": "org.apache.kafka.connect.mirror.MirrorHeartbeatConnector",
}
POLL_SECONDS = 0.2
_PATIENCE_SECONDS = 180


@dataclass(frozen=True, slots=True)
class Plan:
    """What the manifest says: the worker's settings, and each connector's by its name."""

    worker: dict[str, str]
    connectors: dict[str, dict[str, str]]


def plan(manifest: Path, *, source: str, target: str) -> Plan:
    """The manifest's settings for a mirror between two brokers without encryption, as Strimzi hands them to Connect."""
    spec = yaml.safe_load(manifest.read_text())["spec"]
    to, (mirror,) = spec["target"], spec["mirrors"]
    worker = {
        "bootstrap.servers": target,
        "group.id": to["groupId"],
        "config.storage.topic": to["configStorageTopic"],
        "offset.storage.topic": to["offsetStorageTopic"],
        "status.storage.topic": to["statusStorageTopic"],
        "key.converter": _BYTES,
        "value.converter": _BYTES,
        # Connect's own default takes headers for text, and writes others in base64.
        "header.converter": _BYTES,
        **_words(to["config"]),
    }
    clusters = {
        "source.cluster.alias": mirror["source"]["alias"],
        "source.cluster.bootstrap.servers": source,
        "target.cluster.alias": to["alias"],
        "target.cluster.bootstrap.servers": target,
        "topics": mirror["topicsPattern"],
        "groups": mirror["groupsPattern"],
    }
    direction = f"{mirror['source']['alias']}->{to['alias']}"
    connectors = {
        f"{direction}.{name.rpartition('.')[2]}": {
            **clusters,
            **_words(mirror[kind].get("config", {})),
            "connector.class": name,
            "tasks.max": str(mirror[kind]["tasksMax"]),
        }
        for kind, name in _CLASSES.items()
        if kind in mirror
    }
    return Plan(worker, connectors)


class MirrorMaker(Component):
    """Kafka Connect with MirrorMaker's connectors, from one broker to another."""

    name = "mirror-maker"

    def __init__(self, site: Site, source: Kafka, target: Kafka, manifest: Path = MANIFEST) -> None:
        super().__init__(site)
        self.plan = plan(manifest, source=source.bootstrap_servers, target=target.bootstrap_servers)

    @property
    def url(self) -> str:
        """Of Connect's REST interface."""
        return f"http://{HOST}:{self.port}"

    async def prepare(self, tell: Tell, /) -> Command:
        """Fetch the jars and write the worker's settings."""
        jars = await asyncio.to_thread(
            kafka_jars.fetch,
            lambda done, total: tell(self.name, f"downloaded {done} of {total} jars"),
            lock=kafka_jars.MIRROR,
        )
        folder = self.site.data(self.name)
        settings = {
            **self.plan.worker,
            "listeners": self.url,
            # What a class path offers is listed in its jars; else Connect would look through every class.
            "plugin.discovery": "service_load",
        }
        properties = folder / "worker.properties"
        properties.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
        main = "org.apache.kafka.connect.cli.ConnectDistributed"
        return Command([*java_on(jars, folder), main, properties])

    async def healthy(self) -> bool:
        """Whether Connect has joined its group and answers."""
        try:
            async with httpx.AsyncClient(base_url=self.url, timeout=5) as http:
                return (await http.get("/connectors")).is_success
        except httpx.HTTPError:
            return False

    async def start(self, tell: Tell = say_nothing) -> None:
        """Start, hand the connectors over and return when they and at least one task of each run."""
        await super().start(tell)
        async with httpx.AsyncClient(base_url=self.url, timeout=60) as http:
            for name, settings in self.plan.connectors.items():
                answer = await http.put(f"/connectors/{name}/config", json=settings)
                if not answer.is_success:
                    raise AssertionError(f"{name}: {answer.text}")
            async with asyncio.timeout(_PATIENCE_SECONDS):
                while not all([await _works(http, name) for name in self.plan.connectors]):  # noqa: ASYNC110 - another process
                    await asyncio.sleep(POLL_SECONDS)


async def until_mirrored(source: KafkaSettings, target: KafkaSettings, seconds: float = 300) -> None:
    """Return when every partition of the installation is as long in the target as in the source."""
    async with asyncio.timeout(seconds):
        while behind(await ends(source), await ends(target)):  # noqa: ASYNC110 - other processes
            await asyncio.sleep(POLL_SECONDS)


async def ends(settings: KafkaSettings) -> dict[Any, int]:
    """The end of each partition of the installation's topics."""
    partitions = await partitions_of(settings, [settings.qualified(topic.name) for topic in ALL])
    async with reader(settings) as consumer:
        found: dict[Any, int] = await consumer.end_offsets(partitions)
        return found


def behind(source: dict[Any, int], target: dict[Any, int]) -> int:
    """How many messages the target has not; a partition that it has not at all counts with all of its own."""
    return sum(max(0, end - target.get(partition, 0)) for partition, end in source.items())


async def _works(http: httpx.AsyncClient, name: str) -> bool:
    answer = await http.get(f"/connectors/{name}/status")
    if answer.status_code == httpx.codes.NOT_FOUND:  # Connect has not read its own topic yet
        return False
    status = answer.raise_for_status().json()
    states = [status["connector"]["state"], *(task["state"] for task in status["tasks"])]
    if "FAILED" in states:
        raise AssertionError(f"{name} failed: {status}")
    return len(states) > 1 and set(states) == {"RUNNING"}


def _words(settings: dict[str, Any]) -> dict[str, str]:
    """As a file of properties has them."""
    return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in settings.items()}
