"""Every RPC says who may call it, and the safe ones say that they may be repeated."""

from __future__ import annotations

import re

import pytest
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions

from assay_protos import permissions

METHODS = sorted(permissions.methods().items())


@pytest.mark.parametrize(("path", "method"), METHODS, ids=[path for path, _ in METHODS])
def test_an_rpc_names_the_permission_it_needs(path: str, method: MethodDescriptor) -> None:
    permission = permissions.permission_of(path)
    assert permission in {permissions.PUBLIC, permissions.AUTHENTICATED} or re.fullmatch(
        r"[a-z]+(-[a-z]+)*:(read|write)", permission or ""
    )


@pytest.mark.parametrize(("path", "method"), METHODS, ids=[path for path, _ in METHODS])
def test_only_an_rpc_that_changes_nothing_is_a_read(path: str, method: MethodDescriptor) -> None:
    reads = method.name.startswith(("Get", "List", "Resolve", "Render", "Export", "WhoAmI"))
    if reads:
        assert method.GetOptions().idempotency_level == MethodOptions.NO_SIDE_EFFECTS
        assert not (permissions.permission_of(path) or "").endswith(":write")


@pytest.mark.parametrize("path", ["/assay.prompt.v1.PromptService/Nothing", "/grpc.health.v1.Health/Check"])
def test_an_rpc_that_is_not_ours_has_no_permission(path: str) -> None:
    assert permissions.permission_of(path) is None
