"""What somebody may do to datasets and runs: the policy of `assay_common.visibility`, and the limits of an API key."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from assay_common.identity import Principal
from assay_common.visibility import Action, Visibility, may, may_show, relations_of
from assay_evaluation.domain.datasets import Dataset
from assay_evaluation.domain.errors import DatasetReadOnly, PromptReadOnly, RunReadOnly, VisibilityNotAllowed
from assay_evaluation.domain.runs import Run


@dataclass(frozen=True, slots=True)
class SharedPrompt:
    """What decides who may change a prompt, which the service of prompts keeps."""

    id: UUID
    name: str
    org_id: UUID
    created_by: UUID
    visibility: Visibility


def is_visible(dataset: Dataset, caller: Principal) -> bool:
    """Whether the caller may know that the dataset exists, and read it."""
    return may(relations_of(caller, dataset.org_id, dataset.created_by), Action.READ, dataset.visibility)


def ensure_may_change(dataset: Dataset, caller: Principal) -> None:
    """Whether the caller may add to the dataset and change it. Raises DatasetReadOnly."""
    if not may(relations_of(caller, dataset.org_id, dataset.created_by), Action.WRITE, dataset.visibility):
        message = f"{dataset.name} can be read, and not changed: it is {dataset.visibility.value}"
        raise DatasetReadOnly(message, dataset=str(dataset.id), visibility=dataset.visibility.value)


def ensure_may_create(dataset: Dataset, caller: Principal) -> None:
    """Whether the caller may create this dataset: as if they shared a private one. Raises VisibilityNotAllowed."""
    _ensure_may_show(dataset, caller, Visibility.PRIVATE, dataset.visibility)


def ensure_may_update(
    dataset: Dataset, caller: Principal, *, description: str | None, visibility: Visibility | None
) -> None:
    """Whether the caller may give the dataset this description and this visibility; None = as they are.

    Raises:
        DatasetReadOnly: the caller may not change it.
        VisibilityNotAllowed: the caller may not show it so widely, or to so few.
    """
    shown_anew = visibility is not None and visibility is not dataset.visibility
    if description is not None or not shown_anew:
        ensure_may_change(dataset, caller)
    _ensure_may_show(dataset, caller, dataset.visibility, visibility or dataset.visibility)


def _ensure_may_show(dataset: Dataset, caller: Principal, now: Visibility, then: Visibility) -> None:
    if not may_show(relations_of(caller, dataset.org_id, dataset.created_by), now, then):
        message = f"you may not make {dataset.name} {then.value}; ask an owner or administrator of the organisation"
        raise VisibilityNotAllowed(message, dataset=dataset.name, visibility=then.value)


def private_to(*things: Dataset | Run, by: UUID | None = None) -> UUID | None:
    """Who may be told of what `by` makes of these things, beside owners and administrators; None = everybody.

    Of things that are private to two, nobody but owners and administrators could make anything.
    """
    creators = {thing.created_by for thing in things if thing.visibility is Visibility.PRIVATE}
    return by if len(creators) > 1 else next(iter(creators), None)


def is_run_visible(run: Run, caller: Principal) -> bool:
    """Whether the caller may know that a run of their organisation exists, and read it and its results."""
    return caller.may_touch_prompt(str(run.prompt_id), run.prompt_name) and _may(run, caller, Action.READ)


def ensure_may_change_run(run: Run, caller: Principal) -> None:
    """Whether the caller may stop a run of their organisation. Raises RunReadOnly."""
    if not _may(run, caller, Action.WRITE):
        raise RunReadOnly(f"run {run.id} can be read, and not changed", run=str(run.id))


def ensure_may_move_label(prompt: SharedPrompt, caller: Principal) -> None:
    """Whether the caller may let a gate move a label of the prompt: as if they moved it. Raises PromptReadOnly."""
    if not may(relations_of(caller, prompt.org_id, prompt.created_by), Action.WRITE, prompt.visibility):
        message = f"{prompt.name} can be read, and not changed: it is {prompt.visibility.value}"
        raise PromptReadOnly(message, prompt=str(prompt.id), visibility=prompt.visibility.value)


def _may(run: Run, caller: Principal, action: Action) -> bool:
    return may(relations_of(caller, caller.tenant, run.created_by), action, run.visibility)
