"""What somebody may do to a prompt: the policy of `assay_common.visibility`, and the limits of an API key."""

from __future__ import annotations

from assay_common.identity import Principal
from assay_common.visibility import Action, Visibility, may, may_show, relations_of
from assay_prompt.domain.errors import PromptOutsideKey, PromptReadOnly, VisibilityNotAllowed
from assay_prompt.domain.prompt import Prompt


def is_visible(prompt: Prompt, caller: Principal) -> bool:
    """Whether the caller may know that the prompt exists, and read it."""
    names = [str(prompt.id)]
    if prompt.org_id == caller.org_id:  # a key's names are names of its own organisation
        names.append(prompt.name)
    return caller.may_touch_prompt(*names) and _may(prompt, caller, Action.READ)


def ensure_may_create(prompt: Prompt, caller: Principal) -> None:
    """Whether the caller may create this prompt, which is as if they shared a private one.

    Raises:
        PromptOutsideKey: the caller's key is limited to other names.
        VisibilityNotAllowed: the caller may not show it so widely.
    """
    if not caller.may_touch_prompt(prompt.name):
        raise PromptOutsideKey(f"this API key is limited to other prompts than {prompt.name!r}", prompt=prompt.name)
    _ensure_may_show(prompt, caller, Visibility.PRIVATE, prompt.visibility)


def ensure_may_change(prompt: Prompt, caller: Principal) -> None:
    """Whether the caller may add to the prompt and change it. Raises PromptReadOnly."""
    if not _may(prompt, caller, Action.WRITE):
        message = f"{prompt.name} can be read, and not changed: it is {prompt.visibility.value}"
        raise PromptReadOnly(message, prompt=str(prompt.id), visibility=prompt.visibility.value)


def ensure_may_update(
    prompt: Prompt, caller: Principal, *, description: str | None, visibility: Visibility | None
) -> None:
    """Whether the caller may give the prompt this description and this visibility (None = as it is).

    Raises:
        PromptReadOnly: the caller may not change it.
        VisibilityNotAllowed: the caller may not show it so widely, or so narrowly.
    """
    then = visibility or prompt.visibility
    if description is not None or then is prompt.visibility:
        ensure_may_change(prompt, caller)
    _ensure_may_show(prompt, caller, prompt.visibility, then)


def _ensure_may_show(prompt: Prompt, caller: Principal, now: Visibility, then: Visibility) -> None:
    if not may_show(relations_of(caller, prompt.org_id, prompt.created_by), now, then):
        message = f"you may not make {prompt.name} {then.value}; ask an owner or administrator of the organisation"
        raise VisibilityNotAllowed(message, prompt=prompt.name, visibility=then.value)


def _may(prompt: Prompt, caller: Principal, action: Action) -> bool:
    return may(relations_of(caller, prompt.org_id, prompt.created_by), action, prompt.visibility)
