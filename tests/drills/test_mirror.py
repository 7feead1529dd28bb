"""What the drill of two regions takes from the manifest, and how it reads where both regions stand."""

from __future__ import annotations

import re

import pytest
import yaml
from aiokafka import TopicPartition
from tests.drills.mirror import MANIFEST, behind, plan
from tests.drills.region import VALUES, Report, distances

from assay_protos.topics import ALL

SPEC = yaml.safe_load(MANIFEST.read_text())["spec"]
MIRROR = SPEC["mirrors"][0]
# Of the cluster, and so not of the drill.
_SURROUNDINGS = {"tls", "authentication", "bootstrapServers", "replicas", "resources"}


@pytest.fixture
def planned():
    return plan(MANIFEST, source="127.0.0.1:1", target="127.0.0.1:2")


def test_each_connector_gets_all_that_stands_below_it_and_nothing_of_the_other(planned):
    for kind in ("sourceConnector", "checkpointConnector"):
        (settings,) = (
            each for name, each in planned.connectors.items() if kind.removesuffix("Connector") in name.lower()
        )
        written = {
            name: str(value).replace("True", "true").replace("False", "false")
            for name, value in MIRROR[kind]["config"].items()
        }
        assert written.items() <= settings.items()
        assert settings["tasks.max"] == str(MIRROR[kind]["tasksMax"])
        assert settings["topics"] == MIRROR["topicsPattern"]
        assert settings["groups"] == MIRROR["groupsPattern"]
    assert len(planned.connectors) == 2
    assert "sync.group.offsets.enabled" not in planned.connectors["a->b.MirrorSourceConnector"]


def test_the_worker_copies_keys_values_and_headers_as_they_are(planned):
    converters = {planned.worker[f"{part}.converter"] for part in ("key", "value", "header")}
    assert converters == {"org.apache.kafka.connect.converters.ByteArrayConverter"}


def test_no_part_of_the_manifest_is_unknown_to_the_drill():
    known = {"source", "topicsPattern", "groupsPattern", "sourceConnector", "checkpointConnector"}
    assert set(MIRROR) == known
    assert set(MIRROR["source"]) - _SURROUNDINGS == {"alias"}
    topics = {"configStorageTopic", "offsetStorageTopic", "statusStorageTopic"}
    assert set(SPEC["target"]) - _SURROUNDINGS == {"alias", "groupId", "config", *topics}
    assert set(SPEC) - _SURROUNDINGS == {"target", "mirrors"}


def test_the_patterns_take_the_topics_of_the_shared_values():
    namespace = yaml.safe_load(VALUES.read_text())["kafka"]["namespace"]
    assert all(re.fullmatch(MIRROR["topicsPattern"], namespace + topic.name) for topic in ALL)
    assert not re.fullmatch(MIRROR["topicsPattern"], SPEC["target"]["offsetStorageTopic"])


def test_what_the_target_lacks_is_counted_by_partition():
    source = {TopicPartition("t", 0): 5, TopicPartition("t", 1): 3}
    assert behind(source, source) == 0
    assert behind(source, {TopicPartition("t", 0): 9}) == 3
    assert behind(source, {TopicPartition("t", 0): 4, TopicPartition("t", 1): 1}) == 3


def test_offsets_behind_do_not_make_up_for_those_ahead():
    first, second, third = (("group", TopicPartition("t", number)) for number in range(3))
    assert distances({first: 10, second: 4, third: 1}, {first: 7, second: 6}) == (3, 2)


def test_the_table_has_a_line_for_each_phase():
    report = Report(planned=True, phases={"a scaled to 0": 1.26, "b started": 30.0})
    assert report.table() == "a scaled to 0       1.3 s\nb started          30.0 s\n"
