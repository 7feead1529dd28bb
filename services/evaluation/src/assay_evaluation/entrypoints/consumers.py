"""What a worker does with the tasks on assay.evaluation.tasks."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from assay.evaluation.v1 import tasks_pb2
from assay_common.errors import InvalidArgument
from assay_common.kafka.delivery import Abandoned, Delivery
from assay_evaluation.application.abandon_items import AbandonItems
from assay_evaluation.application.evaluate_items import EvaluateItems


class MalformedTask(InvalidArgument):
    """The task cannot be done as it is written; it belongs to the dead letters."""


@dataclass(frozen=True, slots=True)
class EvaluationTasks:
    """Handles EvaluateItems."""

    evaluate_items: EvaluateItems
    abandon_items: AbandonItems

    async def __call__(self, delivery: Delivery) -> None:
        """Raises MalformedTask or RunNotFound, which are permanent."""
        await self.evaluate_items(*_items(delivery))

    async def abandon(self, abandoned: Abandoned) -> None:
        """End what the run of a task in the dead letters would wait for. Raises MalformedTask or RunNotFound."""
        await self.abandon_items(*_items(abandoned.delivery), abandoned.reason)


def _items(delivery: Delivery) -> tuple[UUID, UUID, list[int]]:
    task = delivery.message
    if not isinstance(task, tasks_pb2.EvaluateItems):
        raise MalformedTask(f"{delivery.event.type} is no task of this worker")
    if delivery.event.org_id is None:
        raise MalformedTask("the task names no organisation")
    try:
        run_id = UUID(task.run_id)
    except ValueError:
        raise MalformedTask(f"the run's id {task.run_id!r} is no id") from None
    return delivery.event.org_id, run_id, list(task.indexes)
