"""One transaction of one organisation, with what it announces."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from assay_common.postgres.events import NewEvent
from assay_common.postgres.unit_of_work import TenantTransaction
from assay_evaluation.adapters.postgres.comparisons import PostgresComparisons
from assay_evaluation.adapters.postgres.datasets import PostgresDatasets
from assay_evaluation.adapters.postgres.runs import PostgresRuns
from assay_evaluation.domain import events
from assay_evaluation.domain.access import private_to
from assay_evaluation.messages import event_message
from assay_protos import topics


class PostgresTransaction:
    """State and events: committed together or not at all."""

    def __init__(self, tx: TenantTransaction) -> None:
        if tx.org_id is None:
            raise ValueError("evaluations are read and written for one organisation")
        self._tx = tx
        self._org_id = tx.org_id
        self.datasets = PostgresDatasets(tx.connection, tx.org_id)
        self.runs = PostgresRuns(tx.connection, tx.org_id)
        self.comparisons = PostgresComparisons(tx.connection, tx.org_id)

    async def announce(self, news: Sequence[events.Event]) -> None:
        """Store events and tasks in their order, to be published after the commit."""
        await self._tx.record_all([self._new(event) for event in news])

    def _new(self, event: events.Event) -> NewEvent:
        aggregate, aggregate_id, version = _aggregate(event)
        is_task = isinstance(event, events.EvaluateItems)
        return NewEvent(
            topic=topics.EVALUATION_TASKS if is_task else topics.EVALUATION_EVENTS,
            message=event_message(event),
            org_id=self._org_id,
            key=_key(event, aggregate_id),
            aggregate_type=aggregate,
            aggregate_id=aggregate_id,
            aggregate_version=version,
            private_to=_private_to(event),
        )


def _aggregate(event: events.Event) -> tuple[str, UUID, int | None]:
    match event:
        case events.DatasetCreated(dataset) | events.DatasetUpdated(dataset):
            return "dataset", dataset.id, None
        case events.DatasetImported(dataset):
            return "dataset", dataset.id, dataset.latest_version
        case events.RunCreated(run) | events.RunCompleted(run) | events.RunCancelled(run):
            return "run", run.id, None
        case events.ItemsMeasured() | events.EvaluateItems():
            return "run", event.run_id, None
        case events.ComparisonCreated(comparison=comparison):
            return "comparison", comparison.id, None
        case events.GateDecided(decision=decision):
            return "comparison", decision.comparison_id, None


def _private_to(event: events.Event) -> UUID | None:
    match event:
        case events.DatasetCreated(thing) | events.DatasetUpdated(thing) | events.DatasetImported(thing):
            return private_to(thing)
        case events.RunCreated(run) | events.RunCompleted(run) | events.RunCancelled(run):
            return private_to(run)
        case events.ItemsMeasured() | events.ComparisonCreated() | events.GateDecided():
            return event.private_to
        case events.EvaluateItems():
            return None


def _key(event: events.Event, aggregate_id: UUID) -> str:
    """Order is kept per aggregate; the tasks of a run have none, and spread over the partitions."""
    if isinstance(event, events.EvaluateItems):
        return f"{event.run_id}:{event.indexes[0]}"
    return str(aggregate_id)
