"""What the documentation promises is what the messages hold."""

import importlib
import inspect
import json
import pkgutil
import re
from typing import get_args

import pytest
from google.protobuf.descriptor import FieldDescriptor
from pydantic import BaseModel, TypeAdapter, ValidationError

from assay.analytics.v1 import analytics_pb2
from assay.audit.v1 import audits_pb2, repositories_pb2
from assay.auth.v1 import (
    accounts_pb2,
    api_keys_pb2,
    audit_trail_pb2,
    invitations_pb2,
    organisations_pb2,
    service_accounts_pb2,
    sessions_pb2,
    single_sign_on_pb2,
    teams_pb2,
)
from assay.evaluation.v1 import comparisons_pb2, datasets_pb2, runs_pb2
from assay.prompt.v1 import prompts_pb2
from assay.type.v1 import visibility_pb2
from assay_common.errors import InvalidArgument
from assay_gateway.entrypoints.http import schemas as schemas_package
from assay_gateway.entrypoints.http.schemas import (
    accounts,
    analytics,
    audit_trail,
    audits,
    evaluations,
    machines,
    organisations,
    prompts,
    sessions,
    sign_on,
    words,
)
from assay_gateway.entrypoints.http.schemas.base import Body, PageOf, Part, Shown
from assay_gateway.entrypoints.http.schemas.examples import example_of
from assay_gateway.messages import numbers_of, to_json

PAIRS = [
    (module_of_schemas, model, getattr(messages, model))
    for module_of_schemas, messages, models in [
        (accounts, accounts_pb2, ["Account", "TotpEnrolment", "RecoveryCodes"]),
        (organisations, organisations_pb2, ["Organisation", "Member"]),
        (organisations, teams_pb2, ["Team"]),
        (organisations, invitations_pb2, ["Invitation", "InvitationOffer"]),
        (sessions, sessions_pb2, ["Identity", "Session"]),
        (sign_on, single_sign_on_pb2, ["Provider", "DeviceRequest"]),
        (machines, api_keys_pb2, ["ApiKey", "CreatedApiKey"]),
        (machines, service_accounts_pb2, ["ServiceAccount"]),
        (audit_trail, audit_trail_pb2, ["AuditEntry", "TrailVerification"]),
        (prompts, prompts_pb2, ["Prompt", "Label", "Version", "Content", "Chat", "ChatMessage", "HistoryEntry"]),
        (evaluations, datasets_pb2, ["Dataset", "DatasetItem", "ImportReport", "RowError"]),
        (
            evaluations,
            runs_pb2,
            [
                "Run",
                "RunProgress",
                "RunTotals",
                "EvaluatorSummary",
                "Evaluator",
                "ModelParameters",
                "ItemResult",
                "Score",
                "Model",
            ],
        ),
        (
            evaluations,
            comparisons_pb2,
            ["Comparison", "EvaluatorComparison", "MetricComparison", "GateDecision"],
        ),
        (audits, repositories_pb2, ["Repository", "UploadedBundle"]),
        (audits, audits_pb2, ["AuditRun", "AuditResult", "Skipped", "Finding"]),
        (analytics, analytics_pb2, ["Summary", "Counters", "ModelUsage", "UsageBucket", "EventCount"]),
    ]
    for model in models
]


@pytest.mark.parametrize(("schemas", "name", "message"), PAIRS, ids=[name for _, name, _ in PAIRS])
def test_an_answer_documents_every_field_of_its_message_and_no_other(schemas, name, message):
    model = getattr(schemas, name)
    documented = {info.alias or field for field, info in model.model_fields.items()}
    assert documented == {field.name for field in message.DESCRIPTOR.fields}


@pytest.mark.parametrize(("schemas", "name", "message"), PAIRS, ids=[name for _, name, _ in PAIRS])
def test_full_messages_are_valid_answers(schemas, name, message, fill):
    getattr(schemas, name).model_validate(to_json(fill(message.DESCRIPTOR)))


@pytest.mark.parametrize(("schemas", "name", "message"), PAIRS, ids=[name for _, name, _ in PAIRS])
def test_empty_messages_are_valid_answers(schemas, name, message):
    if name in ("Identity", "Member", "CreatedApiKey", "Version"):
        return  # A kind, a role, a key and a content are always there.
    getattr(schemas, name).model_validate(to_json(message()))


@pytest.mark.parametrize(
    ("words", "enum"),
    [
        (words.Role, organisations_pb2.Role),
        (words.Visibility, visibility_pb2.Visibility),
        (organisations.InvitationStatus, invitations_pb2.InvitationStatus),
        (evaluations.EvaluatorKind, runs_pb2.EvaluatorKind),
        (evaluations.RunStatus, runs_pb2.RunStatus),
        (evaluations.Verdict, comparisons_pb2.Verdict),
        (evaluations.GatePolicy, comparisons_pb2.GatePolicy),
        (audits.AuditKind, audits_pb2.AuditKind),
        (audits.AuditStatus, audits_pb2.AuditStatus),
        (audits.Severity, audits_pb2.Severity),
        (analytics.Granularity, analytics_pb2.Granularity),
    ],
)
def test_the_words_are_those_of_the_contracts(words, enum):
    assert list(get_args(words)) == list(numbers_of(enum))


MODELS = [
    model
    for module in pkgutil.iter_modules(schemas_package.__path__, f"{schemas_package.__name__}.")
    for model in vars(importlib.import_module(module.name)).values()
    if inspect.isclass(model) and issubclass(model, BaseModel) and model.__module__ == module.name
    if model not in (Shown, Part, Body, PageOf)
]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_body_and_answer_has_an_example_that_is_valid(model):
    for example in model.model_json_schema(mode="serialization")["examples"]:
        model.model_validate_json(json.dumps(example))


def test_a_made_up_example_shows_every_field_of_an_answer():
    for schemas, name, message in PAIRS:
        shown = example_of(getattr(schemas, name))
        assert set(shown) == {field.name for field in message.DESCRIPTOR.fields}, name


def test_answers_are_never_refused_for_a_limit_of_bodies():
    limits = {"maxLength", "minLength", "pattern", "maxItems", "minItems", "maximum", "minimum"}
    for model in MODELS:
        if issubclass(model, Shown):
            assert not limits & set(re.findall(r'"(\w+)":', json.dumps(model.model_json_schema()))), model


def test_every_enum_field_of_an_answer_is_documented_by_its_words():
    for schemas, name, message in PAIRS:
        for field in message.DESCRIPTOR.fields:
            if field.cpp_type == FieldDescriptor.CPPTYPE_ENUM:
                annotation = getattr(schemas, name).model_fields[field.name].annotation
                assert "enum" in str(TypeAdapter(annotation).json_schema()), (name, field.name)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"name": "a\x00b"}, "/name"),
        ({"name": "\ud800"}, "/name"),
        ({"name": 10**400}, "/name"),
        ({"name": float("nan")}, "/name"),
        ({"name": {"a/b": ["\x00"]}}, "/name/a~1b/0"),
        ({"a\x00": 1}, "/a\x00"),
    ],
)
def test_what_no_service_can_take_is_refused_where_it_stands(body, pointer):
    with pytest.raises(InvalidArgument) as refused:
        prompts.NewPrompt.model_validate(body)
    assert refused.value.violations[0].field == pointer


def test_nesting_ends_somewhere():
    deep = "x"
    for _ in range(100):
        deep = [deep]
    with pytest.raises(InvalidArgument):
        prompts.RenderRequest.model_validate({"variables": {"a": deep}})


@pytest.mark.parametrize("body", [{"text": "a", "chat": {"messages": []}}, {}, {"text": None}])
def test_content_is_either_text_or_chat(body):
    with pytest.raises(ValidationError):
        prompts.NewContent.model_validate(body)


@pytest.mark.parametrize("version", ["1", 1.0, True, 0, -1, 2**31])
def test_a_version_is_a_number_from_one(version):
    with pytest.raises(ValidationError):
        prompts.NewLabel.model_validate({"version": version})
