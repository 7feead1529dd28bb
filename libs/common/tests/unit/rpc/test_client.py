import json

from google.protobuf.descriptor_pb2 import MethodOptions

from assay_common.rpc.client import service_config
from assay_protos.permissions import methods


def test_exactly_the_rpcs_declared_safe_are_retried():
    config = json.loads(service_config(watch_health=True))
    (policy,) = config["methodConfig"]
    retried = {f"/{name['service']}/{name['method']}" for name in policy["name"]}
    safe = {
        path
        for path, method in methods().items()
        if method.GetOptions().idempotency_level != MethodOptions.IDEMPOTENCY_UNKNOWN
    }
    assert retried == safe
    assert "/assay.prompt.v1.PromptService/GetPrompt" in retried
    assert "/assay.prompt.v1.PromptService/CreatePrompt" not in retried
    assert policy["retryPolicy"]["retryableStatusCodes"] == ["UNAVAILABLE", "CANCELLED"]


def test_calls_are_spread_over_the_replicas():
    assert json.loads(service_config(watch_health=True))["loadBalancingConfig"] == [{"round_robin": {}}]


def test_health_is_watched_where_no_proxy_answers_for_all_servers():
    assert json.loads(service_config(watch_health=True))["healthCheckConfig"] == {"serviceName": ""}
    assert "healthCheckConfig" not in json.loads(service_config(watch_health=False))
