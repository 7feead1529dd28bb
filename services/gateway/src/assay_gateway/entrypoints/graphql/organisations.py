"""Who the caller is, and who else is there."""

from __future__ import annotations

import strawberry

from assay.auth.v1 import organisations_pb2, sessions_pb2
from assay_gateway.entrypoints.graphql.connections import (
    DEFAULT_FIRST,
    After,
    Connection,
    First,
    connection,
    page_arguments,
)
from assay_gateway.entrypoints.graphql.context import Info
from assay_gateway.entrypoints.graphql.scalars import DateTime, Role
from assay_gateway.messages import to_json


@strawberry.type(description="A tenant.")
class Organisation:
    id: strawberry.ID
    slug: str
    name: str
    created_at: DateTime


@strawberry.type(description="Who is calling.")
class Identity:
    subject: strawberry.ID
    kind: str
    email: str
    name: str
    organisation: Organisation | None
    role: Role | None
    permissions: list[str]


@strawberry.type(description="A person in the organisation.")
class Member:
    user_id: strawberry.ID
    email: str
    name: str
    role: Role
    joined_at: DateTime


@strawberry.type
class OrganisationQueries:
    @strawberry.field(description="Who is calling, and with which permissions.")
    async def me(self, info: Info) -> Identity:
        """By auth."""
        return to_json(await info.context.services.sessions.WhoAmI(sessions_pb2.WhoAmIRequest()))  # type: ignore[return-value]

    @strawberry.field(description="The organisation's members.")
    async def members(self, info: Info, first: First = DEFAULT_FIRST, after: After = None) -> Connection[Member]:
        """By auth."""
        request = organisations_pb2.ListMembersRequest(**page_arguments(first, after))
        found = await info.context.services.organisations.ListMembers(request)
        return connection(found.members, found.next_page_token)  # type: ignore[no-any-return]
