"""Kafka's jars: pinned by hash, repaired when damaged, and clear words when they cannot be fetched."""

from pathlib import Path

import pytest

from assay_local import kafka_jars
from assay_local.errors import DownloadFailed


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A cache of one's own with all jars but those that a test removes, as links to the user's."""
    shared = kafka_jars.cache_folder()
    for jar in kafka_jars.fetch(lambda _done, _total: None):
        link = tmp_path / jar.relative_to(shared)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(jar)
    return tmp_path


@pytest.mark.parametrize("lock", [kafka_jars.BROKER, kafka_jars.MIRROR], ids=lambda lock: lock.name)
def test_all_of_kafka_is_of_the_brokers_version(lock: kafka_jars.Lock) -> None:
    versions = {jar.artifact: jar.version for jar in lock.jars() if jar.group == "org.apache.kafka"}
    assert set(versions.values()) == {versions["kafka_2.13"]}


def test_the_mirror_runs_on_the_brokers_own_jars() -> None:
    assert set(kafka_jars.BROKER.jars()) < set(kafka_jars.MIRROR.jars())


def test_a_damaged_jar_is_fetched_again_and_only_that(cache: Path) -> None:
    damaged = min(cache.rglob("*.jar"), key=lambda jar: jar.stat().st_size)
    damaged.unlink()
    damaged.write_bytes(b"half a ja")
    told: list[tuple[int, int]] = []
    jars = kafka_jars.fetch(lambda done, total: told.append((done, total)), cache)
    assert told == [(len(jars), len(jars))]
    assert damaged.stat().st_size > 1000
    kafka_jars.fetch(lambda done, total: told.append((done, total)), cache)
    assert len(told) == 1


def test_without_a_network_the_jar_and_the_way_on_are_named(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # the discard port: nobody listens
    min(cache.rglob("*.jar")).unlink()
    with pytest.raises(
        DownloadFailed, match=r"Could not download com\.\S+, a part of Kafka.*run the same command again"
    ):
        kafka_jars.fetch(lambda _done, _total: None, cache)
