"""What must not be noticed by those who use the suite meanwhile: upgrades, roll-backs, and pods that go."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from tests.cluster.conftest import ADMIN, MakeRelease
from tests.cluster.kube import Object, eventually
from tests.cluster.release import Release, Traffic

STEADY = {"rate": 100, "work_seconds": 6, "model": "small", "email": ADMIN}
BEFORE_AND_AFTER_SECONDS = 10


@pytest.fixture(scope="module")
def busy(make_release: MakeRelease) -> Iterator[Release]:
    """A release of one's own with two pods of everything."""
    with make_release(defaults={"replicas": 2}) as release:
        release.install()
        yield release


def test_an_upgrade_and_a_roll_back_fail_no_request_and_lose_no_task(
    busy: Release, image_tags: tuple[str, str]
) -> None:
    with Traffic(busy, "upgrade", {**STEADY, "attempts": 1}) as traffic:
        time.sleep(BEFORE_AND_AFTER_SECONDS)
        busy.upgrade(image={**busy.values["image"], "tag": image_tags[1]})
        assert images_of(busy) == {image_tags[1]}
        busy.roll_back()
        assert images_of(busy) == {image_tags[0]}
        time.sleep(BEFORE_AND_AFTER_SECONDS)
        summary = traffic.end()
    assert summary["failed"] == 0, summary
    assert_all_work_was_done(summary)
    assert summary["requests"] > 60 * STEADY["rate"], "the load was less than it should be"


def test_every_pod_deleted_in_turn_costs_at_most_a_retry(busy: Release) -> None:
    with Traffic(busy, "deletions", {**STEADY, "attempts": 4}) as traffic:
        for pod in busy.pods():
            busy.kubectl("delete", "pod", pod["metadata"]["name"], "--wait=false")
            eventually("its component is whole again", partial(missing_beside, busy, pod), (0).__eq__, 180)
        summary = traffic.end()
    assert summary["failed"] == 0, summary
    assert summary["retried"] < summary["requests"] / 100, summary
    assert_all_work_was_done(summary)


def assert_all_work_was_done(summary: dict[str, Any]) -> None:
    """Every run measured all its items, every audit was completed, and there were some."""
    for kind in ("runs", "audits"):
        assert set(summary[kind]) == {"completed"}, summary
        assert summary[kind]["completed"] >= 5, summary


def images_of(release: Release) -> set[str]:
    """The tags that the pods of the release run."""
    return {pod["spec"]["containers"][0]["image"].rpartition(":")[2] for pod in release.pods()}


def missing_beside(release: Release, gone: Object) -> int:
    """How many more pods of its component should be ready, beside the one that goes."""
    component = gone["metadata"]["labels"]["app.kubernetes.io/component"]
    ready = [
        pod
        for pod in release.pods(component)
        if pod["metadata"]["uid"] != gone["metadata"]["uid"]
        and any(each["type"] == "Ready" and each["status"] == "True" for each in pod["status"].get("conditions", []))
    ]
    return int(release.values["defaults"]["replicas"]) - len(ready)
