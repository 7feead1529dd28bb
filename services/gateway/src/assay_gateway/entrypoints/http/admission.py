"""Who may come in: a token that holds, and a place in every rate that the request counts for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from starlette.requests import HTTPConnection, Request

from assay_common.errors import Unauthenticated
from assay_common.identity import Principal
from assay_common.rpc.authorisation import TokenMissing
from assay_common.rpc.jwks import TokenInvalid
from assay_gateway.application.authenticate import KEY_PREFIX
from assay_gateway.domain.rate import Decision
from assay_gateway.entrypoints.http.error_handlers import RequestProblem
from assay_gateway.entrypoints.http.gateway import Gateway
from assay_gateway.entrypoints.http.problems import Problem

_BEARER: Final = "bearer "


async def admit(request: Request, gateway: Gateway, cost: int = 1) -> Principal:
    """The caller; raises Unauthenticated, RequestProblem (429), or what auth answered."""
    caller = await authenticated(request, gateway, bearer_of(request.headers))
    claims = gateway.limits.of_caller(caller, address_of(request))
    pass_or_refuse(request, await gateway.limit_rate(claims, cost))
    return caller


async def admit_stranger(request: Request, gateway: Gateway, cost: int = 1) -> None:
    """Count a request without a token for its network address; raises RequestProblem (429)."""
    claims = gateway.limits.of_stranger(address_of(request))
    pass_or_refuse(request, await gateway.limit_rate(claims, cost))


async def authenticated(connection: HTTPConnection, gateway: Gateway, bearer: str) -> Principal:
    """Who sends this bearer.

    A network address may try only so many tokens and keys that do not hold: then what is not known already is refused
    without being looked at, and auth is not asked. What is known goes on working from there.

    Raises Unauthenticated, RequestProblem (429), or what auth answered.
    """
    attempt = gateway.limits.of_attempt(address_of(connection))
    if gateway.authenticate.remembers(bearer):
        return await gateway.authenticate(bearer)
    if not bearer.startswith(KEY_PREFIX):  # A token is checked here; only one that does not hold counts.
        try:
            return await gateway.authenticate(bearer)
        except TokenInvalid:
            _refuse_guessing(await gateway.limit_rate(attempt))
            raise
    decision = await gateway.limit_rate(attempt)
    if not decision.allowed:
        if gateway.authenticate.remembers(bearer):  # Others have come with the same key meanwhile, and asked.
            return await gateway.authenticate(bearer)
        _refuse_guessing(decision)
    try:
        caller = await gateway.authenticate(bearer)
    except Unauthenticated:
        raise
    except Exception:
        gateway.limit_rate.give_back(attempt)
        raise
    gateway.limit_rate.give_back(attempt)
    return caller


def address_of(connection: HTTPConnection) -> str:
    """The network address of the client: that of the connection, or what a trusted proxy says."""
    return connection.client.host if connection.client is not None else "unknown"


def bearer_of(headers: Mapping[str, str]) -> str:
    """The bearer token or API key of a request; raises TokenMissing."""
    authorization = headers.get("authorization", "")
    if authorization[: len(_BEARER)].lower() != _BEARER or not authorization[len(_BEARER) :].strip():
        raise TokenMissing("a bearer token or an API key is needed")
    return authorization[len(_BEARER) :].strip()


def pass_or_refuse(request: Request, decision: Decision) -> None:
    """Remember what the response shall say of the budget; raises RequestProblem (429) when it is used up."""
    request.state.rate = decision
    if not decision.allowed:
        raise RequestProblem(too_many_requests(decision))


def too_many_requests(decision: Decision) -> Problem:
    """The problem of a caller whose budget is used up."""
    return Problem(
        status=429,
        reason="RATE_LIMITED",
        detail=f"more requests than allowed; try again in {decision.retry_after} s",
        extra={"limited_by": decision.scope},
        headers={"retry-after": str(decision.retry_after)},
    )


def _refuse_guessing(decision: Decision) -> None:
    if not decision.allowed:
        raise RequestProblem(
            Problem(
                status=429,
                reason="TOO_MANY_REFUSED_CREDENTIALS",
                detail="too many tokens and keys that do not hold came from this network address; "
                f"try again in {decision.retry_after} s",
                headers={"retry-after": str(decision.retry_after)},
            )
        )


def rate_headers(decision: Decision) -> list[tuple[bytes, bytes]]:
    """What a response says of the caller's budget (draft-ietf-httpapi-ratelimit-headers-07)."""
    return [
        (b"ratelimit-limit", b"%d" % decision.limit),
        (b"ratelimit-remaining", b"%d" % decision.remaining),
        (b"ratelimit-reset", b"%d" % decision.reset_after),
    ]
