"""An audit's engines run in an isolated Job: by a coordinator on this machine, and by the installed one."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any
from uuid import UUID, uuid4

import pytest
import yaml
from tests.cluster.conftest import MANIFEST
from tests.cluster.kube import Cluster, CommandFailed, Object, eventually, run
from tests.cluster.release import CHART, Release

from assay_audit.adapters.engines.runner import EngineProcesses, EngineRunner
from assay_audit.adapters.git.command import Git
from assay_audit.adapters.git.mirror import GitMirror
from assay_audit.adapters.jobs.certificate import Certificate
from assay_audit.adapters.jobs.cluster import KubernetesJobs
from assay_audit.adapters.jobs.engine_jobs import EngineJobs, Patience
from assay_audit.adapters.jobs.exchange import Exchange, Orders
from assay_audit.adapters.jobs.manifest import Owner
from assay_audit.adapters.processes import Limits
from assay_audit.adapters.scratch import ScratchFolders
from assay_audit.application.audits.integrity import BANDIT, SECRETS
from assay_audit.application.audits.servant import LIZARD
from assay_audit.application.audits.snapshot import TEXT
from assay_audit.application.audits.strict import RUFF, VULTURE
from assay_audit.application.audits.tdd import TESTS
from assay_audit.domain.errors import EngineFailed
from assay_audit.domain.files import Inventory, take_inventory
from assay_common.errors import Unavailable
from assay_testing.api import Api
from assay_testing.repositories import bundle, repository

GIB = 1024**3
FILES = {
    "shop/__init__.py": '"""A shop."""\n',
    "shop/cart.py": "import os\nimport subprocess\n\nsubprocess.call('ls', shell=True)\nprint(undefined)\n",
    "tests/test_cart.py": "from shop import cart\n\n\ndef test_total():\n    assert cart\n",
}
SLOW = {f"{number}.py": "def f(a):\n    return [x for x in a if x]\n\n\n" * 8_000 for number in range(4)}
"""Some seconds of work for vulture."""
MakeJobs = Callable[..., AbstractAsyncContextManager[EngineJobs]]


@dataclass(frozen=True)
class Place:
    """A restricted namespace with what the chart makes for Jobs, and the Job of which coordinators are told."""

    cluster: Cluster
    namespace: str
    template: Object

    def jobs(self, audit: UUID) -> list[Object]:
        """The Jobs of an audit run."""
        return self._of("jobs", audit)

    def pods(self, audit: UUID) -> list[Object]:
        """Their pods."""
        return self._of("pods", audit)

    def at_work(self, audit: UUID, but: str = "") -> str:
        """The audit's running pod, but for the one given."""
        return str(
            eventually(
                "a pod is at work",
                lambda: [
                    pod["metadata"]["name"]
                    for pod in self.pods(audit)
                    if pod["status"]["phase"] == "Running" and pod["metadata"]["name"] != but
                ],
                bool,
                120,
            )[0]
        )

    def _of(self, kind: str, audit: UUID) -> list[Object]:
        selector = f"--selector=assay/audit={audit}"
        found: list[Object] = self.cluster.get(f"--namespace={self.namespace}", kind, selector)["items"]
        return found


@pytest.fixture(scope="module")
def place(cluster: Cluster, image_tags: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A namespace for this module."""
    with cluster.namespace(f"assay-jobs-{token_hex(3)}", MANIFEST) as namespace:
        file = tmp_path_factory.mktemp("values") / "values.yaml"
        small = {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "1Gi"}}
        file.write_text(yaml.safe_dump({"image": {"tag": image_tags[0]}, "auditJobs": {"resources": small}}))
        values = [f"--values={each}" for each in (CHART / "examples" / "minimal.yaml", file)]
        rendered = run([cluster.helm, "template", "assay", str(CHART), f"--namespace={namespace}", *values], timeout=60)
        objects = [each for each in yaml.safe_load_all(rendered) if each]
        cluster.apply(*(each for each in objects if each["kind"] == "ServiceAccount"))
        (worker,) = (
            each
            for each in objects
            if each["kind"] == "Deployment" and each["metadata"]["name"] == "assay-audit-worker"
        )
        variables = worker["spec"]["template"]["spec"]["containers"][0]["env"]
        (template,) = (each["value"] for each in variables if each["name"] == "ASSAY_JOBS__TEMPLATE")
        yield Place(cluster, namespace, json.loads(template))


@pytest.fixture
async def make_jobs(place: Place, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[MakeJobs]:
    """Engines in Jobs, coordinated from here."""
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)

    @asynccontextmanager
    async def make(template: Object = place.template, start_seconds: float = 120) -> AsyncIterator[EngineJobs]:
        orders = Orders(2, seconds=60, memory_bytes=4 * GIB, file_bytes=GIB, patience_seconds=20)
        host = cluster.address_of_this_machine()
        exchange = Exchange(orders, host, Certificate.for_address(host))
        with closing(KubernetesJobs(place.namespace)) as api:
            patience = Patience(start_seconds, idle_seconds=60, silence_seconds=20)
            jobs = EngineJobs(api, exchange, template, Owner(f"here-{token_hex(3)}", ""), patience)
            async with exchange.listening(f"{host}:0"), jobs.running():
                yield jobs

    yield make


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[ScratchFolders]:
    folders = ScratchFolders(tmp_path / "data", max_bundle_bytes=GIB)
    yield folders
    folders.close()


async def opened(folder: Path, files: dict[str, str]) -> tuple[GitMirror, Inventory]:
    """A repository as engines see it."""
    await asyncio.to_thread(repository, folder, files)
    mirror = GitMirror(Git(Limits(60, 4 * GIB, GIB)), folder / ".git", max_commits=10)
    return mirror, take_inventory(await mirror.tree("HEAD"), max_bytes=1_000_000, max_files=1_000)


async def test_jobs_of_the_cluster_find_what_processes_find(
    make_jobs: MakeJobs, place: Place, scratch: ScratchFolders, tmp_path: Path
) -> None:
    mirror, inventory = await opened(tmp_path / "shop", FILES)
    beside = EngineRunner(scratch, EngineProcesses(Limits(60, 4 * GIB, GIB), processes=2), parts=2)
    audit = uuid4()
    engines = (TEXT, SECRETS, BANDIT, RUFF, VULTURE, LIZARD, TESTS)
    began = time.monotonic()
    expected = [await beside.run(audit, each, inventory.files, mirror, together=False) for each in engines]
    processes = time.monotonic() - began

    async with make_jobs() as jobs:
        inside = EngineRunner(scratch, jobs, parts=2)
        began = time.monotonic()
        first = await inside.run(audit, TEXT, inventory.files, mirror, together=False)
        with_start = time.monotonic() - began
        began = time.monotonic()
        rest = [await inside.run(audit, each, inventory.files, mirror, together=False) for each in engines[1:]]
        warm = time.monotonic() - began
        (pod,) = await asyncio.to_thread(place.pods, audit)

    assert [first, *rest] == expected
    _is_isolated(pod)
    print(f"first answer {with_start:.1f} s, six more {warm:.1f} s; all seven beside {processes:.1f} s")  # noqa: T201
    left = await asyncio.to_thread(place.jobs, audit)
    assert all("deletionTimestamp" in job["metadata"] for job in left)


async def test_a_pod_deleted_in_the_middle_costs_nothing_but_time(
    make_jobs: MakeJobs, place: Place, scratch: ScratchFolders, tmp_path: Path
) -> None:
    mirror, inventory = await opened(tmp_path / "slow", SLOW)
    audit = uuid4()
    async with make_jobs() as jobs:
        running = asyncio.create_task(
            EngineRunner(scratch, jobs, parts=2).run(audit, VULTURE, inventory.files, mirror, together=True)
        )
        name = await asyncio.to_thread(place.at_work, audit)
        await asyncio.to_thread(
            place.cluster, f"--namespace={place.namespace}", "delete", "pod", name, "--grace-period=0", "--force"
        )
        second = await asyncio.to_thread(place.at_work, audit, name)
        analyses = await running

    assert second != name
    assert analyses.keys() == SLOW.keys()


async def test_an_image_that_cannot_be_pulled_ends_with_the_reason(
    make_jobs: MakeJobs, place: Place, scratch: ScratchFolders, tmp_path: Path
) -> None:
    mirror, inventory = await opened(tmp_path / "shop", FILES)
    template = deepcopy(place.template)
    template["spec"]["template"]["spec"]["containers"][0]["image"] = "registry.invalid/assay-audit:none"
    async with make_jobs(template, start_seconds=4) as jobs:
        with pytest.raises(EngineFailed, match="no Job began within 4 s; 3 Jobs were tried"):
            await EngineRunner(scratch, jobs, parts=2).run(uuid4(), RUFF, inventory.files, mirror, together=False)


async def test_a_job_that_is_too_large_for_its_memory_is_given_up(
    make_jobs: MakeJobs, place: Place, scratch: ScratchFolders, tmp_path: Path
) -> None:
    mirror, inventory = await opened(tmp_path / "slow", SLOW)
    template = deepcopy(place.template)
    template["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"] = "90Mi"
    async with make_jobs(template) as jobs:
        with pytest.raises(EngineFailed, match="vulture failed"):
            await EngineRunner(scratch, jobs, parts=2).run(uuid4(), VULTURE, inventory.files, mirror, together=True)


async def test_a_quota_that_is_used_up_is_waited_for(
    make_jobs: MakeJobs, place: Place, scratch: ScratchFolders, tmp_path: Path
) -> None:
    mirror, inventory = await opened(tmp_path / "shop", FILES)
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "none", "namespace": place.namespace},
        "spec": {"hard": {"count/jobs.batch": "0"}},
    }
    await asyncio.to_thread(place.cluster.apply, quota)
    read = ("--namespace=" + place.namespace, "resourcequota", "none")
    await asyncio.to_thread(
        eventually, "the quota counts", lambda: place.cluster.get(*read), lambda it: "used" in it.get("status", {}), 30
    )
    try:
        async with make_jobs() as jobs:
            with pytest.raises(Unavailable, match="exceeded quota"):
                await EngineRunner(scratch, jobs, parts=2).run(uuid4(), RUFF, inventory.files, mirror, together=False)
    finally:
        await asyncio.to_thread(
            place.cluster, f"--namespace={place.namespace}", "delete", "resourcequota", "none", "--wait"
        )


def test_an_installed_audit_runs_in_a_job(installation: Release, api: Api, tmp_path: Path) -> None:
    api.post("/v1/repositories", {"name": "shop"})
    content = bundle(repository(tmp_path / "shop", FILES))
    api.upload("/v1/repositories/shop/bundles", content, "application/x-git-bundle")
    audit = api.post("/v1/audits", {"repository": "shop"})
    finished = api.finished(f"/v1/audits/{audit['id']}", patience=180)

    assert finished["status"] == "completed", finished
    scores = {each["kind"]: each for each in finished["audits"]}
    assert {scores[kind]["status"] for kind in ("integrity", "strict", "tdd", "servant")} == {"completed"}, scores
    place = Place(installation.cluster, installation.namespace, {})
    pods = place.pods(audit["id"])
    assert pods
    for pod in pods:
        _is_isolated(pod)
        (owner,) = place.jobs(audit["id"])[0]["metadata"]["ownerReferences"]
        assert owner["name"] in {each["metadata"]["name"] for each in installation.pods("audit-worker")}


def test_an_installed_audit_whose_pods_are_deleted_ends_well(installation: Release, api: Api, tmp_path: Path) -> None:
    api.post("/v1/repositories", {"name": "slow"})
    api.upload("/v1/repositories/slow/bundles", bundle(repository(tmp_path / "slow", SLOW)), "application/x-git-bundle")
    audit = api.post("/v1/audits", {"repository": "slow"})
    place = Place(installation.cluster, installation.namespace, {})
    installation.kubectl("delete", "pod", place.at_work(audit["id"]), "--grace-period=0", "--force")
    finished = api.finished(f"/v1/audits/{audit['id']}", patience=240)

    assert finished["status"] == "completed", finished
    measured = [each for each in finished["audits"] if each["reason"] != "not measured yet"]
    assert {each["status"] for each in measured} == {"completed"}, measured


def test_the_coordinator_may_do_with_jobs_of_its_namespace_and_nobody_may_do_more(installation: Release) -> None:
    accounts = [each["metadata"]["name"] for each in installation.get("serviceaccounts")["items"]]
    for account in accounts:
        for verb, thing in (("create", "jobs"), ("delete", "jobs"), ("get", "pods"), ("get", "secrets")):
            mine = account == "assay-audit-worker" and thing == "jobs"
            assert _may(installation, account, verb, thing, installation.namespace) == mine, (account, verb, thing)
            assert not _may(installation, account, verb, thing, "kube-system"), (account, verb, thing)


def _may(release: Release, account: str, verb: str, thing: str, namespace: str) -> bool:
    user = f"--as=system:serviceaccount:{release.namespace}:{account}"
    try:
        return release.cluster("auth", "can-i", verb, thing, user, f"--namespace={namespace}").strip() == "yes"
    except CommandFailed:
        return False


def _is_isolated(pod: dict[str, Any]) -> None:
    """No token, no secret, no name server; and its namespace enforces `restricted`, so it keeps to that."""
    spec = pod["spec"]
    assert spec["automountServiceAccountToken"] is False
    assert {key for volume in spec["volumes"] for key in volume} == {"name", "emptyDir"}
    assert spec["dnsPolicy"] == "None"
    assert spec["restartPolicy"] == "Never"
    (container,) = spec["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert not any("valueFrom" in each for each in container["env"])
