import json
import math

import pytest
from google.protobuf.struct_pb2 import Struct
from hypothesis import given
from hypothesis import strategies as st

from assay.analytics.v1 import analytics_pb2
from assay.audit.v1 import audits_pb2
from assay.evaluation.v1 import runs_pb2
from assay.prompt.v1 import prompts_pb2
from assay_gateway.messages import numbers_of, struct, to_bytes, to_document, to_json
from assay_protos.events import KNOWN, decode


def test_absent_things_are_null_and_enums_are_words(fill):
    shown = to_json(audits_pb2.AuditResult(kind=audits_pb2.AUDIT_KIND_TDD, status=audits_pb2.AUDIT_STATUS_NOT_MEASURED))
    assert shown == {
        "kind": "tdd",
        "status": "not_measured",
        "score": None,
        "reason": "",
        "findings": 0,
        "duration_ms": 0.0,
    }


def test_an_unspecified_enum_is_null():
    assert to_json(audits_pb2.AuditRun())["status"] is None


def test_an_optional_zero_is_a_zero():
    assert to_json(audits_pb2.AuditResult(score=0.0))["score"] == 0.0


def test_timestamps_are_utc_and_end_in_z():
    run = runs_pb2.Run()
    run.created_at.FromJsonString("2026-03-01T10:30:00.25+01:00")
    assert to_json(run)["created_at"] == "2026-03-01T09:30:00.250Z"


def test_of_a_oneof_the_other_is_null():
    assert to_json(prompts_pb2.Content(text="")) == {"text": "", "chat": None}


def test_large_integers_are_numbers():
    assert to_json(analytics_pb2.Counters(input_tokens=2**60))["input_tokens"] == 2**60


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_json_number_is_null(value):
    assert to_json(analytics_pb2.Counters(cost_usd=value))["cost_usd"] is None


def test_whole_numbers_in_structs_stay_whole():
    data = {"version": 3, "share": 0.5, "none": None, "list": [1, "a", {}]}
    shown = to_json(prompts_pb2.HistoryEntry(data=struct(data)))["data"]
    assert json.dumps(shown, sort_keys=True) == json.dumps(data, sort_keys=True)


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_every_event_can_be_shown(name, fill):
    empty = decode(name, b"")
    to_bytes(to_json(empty))
    to_bytes(to_json(fill(empty.DESCRIPTOR)))


def test_words_and_numbers():
    assert numbers_of(audits_pb2.Severity) == {"note": 1, "warning": 2, "error": 3}
    assert numbers_of(runs_pb2.EvaluatorKind)["json_schema"] == runs_pb2.EVALUATOR_KIND_JSON_SCHEMA


def test_the_same_content_has_the_same_tag_and_another_has_another(fill):
    version = fill(prompts_pb2.Version.DESCRIPTOR)
    first = to_document(version)
    assert to_document(version) == first
    version.labels.append("staging")
    assert to_document(version).etag != first.etag


scalars = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text()
json_values = st.recursive(
    scalars | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), json_values, max_size=5))
def test_json_survives_the_way_through_a_struct(values):
    carried = Struct()
    carried.CopyFrom(struct(values))
    assert to_json(prompts_pb2.HistoryEntry(data=carried))["data"] == values
