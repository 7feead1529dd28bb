"""The cluster, servers outside it, and one installation for the tests that leave it as it was."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
from tests.cluster.images import ROOT, tags_under_test
from tests.cluster.kube import Cluster
from tests.cluster.object_store import CREDENTIALS, object_store
from tests.cluster.release import Release

from assay_local.servers import Servers
from assay_testing.api import Api

MANIFEST = ROOT / "deploy" / "k8s" / "namespace.yaml"
CPU = {"requests": {"cpu": "20m"}}
ADMIN = "admin@example.com"
MakeRelease = Callable[..., Any]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Everything here needs a cluster and time, so it runs only where `-m` asks for it."""
    here = [item for item in items if Path(__file__).parent in item.path.parents]
    for item in here:
        item.add_marker(pytest.mark.cluster)
        item.add_marker(pytest.mark.timeout(1200))
    if here and "cluster" not in config.option.markexpr:
        config.hook.pytest_deselected(items=here)
        items[:] = [item for item in items if item not in here]


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    """The cluster that KUBECONFIG names."""
    return Cluster.of_environment()


@pytest.fixture(scope="session")
def image_tags(cluster: Cluster) -> tuple[str, str]:
    """Two tags of all images, which the cluster has: to install, and to upgrade to."""
    return tags_under_test()


@pytest.fixture(scope="session")
def servers(cluster: Cluster, make_servers: Callable[..., Servers]) -> Servers:
    """PostgreSQL, Kafka, Valkey and a model on this machine, at an address that pods reach."""
    return make_servers(cluster.address_of_this_machine())


@pytest.fixture(scope="session")
def make_release(
    cluster: Cluster, image_tags: tuple[str, str], servers: Servers, tmp_path_factory: pytest.TempPathFactory
) -> MakeRelease:
    """`with make_release(values…) as release:` is a namespace with a release, not installed, on its own database."""
    numbers = iter(range(1, 16))

    @contextmanager
    def make(**changes: Any) -> Iterator[Release]:
        mark = token_hex(3)
        database = f"assay_{mark}"
        asyncio.run(servers.make_database(database))
        with ExitStack() as stack:
            store = stack.enter_context(object_store(servers.postgres.host))
            namespace = stack.enter_context(cluster.namespace(f"assay-test-{mark}", MANIFEST))
            cluster.apply(
                {
                    "apiVersion": "v1",
                    "kind": "Secret",
                    "metadata": {"name": "object-store", "namespace": namespace},
                    "stringData": CREDENTIALS,
                }
            )
            values = servers.chart_values
            values["database"] = {**values["database"], "name": database, "poolSize": 3}
            values["kafka"] = {**values["kafka"], "namespace": f"{mark}."}
            values["valkey"] = {**values["valkey"], "database": next(numbers)}
            values["image"] = {"tag": image_tags[0], "pullPolicy": "IfNotPresent"}
            values["bootstrapAdmin"] = {"email": ADMIN}
            values["objectStore"] = store
            values["auditJobs"] = {"resources": CPU}
            values["defaults"] = {"replicas": 1, "autoscaling": {"enabled": False}}
            ask_for_little(values)
            merge(values, changes)
            yield Release(cluster, namespace, values, tmp_path_factory.mktemp(mark))

    return make


@pytest.fixture(scope="session")
def installation(make_release: MakeRelease) -> Iterator[Release]:
    """An installed release that tests share, with two pods of everything that serves."""
    with make_release(defaults={"replicas": 2}) as release:
        release.install()
        yield release


@pytest.fixture
def api(installation: Release) -> Iterator[Api]:
    """A caller with an organisation of its own."""
    with installation.reachable() as url:
        yield Api(url, ADMIN, installation.admin_password())


def ask_for_little(values: dict[str, Any]) -> None:
    """Let components reserve so little CPU that several releases fit on a small node."""
    values.setdefault("defaults", {})["resources"] = CPU
    for name in ("gateway", "auth", "evaluation", "evaluation-worker", "audit", "audit-worker"):
        values.setdefault("components", {}).setdefault(name, {})["resources"] = CPU


def merge(base: dict[str, Any], changes: dict[str, Any]) -> None:
    """Put changes into values, as Helm merges several values files."""
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            merge(base[key], value)
        else:
            base[key] = value
