"""One message as a handler gets it."""

from dataclasses import dataclass

from aiokafka import ConsumerRecord
from google.protobuf.message import DecodeError, Message

from assay_common.errors import AssayError
from assay_common.kafka.headers import CloudEvent
from assay_protos.events import decode


class Undecodable(ValueError):
    """The record is no event of ours: headers, key or payload cannot be read."""


class WorkersDied(AssayError):
    """Every worker that began the task has died, and it is given up; see `assay_common.postgres.deaths`."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A decoded message, where it came from, and the how-manieth try this is (from 1)."""

    topic: str
    partition: int
    offset: int
    key: str
    event: CloudEvent
    message: Message
    attempt: int


@dataclass(frozen=True, slots=True)
class Abandoned:
    """A message that was put aside after its last try, and why."""

    delivery: Delivery
    """The last."""
    error: Exception

    @property
    def reason(self) -> str:
        """Why, for whoever waits for the result: of an error that is none of our rules only the kind, for its text may
        tell of the inside. All of it is in the dead letter.
        """
        if isinstance(self.error, WorkersDied):
            return self.error.message
        why = self.error.message if isinstance(self.error, AssayError) else type(self.error).__name__
        tries = self.delivery.attempt
        return f"given up after {tries} {'try' if tries == 1 else 'tries'}: {why}"


def decoded(record: ConsumerRecord, attempt: int) -> Delivery:
    """Read a record; raises Undecodable, naming what is wrong."""
    try:
        event = CloudEvent.from_headers(record.headers)
        return Delivery(
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            key=(record.key or b"").decode(),
            event=event,
            message=decode(event.type, record.value or b""),
            attempt=attempt,
        )
    except DecodeError as error:
        raise Undecodable(f"the payload is no {event.type}: {error}") from error
    except ValueError as error:  # malformed headers, an unknown type, a key that is not UTF-8
        raise Undecodable(str(error)) from error
