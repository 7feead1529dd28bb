"""Read the dead letters and hand them over once more: `python -m assay_common.kafka.dead_letters list|show|replay`."""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from typing import Any

from aiokafka.errors import KafkaError
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError

from assay_common.errors import AssayError
from assay_common.kafka.dead_letters.letters import Letter, chosen, hand_over, read_letters
from assay_common.kafka.producer import producer
from assay_common.settings import KafkaSettings, ServiceSettings, load
from assay_protos.events import decode
from assay_protos.topic import Topic
from assay_protos.topics import ALL

TOPICS = {topic.name: topic for topic in ALL}


class _Settings(ServiceSettings):
    kafka: KafkaSettings


async def list_letters(settings: KafkaSettings, given: argparse.Namespace) -> int:
    """What waits for a person; with --all, also what was handed over."""
    found = [letter for letter in await _read(settings, given) if given.all or letter.handed_over_at is None]
    if given.json:
        _print(json.dumps([_row(letter) for letter in found], indent=2))
        return 0
    for letter in found:
        done = f"  handed over {letter.handed_over_at:%Y-%m-%d %H:%M}" if letter.handed_over_at else ""
        _print(
            f"{letter.topic} {letter.offset}  {letter.buried_at:%Y-%m-%d %H:%M:%S}  {letter.group}  {letter.type}{done}"
        )
        _print(f"    after {letter.attempts} tries: {letter.reason}")
    _print(f"{len(found)} dead letters")
    return 0


async def show(settings: KafkaSettings, given: argparse.Namespace) -> int:
    """Everything that is known of one letter, and the message itself."""
    (letter,) = chosen(await _read(settings, given), [given.offset])
    headers = {name: value.decode(errors="replace") for name, value in letter.headers}
    _print(json.dumps(_row(letter) | {"headers": headers, "message": _message(letter)}, indent=2, ensure_ascii=False))
    return 0


async def replay(settings: KafkaSettings, given: argparse.Namespace) -> int:
    """Hand letters over: the offsets given, or all that wait."""
    if bool(given.offsets) == given.all:
        sys.stderr.write("say which: offsets of letters, or --all\n")
        return 2
    letters = await _read(settings, given)
    wanted = chosen(letters, given.offsets) if given.offsets else [each for each in letters if not each.handed_over_at]
    failed = 0
    async with producer(settings) as sender:
        for letter in wanted:
            try:
                await hand_over(settings, sender, letter, again=given.again)
            except AssayError as error:
                failed += 1
                sys.stderr.write(f"{letter.topic} {letter.offset}: {error.message}\n")
            else:
                _print(f"{letter.topic} {letter.offset} -> {letter.group}")
    return 1 if failed else 0


async def _read(settings: KafkaSettings, given: argparse.Namespace) -> list[Letter]:
    topics: Sequence[Topic] = ALL if given.topic is None else [TOPICS[given.topic]]
    letters = await read_letters(settings, topics)
    group = getattr(given, "group", None)
    return [letter for letter in letters if group is None or letter.group == group]


def _row(letter: Letter) -> dict[str, Any]:
    return {
        "topic": letter.topic,
        "offset": letter.offset,
        "buried_at": letter.buried_at.isoformat(),
        "group": letter.group,
        "type": letter.type,
        "key": (letter.key or b"").decode(errors="replace"),
        "reason": letter.reason,
        "error_type": letter.error_type,
        "attempts": letter.attempts,
        "source_partition": letter.source_partition,
        "source_offset": letter.source_offset,
        "handed_over_at": letter.handed_over_at.isoformat() if letter.handed_over_at else None,
    }


def _message(letter: Letter) -> Any:
    if not letter.is_whole:
        return "too large to be kept here: its original is in the topic until its retention ends"
    try:
        return MessageToDict(decode(letter.type, letter.value), preserving_proto_field_name=True)
    except (ValueError, DecodeError) as error:
        return f"cannot be decoded: {error}"


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m assay_common.kafka.dead_letters")
    commands = parser.add_subparsers(required=True)
    listing = commands.add_parser("list", help="what waits, and why")
    listing.add_argument("--topic", choices=sorted(TOPICS))
    listing.add_argument("--all", action="store_true", help="also what was handed over")
    listing.add_argument("--json", action="store_true")
    listing.set_defaults(run=list_letters)
    showing = commands.add_parser("show", help="one letter and its message")
    showing.add_argument("topic", choices=sorted(TOPICS))
    showing.add_argument("offset", type=int)
    showing.set_defaults(run=show)
    replaying = commands.add_parser("replay", help="hand letters to their consumer group once more")
    replaying.add_argument("topic", choices=sorted(TOPICS))
    replaying.add_argument("offsets", nargs="*", type=int)
    replaying.add_argument("--all", action="store_true", help="all that wait")
    replaying.add_argument("--again", action="store_true", help="also what was handed over before")
    replaying.set_defaults(run=replay)
    for command in (listing, replaying):
        command.add_argument("--group", help="only of this consumer group")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; gives the exit code."""
    given = _parser().parse_args(arguments)
    settings = load(_Settings)
    try:
        code: int = asyncio.run(given.run(settings.kafka, given))
    except AssayError as error:
        sys.stderr.write(f"{error.message}\n")
        return 1
    except KafkaError as error:
        sys.stderr.write(f"{settings.kafka.bootstrap_servers}: {error!r}\n")
        return 1
    return code


if __name__ == "__main__":
    sys.exit(main())
