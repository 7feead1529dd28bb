"""How people reach the installation and sign in: the values become what auth and the gateway read."""

from __future__ import annotations

from typing import Any

import pytest
from helm_python import HelmError

IDENTITY = {
    "publicUrl": "https://assay.example.com",
    "signUp": "open",
    "smtp": {
        "host": "mail.example.com",
        "port": 465,
        "security": "tls",
        "sender": "Assay <assay@example.com>",
        "username": "assay",
        "existingSecret": "assay-mail",
        "caSecret": "assay-mail-ca",
    },
    "singleSignOn": {"existingSecret": "assay-providers"},
    "cors": {"origins": ["https://app.example.com", "http://localhost:3000"]},
}


@pytest.fixture(scope="module")
def identity(minimal: Any) -> Any:
    return minimal(IDENTITY)


def test_auth_is_told_how_people_sign_up_and_in(identity: Any) -> None:
    assert {key: value for key, value in _variables(identity, "auth").items() if key in EXPECTED} == EXPECTED


EXPECTED = {
    "ASSAY_PUBLIC_URL": "https://assay.example.com",
    "ASSAY_SIGN_UP": "open",
    "ASSAY_SMTP__HOST": "mail.example.com",
    "ASSAY_SMTP__PORT": "465",
    "ASSAY_SMTP__SECURITY": "tls",
    "ASSAY_SMTP__SENDER": "Assay <assay@example.com>",
    "ASSAY_SMTP__USERNAME": "assay",
    "ASSAY_SMTP__PASSWORD": ("assay-mail", "password"),
    "ASSAY_SMTP__CA_FILE": "/etc/assay/smtp/ca.crt",
    "ASSAY_SSO": ("assay-providers", "providers"),
}


def test_the_gateway_is_told_where_links_lead_and_who_may_call(identity: Any) -> None:
    variables = _variables(identity, "gateway")
    assert variables["ASSAY_PUBLIC_URL"] == "https://assay.example.com"
    assert variables["ASSAY_CORS__ORIGINS"] == "https://app.example.com,http://localhost:3000"
    assert not [name for name in variables if "SMTP" in name or "SSO" in name]


def test_auth_has_the_certificates_to_trust_where_it_is_told(identity: Any) -> None:
    pod = identity.pods["auth"]["spec"]
    (volume,) = (each for each in pod["volumes"] if each["name"] == "smtp-ca")
    assert volume["secret"] == {"secretName": "assay-mail-ca", "items": [{"key": "ca.crt", "path": "ca.crt"}]}
    (mount,) = (each for each in pod["containers"][0]["volumeMounts"] if each["name"] == "smtp-ca")
    assert mount == {"name": "smtp-ca", "mountPath": "/etc/assay/smtp", "readOnly": True}


def test_nobody_else_is_told(identity: Any) -> None:
    for name in set(identity.pods) - {"auth", "gateway"}:
        assert not {"ASSAY_PUBLIC_URL", *EXPECTED} & set(_variables(identity, name)), name
        assert "smtp-ca" not in {each["name"] for each in identity.pods[name]["spec"].get("volumes", ())}, name


def test_by_default_people_come_by_invitation_and_nothing_goes_out(minimal: Any) -> None:
    rendering = minimal()
    variables = _variables(rendering, "auth")
    assert variables["ASSAY_SIGN_UP"] == "invitation"
    assert not [name for name in variables if name.startswith(("ASSAY_SMTP", "ASSAY_SSO", "ASSAY_PUBLIC"))]
    assert _ports(rendering) == {5432, 9092}


@pytest.mark.parametrize(
    ("without", "ports"),
    [((), {80, 443, 465}), (("smtp",), {80, 443}), (("singleSignOn",), {465})],
)
def test_auth_goes_out_to_what_is_set(minimal: Any, without: tuple[str, ...], ports: set[int]) -> None:
    values = {key: value for key, value in IDENTITY.items() if key not in without}
    if "smtp" in without:
        values["signUp"] = "invitation"
    assert _ports(minimal(values)) == {5432, 9092} | ports


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"publicUrl": "assay.example.com"}, "/publicUrl"),
        ({"publicUrl": "https://example.com/assay"}, "/publicUrl"),
        ({"signUp": "anybody"}, "/signUp"),
        ({"smtp": {"security": "ssl"}}, "/smtp/security"),
        ({"cors": {"origins": ["https://app.example.com/"]}}, "/cors/origins/0"),
        ({"publicUrl": ""}, "smtp.host and singleSignOn.existingSecret is set, and its links would lead to localhost"),
        ({"smtp": {"sender": ""}}, "smtp.sender is empty: set it"),
        ({"smtp": {"existingSecret": ""}}, "set smtp.existingSecret to a Secret with the key password"),
        ({"smtp": {"username": ""}}, "set smtp.username"),
        ({"smtp": {"security": "none"}}, "a password would be sent in the clear: set it to starttls or tls"),
        (
            {"smtp": {"security": "none", "username": "", "existingSecret": ""}},
            "smtp.caSecret is set but smtp.security none is not encrypted: set it to starttls or tls",
        ),
        ({"smtp": {"host": "", "sender": "", "username": "", "existingSecret": ""}}, "smtp.host is empty: set it"),
        ({"smtp": {"host": ""}}, "smtp.host is empty: set it, or remove the rest"),
        ({"smtp": {}}, "set smtp.host, or signUp to invitation"),
    ],
)
def test_what_cannot_work_is_put_right(minimal: Any, changes: dict[str, Any], message: str) -> None:
    values = {**IDENTITY, **changes}
    if changes.get("smtp"):
        values["smtp"] = {**IDENTITY["smtp"], **changes["smtp"]}  # type: ignore[dict-item]
    with pytest.raises(HelmError) as refused:
        minimal(values)
    assert message in str(refused.value)


def _ports(rendering: Any) -> set[int]:
    rules = rendering.of_kind("NetworkPolicy")["auth"]["spec"]["egress"]
    return {port["port"] for rule in rules for port in rule["ports"]}


def _variables(rendering: Any, name: str) -> dict[str, Any]:
    (container,) = rendering.pods[name]["spec"]["containers"]
    found = {}
    for each in container["env"]:
        reference = each.get("valueFrom", {}).get("secretKeyRef")
        found[each["name"]] = (reference["name"], reference["key"]) if reference else each.get("value")
    return found
