"""The schema, with the limits that every query has."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

import strawberry
from graphql import GraphQLError
from strawberry.extensions import MaxAliasesLimiter, MaxTokensLimiter, QueryDepthLimiter, SchemaExtension
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext

from assay_gateway.entrypoints.graphql.audits import AuditQueries
from assay_gateway.entrypoints.graphql.context import Context
from assay_gateway.entrypoints.graphql.cost import MAX_COST, POINTS_PER_REQUEST, cost_of
from assay_gateway.entrypoints.graphql.errors import explain
from assay_gateway.entrypoints.graphql.evaluations import EvaluationQueries
from assay_gateway.entrypoints.graphql.organisations import OrganisationQueries
from assay_gateway.entrypoints.graphql.prompts import PromptQueries
from assay_gateway.entrypoints.graphql.scalars import SCALARS
from assay_gateway.entrypoints.graphql.subscriptions import Subscription

MAX_DEPTH: Final = 10
"""Levels below the operation: the deepest useful path of the schema has seven."""
MAX_TOKENS: Final = 2_000
MAX_ALIASES: Final = 30


@strawberry.type(description="What can be read.")
class Query(PromptQueries, EvaluationQueries, AuditQueries, OrganisationQueries):
    """Every root field."""


class CostLimiter(SchemaExtension):
    """Refuses a query that costs too much before anything of it is run, and counts the others by what they cost."""

    async def on_execute(self) -> AsyncIterator[None]:
        """Raises GraphQLError with the code QUERY_TOO_EXPENSIVE or RATE_LIMITED."""
        execution = self.execution_context
        if execution.graphql_document is not None:
            cost = cost_of(execution.graphql_document, execution.operation_name, execution.variables or {})
            if cost > MAX_COST:
                raise GraphQLError(
                    f"the query costs {cost} points; at most {MAX_COST} are allowed: ask for shorter lists",
                    extensions={"code": "QUERY_TOO_EXPENSIVE", "cost": cost, "limit": MAX_COST},
                )
            await _count(execution.context, cost // POINTS_PER_REQUEST)
        yield


async def _count(context: Context, requests: int) -> None:
    """Count an expensive query as so many requests more than the one that brought it."""
    if not requests:
        return
    claims = context.gateway.limits.of_caller(context.caller, context.address)
    decision = await context.gateway.limit_rate(claims, requests)
    if not decision.allowed:
        raise GraphQLError(
            f"the query counts as {requests} requests, more than are left; try again in {decision.retry_after} s",
            extensions={"code": "RATE_LIMITED", "status": 429, "retry_after": decision.retry_after},
        )


def _member(parent: Any, name: str) -> Any:
    """Things are the same JSON objects that the REST API shows."""
    return parent[name]


class _Schema(strawberry.Schema):
    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Explain what happened, for answers and for subscriptions."""
        for error in errors:
            explain(error)


schema: Final = _Schema(
    query=Query,
    subscription=Subscription,
    extensions=[
        lambda: QueryDepthLimiter(max_depth=MAX_DEPTH),
        lambda: MaxTokensLimiter(max_token_count=MAX_TOKENS),
        lambda: MaxAliasesLimiter(max_alias_count=MAX_ALIASES),
        CostLimiter,
    ],
    config=StrawberryConfig(default_resolver=_member, scalar_map=SCALARS),
)
