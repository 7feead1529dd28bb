"""What is known of a Kafka topic."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic, as `protos/topics/<name>.yaml` describes it."""

    name: str
    description: str
    owner: str
    """The only service that writes to it."""
    key: str
    """What the message key means; order is kept per key."""
    messages: tuple[str, ...]
    """Full protobuf names of the messages it carries; the header `ce_type` says which."""
    partitions: int
    retention_hours: int
    consumers: tuple[str, ...]

    @property
    def dead_letters(self) -> str:
        """Name of the topic that takes what no consumer could handle."""
        return f"{self.name}.dlq"

    @property
    def is_event_stream(self) -> bool:
        """Whether it carries facts (`*.events`) and not tasks."""
        return self.name.endswith(".events")
