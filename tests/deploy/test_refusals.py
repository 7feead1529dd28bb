"""Values that cannot work are refused, with words that say what to do."""

from __future__ import annotations

import re
from typing import Any

import pytest
from helm_python import HelmError


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"databse": {}}, r"databse"),
        ({"database": {"hots": "x"}}, r"/database.*hots"),
        ({"database": {"port": "5432"}}, r"/database/port.*want integer"),
        ({"database": {"sslMode": "prefer"}}, r"/database/sslMode.*must be one of.*verify-full"),
        ({"kafka": {"bootstrapServers": "kafka"}}, r"/kafka/bootstrapServers"),
        ({"kafka": {"namespace": "a/b"}}, r"/kafka/namespace"),
        ({"objectStore": {"url": "/objects"}}, r"/objectStore/url"),
        ({"log": {"level": "chatty"}}, r"/log/level"),
        ({"image": {"registry": "registry.example.com/"}}, r"/image/registry"),
        ({"defaults": {"replicas": 0}}, r"/defaults/replicas.*minimum"),
        ({"defaults": {"resources": {"requests": {"memory": "lots"}}}}, r"/defaults/resources/requests/memory"),
        ({"components": {"gateway": {"port": 8080}}}, r"/components/gateway.*port"),
        ({"components": {"gateway": {"needs": ["mongodb"]}}}, r"/components/gateway/needs/0"),
        ({"components": {"Gate_way": {}}}, r"Gate_way"),
        ({"components": {"billing": {"module": "assay_billing"}}}, r"/components/billing.*missing propert"),
        ({"components": {"gateway": {"image": {"digest": "sha256:1"}}}}, r"/components/gateway/image/digest"),
        ({"models": {"small": {"litellm_model": "gpt", "api_key": "x"}}}, r"/models/small.*api_key"),
        ({"models": {"small": {"litellm_model": "openai/x", "input_cost_per_token": 1}}}, r"output_cost_per_token"),
        ({"networkPolicy": {"clients": [{"cidr": "10.0.0.0/8"}]}}, r"/networkPolicy/clients/0"),
    ],
)
def test_the_schema_names_what_it_refuses(minimal: Any, changes: dict[str, Any], message: str) -> None:
    assert re.search(message, _refusal(minimal, changes)), _refusal(minimal, changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"database": {"host": ""}}, "database.host is empty: set it"),
        ({"database": {"existingSecret": "x"}}, "database.existingSecret and database.passwords are both set: remove"),
        ({"database": {"passwords": {"audit": ""}}}, "no password for audit: set database.existingSecret"),
        ({"database": {"sslMode": "verify-full"}}, "set database.caSecret"),
        ({"database": {"caSecret": "ca"}}, "set database.sslMode to verify-full"),
        ({"kafka": {"bootstrapServers": ""}}, "kafka.bootstrapServers is empty: set it"),
        ({"kafka": {"securityProtocol": "SASL_SSL"}}, "set kafka.existingSecret"),
        ({"kafka": {"username": "x", "password": "y"}}, "set kafka.securityProtocol to SASL_SSL"),
        ({"kafka": {"caSecret": "ca"}}, "set kafka.securityProtocol to SSL or SASL_SSL"),
        ({"valkey": {"host": ""}}, "valkey.host is empty: set it"),
        ({"valkey": {"existingSecret": "x"}}, "remove valkey.host"),
        ({"objectStore": {"url": ""}}, "objectStore.url is empty: set it"),
        ({"objectStore": {"existingClaim": ""}}, "objectStore.existingClaim a volume that all audit pods may mount"),
        ({"objectStore": {"url": "file:///elsewhere"}}, "a folder must be file:///objects"),
        ({"objectStore": {"url": "s3://bucket"}}, "remove it, or set objectStore.url to file:///objects"),
        ({"components": {"auth": {"callers": ["door"]}}}, "callers names door, which is no component"),
        ({"components": {"auth": {"serves": "none"}}}, "set serves to grpc, or remove the callers"),
        ({"components": {"auth": {"schema": None}}}, "set components.auth.schema"),
        ({"components": {"gateway": {"schema": "auth"}}}, "add database to components.gateway.needs"),
        ({"components": {"prompt": {"schema": "auth"}}}, "both serve the schema auth"),
        (
            {"components": {"auth": {"autoscaling": {"enabled": True, "minReplicas": 9}}}},
            "minReplicas 9 is more than maxReplicas 6: raise maxReplicas",
        ),
        (
            {"components": {"auth": {"env": {"ASSAY_LOG__LEVEL": "DEBUG"}}}},
            "env sets ASSAY_LOG__LEVEL, which the chart",
        ),
    ],
)
def test_impossible_combinations_are_put_right(minimal: Any, changes: dict[str, Any], message: str) -> None:
    assert message in _refusal(minimal, changes)


def test_every_problem_is_told_at_once(render: Any) -> None:
    with pytest.raises(HelmError) as refused:
        render({})

    for name in (
        "database.host",
        "database.existingSecret",
        "kafka.bootstrapServers",
        "valkey.host",
        "objectStore.url",
    ):
        assert name in str(refused.value)


def _refusal(minimal: Any, changes: dict[str, Any]) -> str:
    with pytest.raises(HelmError) as refused:
        minimal(changes)
    return str(refused.value)
