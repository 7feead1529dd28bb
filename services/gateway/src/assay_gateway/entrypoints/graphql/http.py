"""POST and GET /graphql (https://graphql.github.io/graphql-over-http), with the manners of every other route."""

from __future__ import annotations

import json
from typing import Annotated, Any, Final

from fastapi import Query, Request, Response
from graphql import GraphQLError
from pydantic import BaseModel, Field, JsonValue, ValidationError
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types.graphql import OperationType

from assay_common.errors import AssayError, InvalidArgument, Violation
from assay_common.identity import principal
from assay_gateway.entrypoints.graphql.context import Context
from assay_gateway.entrypoints.graphql.errors import explain
from assay_gateway.entrypoints.graphql.schema import schema
from assay_gateway.entrypoints.http.admission import address_of
from assay_gateway.entrypoints.http.gateway import Gateway, TheGateway
from assay_gateway.entrypoints.http.routing import api_router, problems
from assay_gateway.entrypoints.http.schemas.base import Body
from assay_gateway.messages import to_bytes

router = api_router("/graphql", "graphql")

READING: Final = frozenset({OperationType.QUERY})

_READ_ONLY: Final = "only queries are answered here: changes go over REST, subscriptions over a WebSocket"
_EXAMPLE: Final = (
    "query Prompts($first: Int!) { prompts(first: $first) { nodes { name latestVersion { number } } "
    "pageInfo { endCursor hasNextPage } } }"
)


class GraphQLRequest(Body):
    """A query, or the hash of one that the installation knows."""

    query: Annotated[str | None, Field(max_length=64 * 1024, examples=[_EXAMPLE])] = None
    variables: Annotated[dict[str, JsonValue] | None, Field(examples=[{"first": 10}])] = None
    operationName: Annotated[  # noqa: N815 - the name is GraphQL's
        str | None, Field(description="Which operation of the document to run.", examples=["Prompts"])
    ] = None
    extensions: Annotated[
        dict[str, JsonValue] | None,
        Field(
            description="`persistedQuery`: {version: 1, sha256Hash} of a query that is known, or is to be kept.",
            examples=[{}],
        ),
    ] = None


class GraphQLAnswer(BaseModel):
    """What was read, and what could not be; there are no `errors` where everything could."""

    data: Annotated[dict[str, JsonValue] | None, Field(examples=[{"prompts": {"nodes": []}}])] = None
    errors: Annotated[
        list[dict[str, JsonValue]] | None,
        Field(description="Their `extensions.code` is the `reason` of a problem document.", examples=[None]),
    ] = None


_DOCUMENTED: Final[dict[int | str, dict[str, Any]]] = {**problems(400, 413, 415)}


@router.post("", response_model=GraphQLAnswer, responses=_DOCUMENTED)
async def query_graph(body: GraphQLRequest, request: Request, gateway: TheGateway) -> Response:
    """Read prompts, datasets, runs, comparisons, repositories, audits and members in one request.

    The schema is told by introspection. Lists take `first` (up to 200) and `after`. A query costs a point for each
    field, times the length of the lists around it: 10,000 points are the most, and each 200 count as one more request.
    Errors of parts leave the others whole.
    """
    return await _answered(gateway, address_of(request), body)


@router.get("", response_model=GraphQLAnswer, responses=_DOCUMENTED)
async def query_graph_by_address(
    request: Request,
    gateway: TheGateway,
    query: Annotated[str | None, Query(max_length=2 * 1024, examples=["{ me { email } }"])] = None,
    variables: Annotated[str, Query(description="JSON.", max_length=1024)] = "",
    operationName: Annotated[str | None, Query()] = None,  # noqa: N803 - the name is GraphQL's
    extensions: Annotated[str, Query(description="JSON.", max_length=256)] = "",
) -> Response:
    """The same, for persisted queries that caches may keep."""
    try:
        asked = GraphQLRequest(
            query=query,
            variables=_json("variables", variables),
            operationName=operationName,
            extensions=_json("extensions", extensions),
        )
    except ValidationError as error:
        raise _invalid("variables", "must be a JSON object") from error
    return await _answered(gateway, address_of(request), asked)


async def _answered(gateway: Gateway, address: str, request: GraphQLRequest) -> Response:
    try:
        query = await gateway.persisted_queries.query(request.query, request.extensions or {})
    except AssayError as error:
        return _refused(GraphQLError(str(error), original_error=error))
    if query is None:
        raise _invalid("query", "is needed, or extensions.persistedQuery")
    try:
        result = await schema.execute(
            query,
            variable_values=request.variables,
            operation_name=request.operationName or None,
            context_value=Context.of(gateway, principal(), address),
            allowed_operation_types=READING,
        )
    except InvalidOperationTypeError:
        return _refused(GraphQLError(_READ_ONLY))
    except CannotGetOperationTypeError:
        return _refused(GraphQLError("operationName must be that of an operation of the document"))
    answer: dict[str, Any] = {"data": result.data}
    if result.errors:
        answer["errors"] = [error.formatted for error in result.errors]
    return _response(answer)


def _refused(error: GraphQLError) -> Response:
    explain(error)
    return _response({"data": None, "errors": [error.formatted]})


def _response(answer: dict[str, Any]) -> Response:
    return Response(to_bytes(answer), media_type="application/json")


def _json(name: str, text: str) -> Any:
    if not text:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _invalid(name, "must be a JSON object") from error


def _invalid(field: str, description: str) -> InvalidArgument:
    return InvalidArgument(f"the request is not valid: {field} {description}", Violation(field, description))
