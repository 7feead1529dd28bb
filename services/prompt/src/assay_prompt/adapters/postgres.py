"""Prompts on PostgreSQL: state and events in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from google.protobuf import json_format

from assay_common.batches import id_in
from assay_common.identity import Principal
from assay_common.postgres import events
from assay_common.postgres.unit_of_work import TenantTransaction
from assay_common.postgres.visible import Visible
from assay_common.visibility import Visibility
from assay_prompt.application.ports import HistoryEntry, VersionName
from assay_prompt.domain.content import Content
from assay_prompt.domain.errors import PromptNameTaken, VersionNotFound
from assay_prompt.domain.prompt import Label, LabelMoved, LabelRemoved, Prompt, Version, VersionPublished
from assay_prompt.messages import event_message
from assay_protos import topics

_PROMPTS = """
    SELECT prompts.*, coalesce(
        (SELECT jsonb_agg(jsonb_build_object('name', name, 'version', version, 'updated_at', updated_at,
                                             'revision', revision) ORDER BY name)
         FROM labels WHERE prompt_id = prompts.id), '[]') AS labels
    FROM prompts
"""
_SEEN = f"""
    ({Visible.condition("prompts")})
    AND ($6::text[] IS NULL OR prompts.id::text = ANY ($6) OR prompts.org_id = $1 AND prompts.name = ANY ($6))
"""
"""What `_seen_by` gives the parameters of: `is_visible` of the domain, for many rows at once."""
_BY_ID = "prompts.id = $1"
_BY_NAME = "prompts.name = $1 AND prompts.org_id = $2"
# Lists and names say their organisation, though the transaction does too: its policy lets public rows pass as well, and
# a condition of "this or that" is one that no index serves.
_PAGE = f"""{_PROMPTS}
    WHERE prompts.org_id = $1 AND {_SEEN} AND starts_with(name, $7) AND ($8::uuid IS NULL OR id < $8)
    ORDER BY id DESC
    LIMIT $9
"""
_BATCH = f"{_PROMPTS} WHERE {_SEEN} AND id = ANY ($7::uuid[])"
_VERSIONS = """
    SELECT versions.*, prompts.name AS prompt_name, prompts.visibility, coalesce(
        (SELECT array_agg(name ORDER BY name) FROM labels
         WHERE labels.prompt_id = versions.prompt_id AND labels.version = versions.number), '{}') AS labels
    FROM versions JOIN prompts ON prompts.id = versions.prompt_id
"""
_NAMED = """
    SELECT named.id, CASE number WHEN 0 THEN named.latest_version ELSE number END
    FROM unnest($7::uuid[], $8::integer[]) AS names (prompt_id, number) JOIN prompts AS named ON named.id = prompt_id
"""
_VERSIONS_BATCH = f"{_VERSIONS} WHERE {_SEEN} AND (versions.prompt_id, versions.number) IN ({_NAMED})"
_ADD = """
    INSERT INTO prompts (id, org_id, name, description, visibility, latest_version, latest_hash, revision, created_at,
                         created_by, updated_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
    ON CONFLICT (org_id, name) DO NOTHING
"""
_UPDATE = """
    UPDATE prompts
    SET description = $2, visibility = $3, latest_version = $4, latest_hash = $5, revision = $6, updated_at = $7
    WHERE id = $1
"""
_ADD_VERSION = """
    INSERT INTO versions (org_id, prompt_id, number, content, content_hash, commit_message, variables, created_at,
                          created_by)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
_SET_LABEL = """
    INSERT INTO labels (org_id, prompt_id, name, version, updated_at, revision) VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (prompt_id, name) DO UPDATE
    SET version = excluded.version, updated_at = excluded.updated_at, revision = excluded.revision
"""


class PostgresPrompts:
    """The prompts of the transaction's organisation."""

    def __init__(self, tx: TenantTransaction, org_id: UUID) -> None:
        self._tx = tx
        self._org_id = org_id
        self._connection: asyncpg.Connection = tx.connection

    async def add(self, prompt: Prompt) -> None:
        """Store a new prompt with its events. Raises PromptNameTaken."""
        outcome = await self._connection.execute(
            _ADD,
            prompt.id,
            self._org_id,
            prompt.name,
            prompt.description,
            prompt.visibility,
            prompt.latest_version,
            prompt.latest_hash,
            prompt.revision,
            prompt.created_at,
            prompt.created_by,
            prompt.updated_at,
        )
        if outcome == "INSERT 0 0":
            raise PromptNameTaken(f"there is a prompt named {prompt.name!r} already", name=prompt.name)
        await self._record_changes(prompt)

    async def find(self, reference: str, *, for_update: bool = False) -> Prompt | None:
        """The prompt of this id or name, if there is one."""
        prompt_id = id_in(reference)
        by, values = (_BY_NAME, (reference, self._org_id)) if prompt_id is None else (_BY_ID, (prompt_id,))
        if for_update:
            # Locked first and read after: a read of before the lock would miss what its holder just wrote.
            await self._connection.execute(f"SELECT FROM prompts WHERE {by} FOR UPDATE", *values)
        row = await self._connection.fetchrow(f"{_PROMPTS} WHERE {by}", *values)
        return None if row is None else _prompt(row)

    async def save(self, prompt: Prompt) -> None:
        """Store what changed, with its events; nothing when nothing did."""
        if not prompt.changes:
            return
        for change in prompt.changes:
            match change:
                case VersionPublished(version):
                    await self._add_version(version)
                case LabelMoved(label):
                    values = (label.name, label.version, label.updated_at, label.revision)
                    await self._connection.execute(_SET_LABEL, self._org_id, prompt.id, *values)
                case LabelRemoved():
                    delete = "DELETE FROM labels WHERE prompt_id = $1 AND name = $2"
                    await self._connection.execute(delete, prompt.id, change.label)
        await self._connection.execute(
            _UPDATE,
            prompt.id,
            prompt.description,
            prompt.visibility,
            prompt.latest_version,
            prompt.latest_hash,
            prompt.revision,
            prompt.updated_at,
        )
        await self._record_changes(prompt)

    async def page(self, caller: Principal, *, name_prefix: str, after: UUID | None, limit: int) -> Sequence[Prompt]:
        """The prompts that the caller may see, newest first, beginning after the id given."""
        rows = await self._connection.fetch(_PAGE, *_seen_by(caller), name_prefix, after, limit)
        return [_prompt(row) for row in rows]

    async def batch(self, caller: Principal, ids: Sequence[UUID]) -> Sequence[Prompt]:
        """Those of the prompts that the caller may see."""
        return [_prompt(row) for row in await self._connection.fetch(_BATCH, *_seen_by(caller), ids)]

    async def versions_batch(self, caller: Principal, names: Sequence[VersionName]) -> Sequence[Version]:
        """Those of the versions that the caller may see."""
        prompts, numbers = [name.prompt_id for name in names], [name.number for name in names]
        rows = await self._connection.fetch(_VERSIONS_BATCH, *_seen_by(caller), prompts, numbers)
        return [_version(row) for row in rows]

    async def version(self, prompt: Prompt, number: int) -> Version:
        """One version with its labels. Raises VersionNotFound."""
        where = f"{_VERSIONS} WHERE prompt_id = $1 AND number = $2"
        row = await self._connection.fetchrow(where, prompt.id, number)
        if row is None:
            message = f"{prompt.name} has no version {number}"
            raise VersionNotFound(message, prompt=prompt.name, version=str(number))
        return _version(row)

    async def versions(self, prompt: Prompt, *, below: int | None, limit: int) -> Sequence[Version]:
        """Versions newest first, with numbers below the one given."""
        where = f"{_VERSIONS} WHERE prompt_id = $1 AND ($2::int IS NULL OR number < $2) ORDER BY number DESC LIMIT $3"
        return [_version(row) for row in await self._connection.fetch(where, prompt.id, below, limit)]

    async def history(self, prompt: Prompt, *, after: int, limit: int) -> Sequence[HistoryEntry]:
        """Events oldest first, with positions above the one given."""
        stored = await events.history(self._connection, prompt.id, after, limit)
        return [
            HistoryEntry(
                event_id=event.id,
                type=event.type,
                position=event.aggregate_version or 0,
                occurred_at=event.occurred_at,
                actor=event.actor,
                data=json_format.MessageToDict(event.message, preserving_proto_field_name=True),
            )
            for event in stored
        ]

    async def _add_version(self, version: Version) -> None:
        await self._connection.execute(
            _ADD_VERSION,
            self._org_id,
            version.prompt_id,
            version.number,
            version.content.as_json(),
            version.content_hash,
            version.commit_message,
            list(version.variables),
            version.created_at,
            version.created_by,
        )

    async def _record_changes(self, prompt: Prompt) -> None:
        await self._tx.record_all(
            [
                events.NewEvent(
                    topic=topics.PROMPT_EVENTS,
                    message=event_message(prompt, change),
                    org_id=self._org_id,
                    key=str(prompt.id),
                    aggregate_type="prompt",
                    aggregate_id=prompt.id,
                    aggregate_version=version,
                    private_to=prompt.created_by if prompt.visibility is Visibility.PRIVATE else None,
                )
                for version, change in enumerate(prompt.changes, start=prompt.revision - len(prompt.changes) + 1)
            ]
        )


class PostgresTransaction:
    """One transaction of one organisation."""

    def __init__(self, tx: TenantTransaction) -> None:
        if tx.org_id is None:
            raise ValueError("prompts are read and written for one organisation")
        self._tx = tx
        self.prompts = PostgresPrompts(tx, tx.org_id)

    async def first_delivery(self, consumer: str, event_id: UUID) -> bool:
        """Note that the event was handled; False when it had been before."""
        return await self._tx.first_delivery(consumer, event_id)


def _seen_by(caller: Principal) -> tuple[Any, ...]:
    """The first parameters of what is limited to `_SEEN`."""
    return (*Visible.to(caller).values, None if caller.prompts is None else list(caller.prompts))


def _prompt(row: asyncpg.Record) -> Prompt:
    return Prompt(
        id=row["id"],
        org_id=row["org_id"],
        name=row["name"],
        description=row["description"],
        visibility=Visibility(row["visibility"]),
        created_at=row["created_at"],
        created_by=row["created_by"],
        updated_at=row["updated_at"],
        latest_version=row["latest_version"],
        latest_hash=row["latest_hash"],
        labels={label["name"]: _label(label) for label in row["labels"]},
        revision=row["revision"],
    )


def _label(stored: dict[str, Any]) -> Label:
    updated_at = datetime.fromisoformat(stored["updated_at"])
    return Label(stored["name"], stored["version"], updated_at, stored["revision"])


def _version(row: asyncpg.Record) -> Version:
    return Version(
        prompt_id=row["prompt_id"],
        prompt_name=row["prompt_name"],
        number=row["number"],
        content=Content.from_json(row["content"]),
        content_hash=row["content_hash"],
        commit_message=row["commit_message"],
        variables=tuple(row["variables"]),
        created_at=row["created_at"],
        created_by=row["created_by"],
        visibility=Visibility(row["visibility"]),
        labels=tuple(row["labels"]),
    )
