"""What the chart tells a container is what the program in it reads: the settings classes themselves load it."""

from __future__ import annotations

import base64
import json
import os
from importlib import import_module
from typing import Any, get_args

import pytest
from pydantic import BaseModel, ValidationError
from tests.deploy import values_table

from assay_common.kafka import topics
from assay_common.postgres.housekeeping import published_events
from assay_common.roles import MigrationSettings
from assay_common.settings import DELIMITER, PREFIX, ServiceSettings, load

CLASSES = {"serve": ("ServeSettings", "Settings"), "work": ("WorkSettings", "Settings")}
SECRETS = {
    "ASSAY_KEY_ENCRYPTION_KEY": base64.b64encode(bytes(32)).decode(),
    "ASSAY_PREVIOUS_KEY_ENCRYPTION_KEYS": base64.b64encode(bytes(range(32))).decode(),
    "ASSAY_BOOTSTRAP_ADMIN__PASSWORD": "from the secret",
    "ASSAY_VALKEY__URL": "rediss://:secret@valkey.example.com:6380/0",
}

_KEPT = "ASSAY_HOUSEKEEPING__"
_RETENTION = {
    "inbox_days": "inboxDays",
    "events_days": "eventsDays",
    "analyses_days": "analysesDays",
    "bundles_days": "bundlesDays",
}
"""Fields of the services' settings, and the values of the chart."""


def test_settings_load(rendering: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, pod in rendering.programs.items():
        _enter(pod, monkeypatch)
        settings = load(_settings_of(pod))
        assert settings, name


def test_variables_are_settings(rendering: Any) -> None:
    for name, pod in rendering.programs.items():
        (container,) = pod["spec"]["containers"]
        settings = _settings_of(pod)
        for variable in (each["name"] for each in container["env"]):
            if variable.startswith(PREFIX):
                assert _is_field(settings, variable), f"{name}: {settings.__module__} has no {variable}"


def test_migrations_have_the_owner_and_services_do_not(rendering: Any) -> None:
    for name, pod in rendering.programs.items():
        (container,) = pod["spec"]["containers"]
        variables = {each["name"]: each for each in container["env"]}
        if "PGPASSWORD" in variables:
            key = variables["PGPASSWORD"]["valueFrom"]["secretKeyRef"]["key"]
            migrates = name.startswith("migrate-")
            assert (key == "owner") == migrates, name
            assert ("ASSAY_DATABASE__MIGRATION_URL" in variables) == migrates, name


def test_no_secret_stands_in_a_pod(minimal: Any) -> None:
    rendering = minimal(
        {
            "kafka": {"securityProtocol": "SASL_SSL", "username": "assay", "password": "a secret of kafka"},
            "valkey": {"password": "a secret of valkey"},
        }
    )

    assert "change-me" not in str(rendering.pods)
    assert "a secret" not in str(rendering.pods)
    connections = rendering.of_kind("Secret")["connections"]["stringData"]
    assert connections["kafka-password"] == "a secret of kafka"
    assert connections["valkey-url"] == "redis://:a%20secret%20of%20valkey@valkey.data.svc:6379/0"
    assert "owner" not in connections
    assert rendering.of_kind("Secret")["hooks"]["stringData"]["owner"] == "change-me-owner"


def test_secrets_that_pods_refer_to_have_the_keys(minimal: Any) -> None:
    rendering = minimal({"kafka": {"securityProtocol": "SASL_SSL", "username": "assay", "password": "change-me"}})
    secrets = {
        each["metadata"]["name"]: {*each.get("data", {}), *each.get("stringData", {})}
        for each in rendering.of_kind("Secret").values()
    }
    for name, pod in rendering.pods.items():
        for variable in pod["spec"]["containers"][0]["env"]:
            if "secretKeyRef" in variable.get("valueFrom", {}):
                reference = variable["valueFrom"]["secretKeyRef"]
                if reference.get("optional"):
                    continue
                assert reference["key"] in secrets[reference["name"]], f"{name}: {variable['name']}"


def test_jobs_use_only_what_is_there_before_the_release(rendering: Any) -> None:
    made = {
        (each["kind"], each["metadata"]["name"])
        for each in rendering.objects
        if "helm.sh/hook" not in each["metadata"].get("annotations", {})
    }
    if rendering.of_kind("StatefulSet"):
        return  # with servers of its own the Jobs are part of the release
    for name, job in rendering.preparations.items():
        pod = job["spec"]["template"]["spec"]
        references = {("ServiceAccount", pod["serviceAccountName"])} | {
            ("Secret", each["valueFrom"]["secretKeyRef"]["name"])
            for each in pod["containers"][0]["env"]
            if "valueFrom" in each
        }
        assert not references & made, name


def test_models_reach_the_workers_as_json(external: Any) -> None:
    for name in ("evaluation", "evaluation-worker"):
        (container,) = external.pods[name]["spec"]["containers"]
        (models,) = [each["value"] for each in container["env"] if each["name"] == "ASSAY_MODELS"]
        assert json.loads(models)["house"]["input_cost_per_token"] == pytest.approx(2e-7)


def test_retention_is_what_the_services_would_do_by_themselves(rendering: Any, defaults: dict[str, Any]) -> None:
    """Each value reaches those that keep such a thing, and no other; the defaults and the least are the settings'."""
    least = values_table.schema()["properties"]["retention"]["properties"]
    for name, pod in rendering.programs.items():
        told = {
            each["name"].removeprefix(_KEPT).lower(): each["value"]
            for each in pod["spec"]["containers"][0]["env"]
            if each["name"].startswith(_KEPT)
        }
        settings = _settings_of(pod)
        if "housekeeping" not in settings.model_fields:
            assert not told, name
            continue
        house = settings.model_fields["housekeeping"].annotation
        assert house is not None
        fields = {field for field in house.model_fields if field.endswith("_days")}
        assert told.keys() == (fields if _forgets_events(pod) else fields - {"events_days"}), name
        for field, days in told.items():
            value = _RETENTION[field]
            assert house.model_fields[field].default == defaults["retention"][value] == int(days), f"{name}: {field}"
            with pytest.raises(ValidationError):
                house(**{field: least[value]["minimum"] - 1})
            house(**{field: least[value]["minimum"]})


def test_retention_reaches_those_that_keep(minimal: Any) -> None:
    changed = minimal({"retention": {"inboxDays": 46, "eventsDays": 47, "analysesDays": 48, "bundlesDays": 49}})
    for name, program in {"audit": "audit-worker", "evaluation": "evaluation-worker", "auth": "auth"}.items():
        given = {each["name"]: each.get("value") for each in changed.pods[program]["spec"]["containers"][0]["env"]}
        assert [given.get(f"{_KEPT}{field.upper()}") for field in _RETENTION] == {
            "audit": ["46", "47", "48", "49"],
            "evaluation": ["46", "47", None, None],
            "auth": ["46", None, None, None],
        }[name]


def test_each_schema_is_migrated_once_by_its_owner(rendering: Any, defaults: dict[str, Any]) -> None:
    schemas = {component["schema"] for component in defaults["components"].values() if "schema" in component}
    jobs = {name: job for name, job in rendering.preparations.items() if name != "topics"}

    assert set(jobs) == {f"migrate-{schema}" for schema in schemas}
    for name, job in jobs.items():
        module, role = job["spec"]["template"]["spec"]["containers"][0]["args"]
        assert role == "migrate"
        assert _schema_of(module) == name.removeprefix("migrate-")


def test_topics_are_made_where_the_components_look_for_them(rendering: Any) -> None:
    """The same brokers, namespace and way to sign in; the Job runs the module that knows the contracts' topics."""
    (container,) = rendering.programs["topics"]["spec"]["containers"]

    assert container["args"] == [topics.__name__]
    for name, deployment in rendering.of_kind("Deployment").items():
        assert _kafka(deployment["spec"]["template"]["spec"]["containers"][0]) == _kafka(container), name


def test_hooks_come_before_the_release_and_are_removed(rendering: Any) -> None:
    if rendering.of_kind("StatefulSet"):
        return  # with servers of its own the Jobs are part of the release
    for job in rendering.preparations.values():
        annotations = job["metadata"]["annotations"]
        assert annotations["helm.sh/hook"] == "pre-install,pre-upgrade"
        assert "hook-succeeded" in annotations["helm.sh/hook-delete-policy"]
    account = rendering.of_kind("ServiceAccount")["hooks"]["metadata"]["annotations"]
    assert int(account["helm.sh/hook-weight"]) < int(annotations["helm.sh/hook-weight"])


def _enter(pod: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in list(os.environ):
        if variable.startswith(PREFIX):
            monkeypatch.delenv(variable)
    for each in pod["spec"]["containers"][0]["env"]:
        monkeypatch.setenv(each["name"], each.get("value", SECRETS.get(each["name"], "from-the-secret")))


def _settings_of(pod: dict[str, Any]) -> type[ServiceSettings]:
    """The settings class of the module and role that a container runs."""
    module, *role = pod["spec"]["containers"][0]["args"]
    if not role:
        return topics._Settings
    if role == ["migrate"]:
        return MigrationSettings
    classes = import_module(f"{module}.settings")
    found: type[ServiceSettings] = next(getattr(classes, name) for name in CLASSES[role[0]] if hasattr(classes, name))
    return found


def _is_field(settings: type[BaseModel], variable: str) -> bool:
    model: Any = settings
    for part in variable.removeprefix(PREFIX).lower().split(DELIMITER):
        # A section that may be absent is a union with None.
        fields: dict[str, Any] = next(
            (one.model_fields for one in (model, *get_args(model)) if hasattr(one, "model_fields")), {}
        )
        if part not in fields:
            return False
        model = fields[part].annotation
    return True


def _forgets_events(pod: dict[str, Any]) -> bool:
    """Whether the program lets go of events: in most services they are what the service is made of."""
    module, _ = pod["spec"]["containers"][0]["args"]
    return hasattr(import_module(f"{module}.bootstrap"), published_events.__name__)


def _schema_of(module: str) -> str:
    schema: str = import_module(f"{module}.bootstrap").SCHEMA
    return schema


def _kafka(container: dict[str, Any]) -> dict[str, Any]:
    """The values that say where Kafka is, and the names of those that come from a Secret."""
    return {each["name"]: each.get("value") for each in container["env"] if each["name"].startswith("ASSAY_KAFKA__")}
