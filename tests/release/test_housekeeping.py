"""What each service's schema lets go, and what it keeps for ever."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from types import ModuleType
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

import assay_analytics.bootstrap
import assay_audit.bootstrap
import assay_auth.bootstrap
import assay_evaluation.bootstrap
import assay_prompt.bootstrap
from assay_common.postgres.housekeeping import (
    Expendable,
    Housekeeper,
    forgotten_attempts,
    handled_events,
    published_events,
)
from assay_common.postgres.migrations import migrate
from assay_common.postgres.pool import pool
from assay_common.settings import DatabaseSettings, HousekeepingSettings

SETTINGS = HousekeepingSettings()
INBOX, ATTEMPTS, EVENTS = handled_events(SETTINGS), forgotten_attempts(SETTINGS), published_events(SETTINGS)
ANALYSES = Expendable("analyses", "created_at < $1", timedelta(days=90))

_OLD_INBOX = "INSERT INTO {}.inbox (consumer, event_id, received_at) VALUES ('c', $1, now() - interval '1 year')"
_OLD_ATTEMPT = "INSERT INTO {}.attempts (event_id, worker, began_at) VALUES ($1, $1, now() - interval '1 year')"
_OLD_EVENT = """
    INSERT INTO {}.events (id, org_id, topic, key, aggregate_type, aggregate_id, type, payload, published_at)
    VALUES ($1, $1, 't', 'k', 'a', $1, 'x', '', now() - interval '1 year')
"""
_OLD_ANALYSIS = """
    INSERT INTO {}.analyses (org_id, engine, engine_version, config, content, result, created_at)
    VALUES ($1, 'e', '1', 'c', 'x', '{{}}', now() - interval '1 year')
"""


@pytest.mark.parametrize(
    ("service", "goes", "stays"),
    [
        (assay_analytics.bootstrap, {INBOX: _OLD_INBOX}, {}),
        (assay_auth.bootstrap, {INBOX: _OLD_INBOX}, {EVENTS: _OLD_EVENT}),
        (assay_prompt.bootstrap, {INBOX: _OLD_INBOX}, {EVENTS: _OLD_EVENT}),
        (assay_evaluation.bootstrap, {INBOX: _OLD_INBOX, ATTEMPTS: _OLD_ATTEMPT, EVENTS: _OLD_EVENT}, {}),
        (
            assay_audit.bootstrap,
            {INBOX: _OLD_INBOX, ATTEMPTS: _OLD_ATTEMPT, EVENTS: _OLD_EVENT, ANALYSES: _OLD_ANALYSIS},
            {},
        ),
    ],
    ids=["analytics", "auth", "prompt", "evaluation", "audit"],
)
async def test_a_schema_lets_go_of_what_may_go_and_of_nothing_else(
    make_database: Any, service: ModuleType, goes: dict[Expendable, str], stays: dict[Expendable, str]
) -> None:
    """As the service itself does it: with its own login."""
    schema = service.SCHEMA
    made = await make_database(schema, logins=(f"assay_{schema}",))
    settings = DatabaseSettings(url=made.logins[f"assay_{schema}"], migration_url=made.owner_url)
    await asyncio.to_thread(migrate, settings, schema, service.MIGRATIONS)
    owner = await asyncpg.connect(settings.owner_url.get_secret_value())
    for statement in (goes | stays).values():
        await owner.execute(statement.format(schema), uuid4())
    async with pool(settings, schema) as connections:
        assert await Housekeeper(connections, schema, list(goes)).clean(asyncio.Event()) == len(goes)
        for kept in stays:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await Housekeeper(connections, schema, [kept]).clean(asyncio.Event())
    await owner.close()
