"""What each RPC asks of its caller, read from the descriptors."""

from __future__ import annotations

from functools import cache

from google.protobuf.descriptor import MethodDescriptor

from assay.options.v1 import options_pb2
from assay_protos.contracts import SERVICE_MODULES

PUBLIC = "public"
AUTHENTICATED = "authenticated"


@cache
def methods() -> dict[str, MethodDescriptor]:
    """Every RPC of Assay by its full path, for instance "/assay.prompt.v1.PromptService/GetPrompt"."""
    return {
        f"/{service.full_name}/{method.name}": method
        for module in SERVICE_MODULES
        for service in module.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    }


@cache
def permission_of(path: str) -> str | None:
    """The permission that an RPC needs: "public", "authenticated" or one such as "prompts:write".

    None for an RPC that is not Assay's (health, reflection) or that lacks the option.
    """
    method = methods().get(path)
    if method is None:
        return None
    return method.GetOptions().Extensions[options_pb2.permission] or None


@cache
def all_permissions() -> frozenset[str]:
    """Every permission that some RPC asks for, without the two special words."""
    asked = {permission_of(path) for path in methods()}
    return frozenset(permission for permission in asked if permission and permission not in (PUBLIC, AUTHENTICATED))
