"""A process that consumes one topic, to be killed.

`python worker.py <topic> <group> <folder> <kafka> <namespace> <session_ms>`: it says on standard error what it begins
and ends. A message named as a file in the folder ends once the file is gone.
"""

import asyncio
import sys
from contextlib import asynccontextmanager
from pathlib import Path

from assay_common.kafka.consumer import Tuning, consume
from assay_common.kafka.membership import Timing
from assay_common.lifecycle import run
from assay_common.settings import KafkaSettings, LogSettings, OpsSettings, ServiceSettings
from assay_protos.topic import Topic


class Settings(ServiceSettings):
    kafka: KafkaSettings


def main(topic_name, group, folder, bootstrap_servers, namespace, session_ms):
    settings = Settings(
        kafka=KafkaSettings(bootstrap_servers=bootstrap_servers, namespace=namespace),
        ops=OpsSettings(listen="127.0.0.1:0"),
        log=LogSettings(level="ERROR"),
    )
    topic = Topic(topic_name, "", "test", "", (), 1, 1, ())

    async def handle(delivery):
        name = delivery.message.name
        sys.stderr.write(f"begun {name}\n")
        while (Path(folder) / name).exists():  # noqa: ASYNC110 - a file tells no one when it goes
            await asyncio.sleep(0.01)
        sys.stderr.write(f"ended {name}\n")

    async def tell_of_the_end(lifecycle):
        await lifecycle.stopping.wait()
        sys.stderr.write("stopping\n")

    @asynccontextmanager
    async def start(lifecycle):
        lifecycle.spawn("end", tell_of_the_end(lifecycle))
        timing = Timing(session_ms=int(session_ms), heartbeat_ms=300)
        lifecycle.spawn(
            "consumer",
            consume(
                lifecycle, settings.kafka, group=group, topics=[topic], handler=handle, tuning=Tuning(timing=timing)
            ),
        )
        yield

    return run("worker", settings, start)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
