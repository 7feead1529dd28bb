"""Who may call what: every RPC names the permission it needs in its descriptor, and this is where it is asked for."""

from collections.abc import Iterable, Mapping
from typing import Final

from google.protobuf.descriptor import ServiceDescriptor

from assay_common.errors import PermissionDenied, Unauthenticated
from assay_common.identity import Principal
from assay_common.rpc.jwks import TokenVerifier
from assay_protos.permissions import AUTHENTICATED, PUBLIC, permission_of

INFRASTRUCTURE: Final = ("/grpc.health.v1.Health/", "/grpc.reflection.")
"""RPCs that are not Assay's and need no token: they tell nothing of a customer."""

_BEARER: Final = "bearer "


class TokenMissing(Unauthenticated):
    """The RPC needs a token and came without one."""


class MissingPermission(PermissionDenied):
    """The caller lacks the permission named in the detail `permission`."""


class UndeclaredPermissionError(Exception):
    """An RPC carries no permission option: a mistake in the contracts, found at start-up."""


def permissions_of(services: Iterable[ServiceDescriptor]) -> dict[str, str]:
    """The permission of every RPC of these services by its path; raises UndeclaredPermissionError for one without."""
    permissions: dict[str, str] = {}
    for service in services:
        for method in service.methods:
            path = f"/{service.full_name}/{method.name}"
            permission = permission_of(path)
            if not permission:
                raise UndeclaredPermissionError(f"{path} has no (assay.options.v1.permission) option")
            permissions[path] = permission
    return permissions


def is_infrastructure(path: str) -> bool:
    """Whether the RPC belongs to the server's own health and reflection services."""
    return path.startswith(INFRASTRUCTURE)


class Authoriser:
    """Decides, before a handler runs, whether its caller may call it."""

    def __init__(self, permissions: Mapping[str, str], verifier: TokenVerifier) -> None:
        self._permissions = permissions
        self._verifier = verifier

    async def __call__(self, path: str, authorization: str | None) -> Principal | None:
        """The caller, or None for a public RPC, whose token is not even looked at.

        Raises TokenMissing, TokenInvalid, TokenExpired (Unauthenticated), MissingPermission (PermissionDenied) or
        KeysUnavailable (Unavailable).
        """
        if is_infrastructure(path):
            return None
        permission = self._permissions.get(path)
        if permission is None:
            raise PermissionDenied("this RPC is not open to anybody")
        if permission == PUBLIC:
            return None
        caller = await self._verifier.verify(_bearer_token(authorization))
        if permission != AUTHENTICATED and permission not in caller.permissions:
            raise MissingPermission(f"the permission {permission} is needed", permission=permission)
        return caller


def _bearer_token(authorization: str | None) -> str:
    if authorization is None or not authorization.lower().startswith(_BEARER):
        raise TokenMissing("a bearer token is needed")
    return authorization[len(_BEARER) :].strip()
