"""Create a run: resolve, render, store and queue."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from assay_common.clock import Clock
from assay_common.errors import Violation
from assay_common.identity import Principal
from assay_common.ids import new_id
from assay_evaluation.application.find import dataset_to_read
from assay_evaluation.application.ports import Catalogue, Prompts, PromptVersion, UnitOfWork
from assay_evaluation.application.store_results import store_results
from assay_evaluation.domain.datasets import Dataset, DatasetItem
from assay_evaluation.domain.errors import PromptNotFound, UnknownModel
from assay_evaluation.domain.events import RunCreated, tasks_of
from assay_evaluation.domain.runs import (
    ItemResult,
    NewRun,
    Progress,
    Run,
    RunItem,
    RunStatus,
    Summary,
    Totals,
    check_expected,
    missing_variables_reason,
    visibility_over,
)

MAX_SETS: Final = 1_000
"""Sets of values in one request to render, as the prompt service's contract has it."""
MAX_RENDER_BYTES: Final = 4 * 1024 * 1024
"""Estimated size of one request or answer; a message may have 16 MiB."""


@dataclass(frozen=True, slots=True)
class CreateRun:
    """Queue a run of one prompt version over one dataset version.

    The prompt is rendered now, so that a run never changes under way. Items without values for all variables are
    recorded as unmeasured at once.
    """

    uow: UnitOfWork
    prompts: Prompts
    catalogue: Catalogue
    clock: Clock
    items_per_task: int

    async def __call__(self, caller: Principal, wanted: NewRun) -> Run:
        """Raises MalformedRun, EvaluatorConfigInvalid, UnknownModel, DatasetNotFound, DatasetVersionNotFound,
        DatasetEmpty, ExpectedAnswersMissing, PromptNotFound, and what the prompt service refuses.
        """
        wanted.check()
        await self._check_model(wanted.model)
        async with dataset_to_read(self.uow, caller, wanted.dataset) as (tx, dataset):
            dataset_version = dataset.version_number(wanted.dataset_version)
            items = await tx.datasets.items(dataset, dataset_version, limit=None)
        check_expected(wanted.evaluators, items)
        prompt = await self.prompts.resolve(wanted.prompt, wanted.label, wanted.version)
        if not caller.may_touch_prompt(str(prompt.prompt_id), prompt.prompt_name):
            raise PromptNotFound(f"there is no prompt {wanted.prompt!r}", prompt=wanted.prompt)
        rendered = await self._rendered(prompt, items)
        return await self._queue(caller, self._run(wanted, prompt, dataset, dataset_version, caller, items), rendered)

    async def _check_model(self, name: str) -> None:
        if name not in self.catalogue:
            known = ", ".join(model.name for model in await self.catalogue.models()) or "none"
            raise UnknownModel(
                f"there is no model {name!r}", Violation("model", f"must be one of the catalogue: {known}")
            )

    async def _rendered(self, prompt: PromptVersion, items: Sequence[DatasetItem]) -> list[RunItem]:
        rendered = []
        for part in _parts(items, prompt.content_bytes):
            renderings = await self.prompts.render(prompt, [item.inputs for item in part])
            rendered += [
                RunItem(item.id, item.index, item.expected, rendering.messages, rendering.missing_variables)
                for item, rendering in zip(part, renderings, strict=True)
            ]
        return rendered

    def _run(
        self,
        wanted: NewRun,
        prompt: PromptVersion,
        dataset: Dataset,
        dataset_version: int,
        caller: Principal,
        items: Sequence[DatasetItem],
    ) -> Run:
        return Run(
            id=new_id(),
            prompt_id=prompt.prompt_id,
            prompt_name=prompt.prompt_name,
            prompt_version=prompt.number,
            dataset_id=dataset.id,
            dataset_name=dataset.name,
            dataset_version=dataset_version,
            model=wanted.model,
            parameters=wanted.parameters,
            evaluators=wanted.evaluators,
            status=RunStatus.QUEUED,
            progress=Progress(len(items)),
            summaries=tuple(
                Summary(evaluator.name, passed=0 if evaluator.kind.is_pass_fail else None)
                for evaluator in wanted.evaluators
            ),
            totals=Totals(),
            created_at=self.clock(),
            created_by=caller.acts_for,
            visibility=visibility_over(prompt.visibility, dataset.visibility),
        )

    async def _queue(self, caller: Principal, run: Run, items: Sequence[RunItem]) -> Run:
        at = self.clock()
        unmeasurable = [
            ItemResult.unmeasured(item.index, missing_variables_reason(item.missing_variables), at=at)
            for item in items
            if item.missing_variables
        ]
        waiting = [item.index for item in items if not item.missing_variables]
        async with self.uow(caller.tenant) as tx:
            await tx.runs.add(run, items)
            await tx.announce([RunCreated(run), *tasks_of(run.id, waiting, self.items_per_task)])
            return await store_results(tx, run.id, unmeasurable, at=at) if unmeasurable else run


def _parts(items: Sequence[DatasetItem], content_bytes: int) -> Iterator[list[DatasetItem]]:
    """Cut the items so that requests and answers stay below the limits of a message."""
    part: list[DatasetItem] = []
    size = 0
    for item in items:
        weight = content_bytes + 2 * len(str(item.inputs))
        if part and (len(part) == MAX_SETS or size + weight > MAX_RENDER_BYTES):
            yield part
            part, size = [], 0
        part.append(item)
        size += weight
    if part:
        yield part
