"""The short form of the drill: the database is lost under load, and what is restored fits together."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.drills.backup import Drill

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]


def test_a_lost_database_comes_back_within_the_promise(make_site):
    told = []
    drill = Drill(make_site().folder, seconds=8, archive_seconds=3, tell=told.append)
    with ThreadPoolExecutor(1) as thread:
        report = thread.submit(asyncio.run, drill.run()).result()
    assert report.problems == [], told
    assert report.answered_writes > report.lost_writes
    assert report.rewound_messages > 0
    assert report.recovery_point_seconds < 600
    assert report.recovery_time_seconds < 600
