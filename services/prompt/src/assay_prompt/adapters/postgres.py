"""Prompts on PostgreSQL: state and events in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from google.protobuf import json_format

from assay_common.postgres import events
from assay_common.postgres.unit_of_work import TenantTransaction
from assay_prompt.application.ports import HistoryEntry
from assay_prompt.domain.content import Content
from assay_prompt.domain.errors import PromptNameTaken, PromptNotFound, VersionNotFound
from assay_prompt.domain.prompt import Label, LabelMoved, LabelRemoved, Prompt, Version, VersionPublished
from assay_prompt.messages import event_message
from assay_protos import topics

_PROMPTS = """
    SELECT prompts.*, coalesce(
        (SELECT jsonb_agg(jsonb_build_object('name', name, 'version', version, 'updated_at', updated_at) ORDER BY name)
         FROM labels WHERE prompt_id = prompts.id), '[]') AS labels
    FROM prompts
"""
_PAGE = f"""{_PROMPTS}
    WHERE starts_with(name, $1) AND ($2::uuid IS NULL OR id < $2)
    ORDER BY id DESC
    LIMIT $3
"""
_VERSIONS = """
    SELECT versions.*, coalesce(
        (SELECT array_agg(name ORDER BY name) FROM labels
         WHERE labels.prompt_id = versions.prompt_id AND labels.version = versions.number), '{}') AS labels
    FROM versions
"""
_ADD = """
    INSERT INTO prompts (id, org_id, name, description, latest_version, latest_hash, revision, created_at, created_by,
                         updated_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
    ON CONFLICT (org_id, name) DO NOTHING
"""
_UPDATE = "UPDATE prompts SET latest_version = $2, latest_hash = $3, revision = $4, updated_at = $5 WHERE id = $1"
_ADD_VERSION = """
    INSERT INTO versions (org_id, prompt_id, number, content, content_hash, commit_message, variables, created_at,
                          created_by)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
_SET_LABEL = """
    INSERT INTO labels (org_id, prompt_id, name, version, updated_at) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (prompt_id, name) DO UPDATE SET version = excluded.version, updated_at = excluded.updated_at
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
            prompt.latest_version,
            prompt.latest_hash,
            len(prompt.changes),
            prompt.created_at,
            prompt.created_by,
            prompt.updated_at,
        )
        if outcome == "INSERT 0 0":
            raise PromptNameTaken(f"there is a prompt named {prompt.name!r} already", name=prompt.name)
        await self._record_changes(prompt)

    async def get(self, reference: str, *, for_update: bool = False) -> Prompt:
        """The prompt of this id or name. Raises PromptNotFound."""
        by, value = _id_or_name(reference)
        if for_update:
            # Locked first and read after: a read of before the lock would miss what its holder just wrote.
            await self._connection.execute(f"SELECT FROM prompts WHERE {by} = $1 FOR UPDATE", value)
        row = await self._connection.fetchrow(f"{_PROMPTS} WHERE {by} = $1", value)
        if row is None:
            raise PromptNotFound(f"there is no prompt {reference!r}", prompt=reference)
        return _prompt(row)

    async def save(self, prompt: Prompt) -> None:
        """Store what changed, with its events; nothing when nothing did."""
        if not prompt.changes:
            return
        for change in prompt.changes:
            match change:
                case VersionPublished(version):
                    await self._add_version(version)
                case LabelMoved(label):
                    values = (self._org_id, prompt.id, label.name, label.version, label.updated_at)
                    await self._connection.execute(_SET_LABEL, *values)
                case LabelRemoved():
                    delete = "DELETE FROM labels WHERE prompt_id = $1 AND name = $2"
                    await self._connection.execute(delete, prompt.id, change.label)
        revision = prompt.revision + len(prompt.changes)
        await self._connection.execute(
            _UPDATE, prompt.id, prompt.latest_version, prompt.latest_hash, revision, prompt.updated_at
        )
        await self._record_changes(prompt)

    async def page(self, *, name_prefix: str, after: UUID | None, limit: int) -> Sequence[Prompt]:
        """Prompts newest first, beginning after the id given."""
        return [_prompt(row) for row in await self._connection.fetch(_PAGE, name_prefix, after, limit)]

    async def version(self, prompt: Prompt, number: int) -> Version:
        """One version with its labels. Raises VersionNotFound."""
        where = f"{_VERSIONS} WHERE prompt_id = $1 AND number = $2"
        row = await self._connection.fetchrow(where, prompt.id, number)
        if row is None:
            message = f"{prompt.name} has no version {number}"
            raise VersionNotFound(message, prompt=prompt.name, version=str(number))
        return _version(prompt, row)

    async def versions(self, prompt: Prompt, *, below: int | None, limit: int) -> Sequence[Version]:
        """Versions newest first, with numbers below the one given."""
        where = f"{_VERSIONS} WHERE prompt_id = $1 AND ($2::int IS NULL OR number < $2) ORDER BY number DESC LIMIT $3"
        return [_version(prompt, row) for row in await self._connection.fetch(where, prompt.id, below, limit)]

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
                    aggregate_version=prompt.revision + place,
                )
                for place, change in enumerate(prompt.changes, start=1)
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


def _id_or_name(reference: str) -> tuple[str, Any]:
    try:
        return "id", UUID(reference)
    except ValueError:
        return "name", reference


def _prompt(row: asyncpg.Record) -> Prompt:
    return Prompt(
        id=row["id"],
        name=row["name"],
        description=row["description"],
        created_at=row["created_at"],
        created_by=row["created_by"],
        updated_at=row["updated_at"],
        latest_version=row["latest_version"],
        latest_hash=row["latest_hash"],
        labels={label["name"]: _label(label) for label in row["labels"]},
        revision=row["revision"],
    )


def _label(stored: dict[str, Any]) -> Label:
    return Label(stored["name"], stored["version"], datetime.fromisoformat(stored["updated_at"]))


def _version(prompt: Prompt, row: asyncpg.Record) -> Version:
    return Version(
        prompt_id=prompt.id,
        prompt_name=prompt.name,
        number=row["number"],
        content=Content.from_json(row["content"]),
        content_hash=row["content_hash"],
        commit_message=row["commit_message"],
        variables=tuple(row["variables"]),
        created_at=row["created_at"],
        created_by=row["created_by"],
        labels=tuple(row["labels"]),
    )
