"""Answers of requests with an Idempotency-Key, in Valkey."""

from __future__ import annotations

from typing import Any, Final

from redis.asyncio import Redis

from assay_gateway.adapters.valkey import AWAY
from assay_gateway.application.ports import AnswersAway

KEY: Final = "assay:gateway:idempotency:%s"
PATIENCE_SECONDS: Final = 1.0
"""A Valkey that takes longer counts as away: longer than for a rate, since a request must be refused for it."""

_CLAIM: Final = """
local there = redis.call('GET', KEYS[1])
if there then return there end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return false
"""
_IS_OURS: Final = """
local there = redis.call('GET', KEYS[1])
local ours = there and string.sub(there, 1, 1) == 'R' and string.sub(there, 2, 17) == ARGV[1]
"""
_RENEW: Final = _IS_OURS + "if ours then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end"
_KEEP: Final = _IS_OURS + "if ours or not there then redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end"
_RELEASE: Final = _IS_OURS + "if ours then redis.call('DEL', KEYS[1]) end"


class ValkeyAnswers:
    """`AnswerStore` on a Valkey server; each call is one script, which Valkey runs atomically."""

    def __init__(self, client: Redis) -> None:
        self._claim: Any = client.register_script(_CLAIM)
        self._renew: Any = client.register_script(_RENEW)
        self._keep: Any = client.register_script(_KEEP)
        self._release: Any = client.register_script(_RELEASE)

    async def claim(self, name: str, record: bytes, seconds: float) -> bytes | None:
        """Asked twice before a request is refused for it: a record that is our own came there with the first try.

        Raises AnswersAway.
        """
        arguments = (self._claim, name, record, _milliseconds(seconds))
        try:
            found: bytes | None = await _run(*arguments)
        except AnswersAway:
            found = await _run(*arguments)
        return None if found == record else found

    async def renew(self, name: str, owner: bytes, seconds: float) -> None:
        """Raises AnswersAway."""
        await _run(self._renew, name, owner, _milliseconds(seconds))

    async def keep(self, name: str, owner: bytes, record: bytes, seconds: float) -> None:
        """Raises AnswersAway."""
        await _run(self._keep, name, owner, record, _milliseconds(seconds))

    async def release(self, name: str, owner: bytes) -> None:
        """Raises AnswersAway."""
        await _run(self._release, name, owner)


async def _run(script: Any, name: str, *arguments: bytes | int) -> Any:
    try:
        return await script(keys=[KEY % name], args=arguments)
    except AWAY as error:
        raise AnswersAway(str(error)) from error


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
