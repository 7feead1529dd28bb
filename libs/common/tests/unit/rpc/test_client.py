import json

from google.protobuf.descriptor_pb2 import MethodOptions

from assay_common.rpc.client import service_config
from assay_protos.permissions import methods


def test_exactly_the_rpcs_declared_safe_are_retried():
    config = json.loads(service_config())
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
    assert json.loads(service_config())["loadBalancingConfig"] == [{"round_robin": {}}]
