"""What is on Kafka today must be readable by the code of today."""

from __future__ import annotations

from pathlib import Path

import pytest
from google.protobuf import json_format

from assay_protos import events, topics

EXAMPLES = Path(__file__).parents[2] / "protos/examples"


def test_every_message_that_travels_has_a_golden_example() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.binpb")} == events.KNOWN


@pytest.mark.parametrize("name", sorted(events.KNOWN))
def test_the_golden_bytes_still_mean_what_they_meant(name: str) -> None:
    decoded = events.decode(name, (EXAMPLES / f"{name}.binpb").read_bytes())
    meant = json_format.Parse((EXAMPLES / f"{name}.json").read_text(), type(decoded)())
    assert decoded == meant


@pytest.mark.parametrize("name", sorted(events.KNOWN))
def test_an_example_says_something_in_every_field(name: str) -> None:
    decoded = events.decode(name, (EXAMPLES / f"{name}.binpb").read_bytes())
    said = {field.name for field, _ in decoded.ListFields()}
    assert said == {field.name for field in decoded.DESCRIPTOR.fields}


def test_every_message_travels_on_exactly_one_topic() -> None:
    carried = [message for topic in topics.ALL for message in topic.messages]
    assert sorted(carried) == sorted(events.KNOWN)


@pytest.mark.parametrize("topic", topics.ALL, ids=lambda topic: topic.name)
def test_a_topic_is_owned_by_the_service_whose_messages_it_carries(topic: topics.Topic) -> None:
    assert {message.split(".")[1] for message in topic.messages} == {topic.owner}
    assert topic.name.split(".")[1] == topic.owner


def test_a_message_of_an_unknown_type_is_refused() -> None:
    with pytest.raises(events.UnknownMessageType, match=r"assay\.nobody\.v1\.Thing"):
        events.decode("assay.nobody.v1.Thing", b"")
