"""What is run after a restore: `python -m assay_common.recovery rewind TIME` and `lost SERVICE TIME`."""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from datetime import datetime

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError

from assay_common.errors import AssayError
from assay_common.recovery.lost import LostEvent, lost_events
from assay_common.recovery.rewind import rewind
from assay_common.settings import DatabaseSettings, KafkaSettings, ServiceSettings, load
from assay_protos.events import decode
from assay_protos.topics import ALL


class _RewindSettings(ServiceSettings):
    kafka: KafkaSettings


class _LostSettings(ServiceSettings):
    database: DatabaseSettings
    kafka: KafkaSettings


async def _rewind(given: argparse.Namespace) -> None:
    settings = load(_RewindSettings)
    for done in await rewind(settings.kafka, given.time):
        sys.stdout.write(f"{done.group}: {done.messages} messages come again\n")


async def _lost(given: argparse.Namespace) -> None:
    settings = load(_LostSettings)
    async for lost in lost_events(settings.database, settings.kafka, given.service, given.time):
        sys.stdout.write(json.dumps(_row(lost), ensure_ascii=False) + "\n")


def _row(lost: LostEvent) -> dict[str, object]:
    event = lost.event
    try:
        message: object = MessageToDict(decode(event.type, lost.payload), preserving_proto_field_name=True)
    except (ValueError, DecodeError) as error:
        message = f"cannot be decoded: {error}"
    return {
        "time": event.time.isoformat(),
        "topic": lost.topic,
        "type": event.type,
        "organisation": str(event.org_id) if event.org_id else None,
        "actor": event.actor,
        "subject": event.subject,
        "id": str(event.id),
        "message": message,
    }


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(text)
    return moment


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m assay_common.recovery")
    commands = parser.add_subparsers(required=True)
    rewinding = commands.add_parser("rewind", help="let every consumer group handle again what came since TIME")
    rewinding.set_defaults(run=_rewind)
    losing = commands.add_parser(
        "lost", help="what a service published since TIME and does not know any more, as JSON lines"
    )
    losing.add_argument("service", choices=sorted({topic.owner for topic in ALL}))
    losing.set_defaults(run=_lost)
    for command in (rewinding, losing):
        command.add_argument("time", metavar="TIME", type=_moment, help="with a time zone: 2026-11-01T12:00:00Z")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; gives the exit code."""
    given = _parser().parse_args(arguments)
    try:
        asyncio.run(given.run(given))
    except AssayError as error:
        sys.stderr.write(f"{error.message}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
