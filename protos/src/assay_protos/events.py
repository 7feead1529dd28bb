"""Turns a message's full name and its bytes into the message."""

from __future__ import annotations

from google.protobuf import symbol_database
from google.protobuf.message import Message

from assay_protos.contracts import MESSAGE_MODULES

KNOWN: frozenset[str] = frozenset(
    descriptor.full_name
    for module in MESSAGE_MODULES
    for descriptor in module.DESCRIPTOR.message_types_by_name.values()
)
"""Full names of every message that travels over Kafka."""


class UnknownMessageType(ValueError):
    """The name is none of Assay's events and tasks."""


def decode(type_name: str, payload: bytes) -> Message:
    """Decode an event or a task.

    Raises:
        UnknownMessageType: the name is none of ours.
        google.protobuf.message.DecodeError: the bytes are not such a message.
    """
    if type_name not in KNOWN:
        raise UnknownMessageType(f"{type_name!r} is not a message of Assay")
    message = symbol_database.Default().GetSymbol(type_name)()
    message.ParseFromString(payload)
    return message
