"""A release that brings its own servers, for somebody who tries Assay out: nothing has to be prepared."""

from __future__ import annotations

from functools import partial

import yaml
from tests.cluster.conftest import ADMIN, MANIFEST, ask_for_little
from tests.cluster.kube import Cluster, eventually
from tests.cluster.release import CHART, Release


def test_a_trial_is_one_command_and_goes_as_it_came(cluster: Cluster, image_tags: tuple[str, str], tmp_path) -> None:
    values = yaml.safe_load((CHART / "examples" / "standalone.yaml").read_text())
    values["standalone"]["storage"] = {"enabled": False}  # a cluster may have no volumes to give
    values["image"] = {"tag": image_tags[0], "pullPolicy": "IfNotPresent"}
    values["bootstrapAdmin"] = {"email": ADMIN}
    ask_for_little(values)
    with cluster.namespace("assay-test-standalone", MANIFEST) as namespace:
        release = Release(cluster, namespace, values, tmp_path)
        release.install()
        said = release.test()
        assert "passed   audit" in said, said
        assert "left out evaluation" in said, "no model is configured"
        passwords = release.get("secret", f"{release.name}-standalone-postgres")["data"]
        release.upgrade()
        assert release.get("secret", f"{release.name}-standalone-postgres")["data"] == passwords
        release.uninstall()
        eventually("all that ran is gone", partial(running, release), (0).__eq__, 120)


def running(release: Release) -> int:
    """Pods that have not ended: what helm's test said can be read for some minutes more."""
    return sum(pod["status"]["phase"] != "Succeeded" for pod in release.get("pods")["items"])
