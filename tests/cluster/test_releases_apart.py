"""Two releases on the same servers do not see each other, and one that goes leaves what the notes say."""

from __future__ import annotations

import httpx
from tests.cluster.conftest import ADMIN, MakeRelease
from tests.cluster.release import Release

from assay_testing.api import Api

KEPT = {"Secret/assay-keys"}
"""What the notes say that `helm uninstall` leaves."""
NOT_OURS = {"ConfigMap/kube-root-ca.crt", "ServiceAccount/default", "Secret/object-store"}


def test_two_releases_do_not_see_each_other(make_release: MakeRelease) -> None:
    with make_release() as one, make_release() as other:
        for release in (one, other):
            release.install()
        with one.reachable() as here, other.reachable() as there:
            mine, theirs = (Api(url, ADMIN, release.admin_password()) for url, release in ((here, one), (there, other)))
            mine.prompt("greeting", "Hello")
            assert theirs.get("/v1/prompts")["items"] == []
            assert theirs.http.get(f"/v1/organisations/{mine.organisation['id']}").status_code in (403, 404)
            with httpx.Client(base_url=there, headers=mine.http.headers) as stranger:
                assert stranger.get("/v1/prompts").status_code == 401, "a token of one is none of the other's"
        one.uninstall()
        assert left_in(one) == KEPT
        with other.reachable() as url:
            assert Api(url, ADMIN, other.admin_password()).get("/v1/prompts")["items"] == []
        one.install()
        with one.reachable() as url:
            again = Api(url, ADMIN, one.admin_password())
            assert again.http.get("/v1/me").is_success, "the kept key opens what the database holds"


def left_in(release: Release) -> set[str]:
    """All objects of every namespaced kind that are still in the release's namespace, but for events and endpoints."""
    kinds = release.cluster("api-resources", "--verbs=list", "--namespaced", "--output=name").split()
    wanted = [kind for kind in kinds if kind.partition(".")[0] not in ("events", "leases", "pods", "endpointslices")]
    wanted = [kind for kind in wanted if not kind.endswith("metrics.k8s.io")]
    items = release.get(",".join(wanted), "--ignore-not-found")["items"]
    return {f"{item['kind']}/{item['metadata']['name']}" for item in items} - NOT_OURS
