"""What the resolvers of one request work with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import strawberry

from assay_common.identity import Principal
from assay_gateway.entrypoints.graphql.loaders import Loaders
from assay_gateway.entrypoints.http.gateway import Gateway, Services


@dataclass(frozen=True, slots=True)
class Context:
    """The caller, the services, and this request's loaders."""

    gateway: Gateway
    caller: Principal
    address: str
    """Network address of the client."""
    loaders: Loaders

    @classmethod
    def of(cls, gateway: Gateway, caller: Principal, address: str) -> Context:
        """The context of a fresh request."""
        return cls(gateway, caller, address, Loaders.over(gateway.services))

    @property
    def services(self) -> Services:
        """The services behind."""
        return self.gateway.services


Info: TypeAlias = strawberry.Info[Context, None]
