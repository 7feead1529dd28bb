"""Which repositories may be cloned: the chart's values become what the audit service and its workers read."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from helm_python import HelmError

from assay_audit.settings import CloneSettings, Settings
from assay_common.settings import load

OWN_FORGE = {
    "clone": {
        "allowedHosts": ["git.example.com"],
        "allowedNetworks": ["10.20.0.0/16", "fd00::/8"],
        "caSecret": "assay-forge-ca",
    }
}
CLONERS = {"audit", "audit-worker"}


@pytest.fixture(scope="module")
def own_forge(minimal: Any) -> Any:
    return minimal(OWN_FORGE)


def test_who_checks_and_who_clones_are_told_of_the_own_forge(own_forge: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in CLONERS:
        with monkeypatch.context() as environment:
            assert _read(own_forge, name, environment) == CloneSettings(
                allowed_hosts=frozenset({"git.example.com"}),
                allowed_networks=(ip_network("10.20.0.0/16"), ip_network("fd00::/8")),
                ca_file=Path("/etc/assay/clone/ca.crt"),
            )


def test_by_default_only_the_public_internet_is_cloned_from(minimal: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in CLONERS:
        with monkeypatch.context() as environment:
            assert _read(minimal(), name, environment) == CloneSettings()


def test_the_certificates_to_trust_are_where_they_are_told(own_forge: Any) -> None:
    for name in CLONERS:
        pod = own_forge.pods[name]["spec"]
        (volume,) = (each for each in pod["volumes"] if each["name"] == "clone-ca")
        assert volume["secret"] == {"secretName": "assay-forge-ca", "items": [{"key": "ca.crt", "path": "ca.crt"}]}
        (mount,) = (each for each in pod["containers"][0]["volumeMounts"] if each["name"] == "clone-ca")
        assert mount == {"name": "clone-ca", "mountPath": "/etc/assay/clone", "readOnly": True}


def test_nobody_else_is_told(own_forge: Any) -> None:
    for name, pod in own_forge.programs.items():
        if name not in CLONERS:
            assert "ASSAY_CLONE" not in str(pod), name
            assert "clone-ca" not in str(pod), name


@pytest.mark.parametrize(
    ("clone", "where"),
    [
        ({"allowedHosts": ["https://git.example.com"]}, "/clone/allowedHosts/0"),
        ({"allowedHosts": ["Git.example.com"]}, "/clone/allowedHosts/0"),
        ({"allowedNetworks": ["git.example.com"]}, "/clone/allowedNetworks/0"),
        ({"caSecret": "/etc/ca.crt"}, "/clone/caSecret"),
    ],
)
def test_what_could_never_match_is_refused(minimal: Any, clone: dict[str, Any], where: str) -> None:
    with pytest.raises(HelmError) as refused:
        minimal({"clone": clone})
    assert where in str(refused.value)


def _read(rendering: Any, name: str, environment: pytest.MonkeyPatch) -> CloneSettings:
    (container,) = rendering.pods[name]["spec"]["containers"]
    for each in container["env"]:
        environment.setenv(each["name"], each.get("value", "from a secret"))
    return load(Settings).clone
