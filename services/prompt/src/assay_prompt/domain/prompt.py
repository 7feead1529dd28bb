"""The prompt: a name, immutable versions numbered 1, 2, 3 …, and labels that point at them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from assay_common.batches import id_in
from assay_common.errors import Violation
from assay_common.visibility import Visibility
from assay_prompt.domain.content import Content
from assay_prompt.domain.errors import ContentUnchanged, LabelNotFound, MalformedPrompt, VersionNotFound

MAX_DESCRIPTION = 2_000
MAX_COMMIT_MESSAGE = 2_000
RESERVED_LABELS = frozenset({"latest"})

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
_LABEL = re.compile(r"[a-z0-9][a-z0-9._-]{0,49}")


@dataclass(frozen=True, slots=True)
class Version:
    """One immutable version."""

    prompt_id: UUID
    prompt_name: str
    number: int
    content: Content
    content_hash: str
    commit_message: str
    variables: tuple[str, ...]
    created_at: datetime
    created_by: UUID
    visibility: Visibility
    """The prompt's."""
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Label:
    """A name that points at a version."""

    name: str
    version: int
    updated_at: datetime
    revision: int
    """The prompt's revision that this is from; a label that comes back later never has an old one again."""

    @property
    def etag(self) -> str:
        """Changes whenever the label points elsewhere."""
        return str(self.revision)


@dataclass(frozen=True, slots=True)
class PromptCreated:
    """The prompt came to be."""

    name: str
    description: str
    visibility: Visibility


@dataclass(frozen=True, slots=True)
class VersionPublished:
    """A version was appended."""

    version: Version


@dataclass(frozen=True, slots=True)
class LabelMoved:
    """A label points at a version; `previous_version` is 0 for a new label."""

    label: Label
    previous_version: int
    gate_decision_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class LabelRemoved:
    """A label was taken away from a version."""

    label: str
    version: int


@dataclass(frozen=True, slots=True)
class PromptUpdated:
    """The prompt has another description or visibility; both as they are now."""

    description: str
    visibility: Visibility


Event = PromptCreated | VersionPublished | LabelMoved | LabelRemoved | PromptUpdated


@dataclass(slots=True)
class Prompt:
    """The aggregate. Its changes collect as events until they are saved."""

    id: UUID
    org_id: UUID
    name: str
    description: str
    visibility: Visibility
    created_at: datetime
    created_by: UUID
    """The person or service account; one who used an API key, not the key."""
    updated_at: datetime
    latest_version: int = 0
    latest_hash: str | None = None
    labels: dict[str, Label] = field(default_factory=dict)
    revision: int = 0
    """Number of events that made it what it is, those that are not saved yet included."""
    changes: list[Event] = field(default_factory=list)

    @property
    def etag(self) -> str:
        """Changes with everything that changes the prompt."""
        return str(self.revision)

    @classmethod
    def create(
        cls,
        prompt_id: UUID,
        org_id: UUID,
        name: str,
        description: str,
        *,
        visibility: Visibility = Visibility.ORGANISATION,
        by: UUID,
        at: datetime,
    ) -> Prompt:
        """A new prompt without versions.

        Raises:
            MalformedPrompt: the name or the description breaks its form.
        """
        problems = []
        if not _NAME.fullmatch(name):
            problems.append(_form("name", 100))
        if id_in(name) is not None:
            problems.append(Violation("name", "looks like an id; choose a name that does not"))
        problems += _too_long(description)
        if problems:
            raise MalformedPrompt("the prompt cannot be created", *problems)
        prompt = cls(prompt_id, org_id, name, description, visibility, created_at=at, created_by=by, updated_at=at)
        prompt._happened(PromptCreated(name, description, visibility), at)
        return prompt

    def update(self, *, description: str | None, visibility: Visibility | None, at: datetime) -> None:
        """Give it another description or visibility; None, and what it has already, changes nothing.

        Raises:
            MalformedPrompt: the description is too long.
        """
        description = self.description if description is None else description
        visibility = visibility or self.visibility
        if problems := _too_long(description):
            raise MalformedPrompt("the prompt cannot be changed", *problems)
        if (description, visibility) == (self.description, self.visibility):
            return
        self.description, self.visibility = description, visibility
        self._happened(PromptUpdated(description, visibility), at)

    def publish(self, content: Content, commit_message: str, *, by: UUID, at: datetime) -> Version:
        """Append a version.

        Raises:
            ContentUnchanged: the newest version has this content.
            MalformedPrompt: the commit message is too long.
        """
        if len(commit_message) > MAX_COMMIT_MESSAGE:
            problem = Violation("commit_message", f"longer than {MAX_COMMIT_MESSAGE} characters")
            raise MalformedPrompt("the version cannot be published", problem)
        content_hash = content.hash()
        if content_hash == self.latest_hash:
            number = str(self.latest_version)
            raise ContentUnchanged(f"version {number} of {self.name} has exactly this content", version=number)
        version = Version(
            prompt_id=self.id,
            prompt_name=self.name,
            number=self.latest_version + 1,
            content=content,
            content_hash=content_hash,
            commit_message=commit_message,
            variables=content.variables(),
            created_at=at,
            created_by=by,
            visibility=self.visibility,
        )
        self.latest_version, self.latest_hash = version.number, content_hash
        self._happened(VersionPublished(version), at)
        return version

    def set_label(self, name: str, version: int, *, at: datetime, gate_decision_id: UUID | None = None) -> Label:
        """Point a label at a version; pointing it where it points already changes nothing.

        Raises:
            MalformedPrompt: the label's name breaks its form or is reserved.
            VersionNotFound: the prompt has no such version.
        """
        if not _LABEL.fullmatch(name):
            raise MalformedPrompt("the label cannot be set", _form("label", 50))
        if name in RESERVED_LABELS:
            raise MalformedPrompt("the label cannot be set", Violation("label", f"{name!r} is reserved"))
        if not 1 <= version <= self.latest_version:
            raise VersionNotFound(f"{self.name} has no version {version}", prompt=self.name, version=str(version))
        current = self.labels.get(name)
        if current and current.version == version:
            return current
        label = Label(name, version, at, revision=self.revision + 1)
        self.labels[name] = label
        self._happened(LabelMoved(label, current.version if current else 0, gate_decision_id), at)
        return label

    def label(self, name: str) -> Label:
        """A label by name. Raises LabelNotFound."""
        label = self.labels.get(name)
        if label is None:
            message = f"{self.name} has no label {name!r}"
            raise LabelNotFound(message, prompt=self.name, label=name)
        return label

    def remove_label(self, name: str, *, at: datetime) -> None:
        """Take a label away.

        Raises:
            LabelNotFound: there is no such label.
        """
        label = self.label(name)
        del self.labels[name]
        self._happened(LabelRemoved(name, label.version), at)

    def _happened(self, event: Event, at: datetime) -> None:
        self.changes.append(event)
        self.revision += 1
        self.updated_at = at


def _too_long(description: str) -> list[Violation]:
    if len(description) <= MAX_DESCRIPTION:
        return []
    return [Violation("description", f"longer than {MAX_DESCRIPTION} characters")]


def _form(field_name: str, length: int) -> Violation:
    return Violation(
        field_name,
        f"1 to {length} lower-case letters, digits, '-', '_' and '.', beginning with a letter or a digit",
    )
