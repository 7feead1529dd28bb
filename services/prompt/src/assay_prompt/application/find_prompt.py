"""Find the prompt that a caller means, to read or to change it.

A name means a prompt of the caller's own organisation. An id may mean a public one of another, which is looked for only
when the own organisation has none, in a transaction that asks for public rows.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from assay_common.batches import id_in
from assay_common.identity import Principal
from assay_prompt.application.ports import Transaction, UnitOfWork
from assay_prompt.domain.access import ensure_may_change, is_visible
from assay_prompt.domain.errors import PromptNotFound
from assay_prompt.domain.prompt import Prompt

Rule = Callable[[Prompt, Principal], None]
"""Raises what forbids the caller to do it to the prompt."""


@asynccontextmanager
async def found_to_read(
    uow: UnitOfWork, caller: Principal, reference: str
) -> AsyncIterator[tuple[Transaction, Prompt]]:
    """The prompt of this id or name, with the transaction in which it was read. Raises PromptNotFound."""
    async with uow(caller.tenant) as tx:
        own = await tx.prompts.find(reference)
        if own is not None:
            yield tx, _seen(own, caller, reference)
            return
    if id_in(reference) is None:
        raise not_found(reference)
    async with uow.with_public(caller.tenant) as tx:
        yield tx, _seen(await tx.prompts.find(reference), caller, reference)


@asynccontextmanager
async def found_to_change(
    uow: UnitOfWork, caller: Principal, reference: str, rule: Rule = ensure_may_change
) -> AsyncIterator[Prompt]:
    """The prompt of this id or name, locked until the block ends, when it is saved.

    Raises:
        PromptNotFound: there is none that the caller may see.
        PromptReadOnly: the caller may see it and not change it; or whatever the rule raises.
    """
    async with uow(caller.tenant) as tx:
        own = await tx.prompts.find(reference, for_update=True)
        if own is not None:
            prompt = _seen(own, caller, reference)
            rule(prompt, caller)
            yield prompt
            await tx.prompts.save(prompt)
            return
    async with found_to_read(uow, caller, reference) as (_, others):
        rule(others, caller)
    raise not_found(reference)


def not_found(reference: str) -> PromptNotFound:
    """The error that says which prompt is missing."""
    return PromptNotFound(f"there is no prompt {reference!r}", prompt=reference)


def _seen(prompt: Prompt | None, caller: Principal, reference: str) -> Prompt:
    if prompt is None or not is_visible(prompt, caller):
        raise not_found(reference)
    return prompt
