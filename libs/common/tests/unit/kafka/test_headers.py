"""CloudEvents as Kafka headers, both ways."""

from datetime import UTC, datetime, timedelta, timezone
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay_common.kafka.headers import CloudEvent, MalformedHeaders

texts = st.text(st.characters(codec="utf-8"), min_size=1)
events = st.builds(
    CloudEvent,
    id=st.uuids(),
    type=texts,
    source=texts,
    time=st.datetimes(timezones=st.just(UTC)),
    subject=texts,
    org_id=st.none() | st.uuids(),
    traceparent=st.none() | texts,
    request_id=st.none() | texts,
    actor=st.none() | texts,
    client_address=st.none() | texts,
    private_to=st.none() | st.uuids(),
)


@given(events)
def test_what_goes_in_comes_out(event):
    assert CloudEvent.from_headers(event.to_headers()) == event


def an_event(**changes):
    return CloudEvent(
        **{
            "id": uuid4(),
            "type": "assay.prompt.v1.PromptCreated",
            "source": "prompt",
            "time": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
            "subject": "p",
            **changes,
        }
    )


def test_the_names_are_those_of_the_protocol_binding():
    event = an_event(org_id=uuid4(), actor="a", request_id="r", traceparent="t", private_to=uuid4())
    assert dict(event.to_headers()) == {
        "ce_specversion": b"1.0",
        "ce_id": str(event.id).encode(),
        "ce_type": b"assay.prompt.v1.PromptCreated",
        "ce_source": b"prompt",
        "ce_time": b"2026-01-02T03:04:05+00:00",
        "ce_subject": b"p",
        "ce_orgid": str(event.org_id).encode(),
        "ce_actor": b"a",
        "ce_privateto": str(event.private_to).encode(),
        "traceparent": b"t",
        "request_id": b"r",
        "content-type": b"application/protobuf",
    }


@pytest.mark.parametrize("name", ["ce_id", "ce_type", "ce_source", "ce_time", "ce_subject", "content-type"])
def test_a_missing_attribute_is_named(name):
    headers = [header for header in an_event().to_headers() if header[0] != name]
    with pytest.raises(MalformedHeaders, match=name):
        CloudEvent.from_headers(headers)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ce_id", b"not a uuid"),
        ("ce_orgid", b"nor this"),
        ("ce_time", b"yesterday"),
        ("ce_time", b"2026-01-02T03:04:05"),
        ("ce_subject", b"\xff\xfe"),
        ("content-type", b"text/plain"),
    ],
)
def test_an_unreadable_attribute_is_named(name, value):
    headers = {**dict(an_event().to_headers()), name: value}
    with pytest.raises(MalformedHeaders, match=name):
        CloudEvent.from_headers(headers.items())


def test_a_time_of_another_zone_is_kept():
    east = timezone(timedelta(hours=5, minutes=30))
    event = an_event(time=datetime(2026, 1, 2, 3, 4, 5, tzinfo=east))
    assert CloudEvent.from_headers(event.to_headers()).time == event.time
