"""Subscriptions: the live feed over GraphQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any, Final

import strawberry
from graphql import GraphQLError

from assay_gateway.application.live_feed import Gap, ListeningEnded, Message
from assay_gateway.domain.cursor import Cursor
from assay_gateway.domain.feed import Told, Wanted
from assay_gateway.entrypoints.graphql.context import Info
from assay_gateway.entrypoints.graphql.scalars import JSON, DateTime
from assay_gateway.entrypoints.http.listening import seconds_left

_ENDINGS: Final = {
    "too_slow": "events came faster than they were read; subscribe again after the last id you have",
    "revoked": "the token holds no longer",
    "going_away": "this server goes away; subscribe again after the last id you have",
}

Topics = Annotated[
    list[str] | None, strawberry.argument(description="Topics (`prompt`) or types of events; absent = all.")
]
After = Annotated[str | None, strawberry.argument(description="`id` of the update after which to go on.")]


@strawberry.type(description="Something that happened (CloudEvents).")
class Event:
    id: strawberry.ID
    type: str
    source: str
    time: DateTime
    subject: str
    data: JSON


@strawberry.type(description="What a listener is told.")
class Update:
    id: strawberry.ID = strawberry.field(description="Where the listener stands now; `after` takes it.")
    event: Event | None = strawberry.field(description="Null where events were missed that cannot be told any more.")


@strawberry.type(description="What can be listened to.")
class Subscription:
    @strawberry.subscription(
        description="The organisation's events as they happen, and first those since `after`, on whichever replica."
    )
    async def updates(self, info: Info, topics: Topics = None, after: After = None) -> AsyncIterator[Update]:
        """Raises GraphQLError when the listener may hear no more; its code says why."""
        context = info.context
        context.gateway.authenticate.ensure_holds(context.caller)
        wanted = Wanted.named(topics or [])
        cursor = Cursor.decode(after) if after else None
        try:
            async with asyncio.timeout(seconds_left(context.caller)):
                async for message in context.gateway.feed.messages(context.caller, wanted, cursor):
                    update = _update(message)
                    if update is not None:
                        yield update
        except TimeoutError:
            raise _ended("TOKEN_EXPIRED", "the token has expired") from None
        except ListeningEnded as end:
            raise _ended(end.ending.name, _ENDINGS[end.ending.value]) from None


def _update(message: Message) -> Any:
    match message:
        case Told(event, cursor):
            return {"id": cursor.text, "event": event.shown}
        case Gap(cursor):
            return {"id": cursor.text, "event": None}
        case _:
            return None


def _ended(code: str, words: str) -> GraphQLError:
    return GraphQLError(words, extensions={"code": code})
