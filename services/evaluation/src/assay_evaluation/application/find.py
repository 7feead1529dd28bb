"""Find what a caller means, to read or to change it; what they may not see is not there.

A name means a dataset of the caller's own organisation. An id may mean a public one of another, which shows only in
transactions that ask for public rows.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from uuid import UUID

from assay_common.identity import Principal
from assay_evaluation.application.ports import Transaction, UnitOfWork
from assay_evaluation.domain.access import ensure_may_change_run, is_run_visible, is_visible
from assay_evaluation.domain.comparison import Comparison
from assay_evaluation.domain.datasets import Dataset
from assay_evaluation.domain.errors import ComparisonNotFound, DatasetNotFound, GateDecisionNotFound, RunNotFound
from assay_evaluation.domain.gate import GateDecision
from assay_evaluation.domain.runs import Run


@asynccontextmanager
async def dataset_to_read(
    uow: UnitOfWork, caller: Principal, reference: str
) -> AsyncIterator[tuple[Transaction, Dataset]]:
    """The dataset of this id or name, with the transaction that it was read in. Raises DatasetNotFound."""
    async with uow.with_public(caller.tenant) as tx:
        yield tx, _visible(await tx.datasets.get(reference), caller, reference)


@asynccontextmanager
async def dataset_to_change(
    uow: UnitOfWork, caller: Principal, reference: str, ensure_may: Callable[[Dataset, Principal], None]
) -> AsyncIterator[tuple[Transaction, Dataset]]:
    """The dataset of this id or name, locked until the block ends.

    Raises:
        DatasetNotFound: there is none that the caller may see.
        PermissionDenied: `ensure_may` says so.
    """
    dataset = await find_changeable(uow, caller, reference, ensure_may)
    async with uow(caller.tenant) as tx:
        current = _visible(await tx.datasets.get(str(dataset.id), for_update=True), caller, reference)
        ensure_may(current, caller)
        yield tx, current


async def find_changeable(
    uow: UnitOfWork, caller: Principal, reference: str, ensure_may: Callable[[Dataset, Principal], None]
) -> Dataset:
    """The dataset as it is now, which the caller may change. Raises as `dataset_to_change`."""
    async with dataset_to_read(uow, caller, reference) as (_, dataset):
        ensure_may(dataset, caller)
    return dataset


def _visible(dataset: Dataset, caller: Principal, reference: str) -> Dataset:
    if not is_visible(dataset, caller):
        raise DatasetNotFound.of(reference)
    return dataset


async def run_to_read(tx: Transaction, caller: Principal, run_id: UUID) -> Run:
    """The run with this id. Raises RunNotFound."""
    return _visible_run(await tx.runs.get(run_id), caller)


async def run_to_change(tx: Transaction, caller: Principal, run_id: UUID) -> Run:
    """The run with this id, locked until the transaction ends. Raises RunNotFound or RunReadOnly."""
    run = _visible_run(await tx.runs.get(run_id, for_update=True), caller)
    ensure_may_change_run(run, caller)
    return run


def _visible_run(run: Run, caller: Principal) -> Run:
    if not is_run_visible(run, caller):
        raise RunNotFound.of(run.id)
    return run


async def comparison_to_read(tx: Transaction, caller: Principal, comparison_id: UUID) -> Comparison:
    """The comparison with this id, which whoever sees both of its runs may see. Raises ComparisonNotFound."""
    comparison = await tx.comparisons.get(comparison_id)
    runs = await tx.runs.some([comparison.baseline_run_id, comparison.candidate_run_id])
    if not all(is_run_visible(run, caller) for run in runs):
        raise ComparisonNotFound.of(comparison_id)
    return comparison


async def decision_to_read(tx: Transaction, caller: Principal, decision_id: UUID) -> GateDecision:
    """The decision with this id, which whoever sees its comparison may see. Raises GateDecisionNotFound."""
    decision = await tx.comparisons.get_decision(decision_id)
    try:
        await comparison_to_read(tx, caller, decision.comparison_id)
    except ComparisonNotFound:
        raise GateDecisionNotFound.of(decision_id) from None
    return decision
