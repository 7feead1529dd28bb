import base64
import json

import pytest

from assay_auth.settings import Settings, SmtpSecurity
from assay_common.settings import EX_CONFIG, describe, load

GOOD = {
    "ASSAY_DATABASE__URL": "postgresql://assay_auth:hidden-word@127.0.0.1/assay",
    "ASSAY_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:9092",
    "ASSAY_KEY_ENCRYPTION_KEY": base64.b64encode(bytes(range(32))).decode(),
}
ADMIN = {"ASSAY_BOOTSTRAP_ADMIN__EMAIL": "ada@example.org", "ASSAY_BOOTSTRAP_ADMIN__PASSWORD": "correct horse battery"}

SMTP = {"ASSAY_SMTP__HOST": "mail.example.org", "ASSAY_SMTP__SENDER": "Assay <assay@example.org>"}


@pytest.fixture
def environment(monkeypatch):
    for name in (*GOOD, *ADMIN, "ASSAY_PREVIOUS_KEY_ENCRYPTION_KEYS", "ASSAY_KEY_ENCRYPTION_KEY_FILE", "ASSAY_SSO"):
        monkeypatch.delenv(name, raising=False)

    def change(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value) if value is not None else monkeypatch.delenv(name, raising=False)

    return change


def test_the_settings_of_serve(environment):
    environment(**GOOD, **ADMIN)
    settings = load(Settings)
    assert settings.key_encryption_keys == (bytes(range(32)),)
    assert settings.bootstrap_admin.email == "ada@example.org"


def test_no_administrator_is_needed(environment):
    environment(**GOOD)
    assert load(Settings).bootstrap_admin.email is None


def test_the_key_can_be_a_mounted_file(environment, tmp_path):
    file = tmp_path / "key"
    file.write_text(GOOD["ASSAY_KEY_ENCRYPTION_KEY"] + "\n")
    environment(**{**GOOD, "ASSAY_KEY_ENCRYPTION_KEY": None, "ASSAY_KEY_ENCRYPTION_KEY_FILE": str(file)})
    assert load(Settings).key_encryption_keys == (bytes(range(32)),)


def test_previous_keys_come_behind_the_one_that_seals(environment):
    keys = [base64.b64encode(bytes([number]) * 32).decode() for number in range(3)]
    for separator in (",", " , ", "\n"):
        environment(**{**GOOD, "ASSAY_PREVIOUS_KEY_ENCRYPTION_KEYS": separator.join(keys) + "\n"})
        settings = load(Settings)
        assert settings.key_encryption_keys == (bytes(range(32)), *(bytes([number]) * 32 for number in range(3)))
        assert not any(key in str(describe(settings)) for key in keys)
    environment(ASSAY_PREVIOUS_KEY_ENCRYPTION_KEYS="")
    assert load(Settings).key_encryption_keys == (bytes(range(32)),)


PROVIDER = {
    "id": "acme",
    "name": "Acme",
    "issuer": "https://login.example.org",
    "client_id": "assay",
    "client_secret": "another-hidden-word",
}


def sso(*providers):
    return {"ASSAY_SSO": json.dumps(providers)}


def test_identity_providers_are_a_json_list(environment):
    environment(**GOOD, **sso(PROVIDER, {**PROVIDER, "id": "other", "trusted_email": True, "scopes": ["openid"]}))
    settings = load(Settings)
    assert [(each.id, each.trusted_email, each.scopes) for each in settings.sso] == [
        ("acme", False, ("openid", "email", "profile")),
        ("other", True, ("openid",)),
    ]
    assert not any(each.allow_private_addresses for each in settings.sso)
    assert "another-hidden-word" not in str(describe(settings))
    assert "another-hidden-word" not in repr(settings)


@pytest.mark.parametrize(
    "value",
    [
        "not json",
        json.dumps([PROVIDER, PROVIDER]),
        *(
            json.dumps([{**PROVIDER, **change}])
            for change in (
                {"id": "Not a name"},
                {"id": ""},
                {"name": ""},
                {"issuer": "login.example.org"},
                {"issuer": "https://login.example.org?x"},
                {"scopes": ["email"]},
                {"client_secret": None},
            )
        ),
    ],
)
def test_a_wrong_identity_provider_is_told_without_its_secret(environment, capsys, value):
    environment(**GOOD, ASSAY_SSO=value)
    with pytest.raises(SystemExit) as stopped:
        load(Settings)
    assert stopped.value.code == EX_CONFIG
    told = capsys.readouterr().err
    assert told.startswith("configuration: ASSAY_SSO")
    assert "another-hidden-word" not in told


def test_mails_go_somewhere_with_smtp_or_in_development(environment):
    environment(**GOOD)
    assert not load(Settings).mails_leave
    environment(ASSAY_DEVELOPMENT="true")
    assert load(Settings).mails_leave
    environment(**SMTP, ASSAY_DEVELOPMENT=None)
    settings = load(Settings)
    assert settings.mails_leave
    assert settings.smtp is not None
    assert (settings.smtp.port, settings.smtp.security) == (587, SmtpSecurity.STARTTLS)


def test_secrets_are_not_told(environment):
    environment(**GOOD, **ADMIN, **SMTP, ASSAY_SMTP__USERNAME="assay", ASSAY_SMTP__PASSWORD="a secret of the server")
    told = str(describe(load(Settings)))
    assert "a secret of the server" not in told
    for secret in ("hidden-word", GOOD["ASSAY_KEY_ENCRYPTION_KEY"], ADMIN["ASSAY_BOOTSTRAP_ADMIN__PASSWORD"]):
        assert secret not in told


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"ASSAY_KEY_ENCRYPTION_KEY": None}, "ASSAY_KEY_ENCRYPTION_KEY: "),
        ({"ASSAY_KEY_ENCRYPTION_KEY": "c2hvcnQ="}, "ASSAY_KEY_ENCRYPTION_KEY: "),
        ({"ASSAY_KEY_ENCRYPTION_KEY": "no base64!"}, "ASSAY_KEY_ENCRYPTION_KEY: "),
        ({"ASSAY_PREVIOUS_KEY_ENCRYPTION_KEYS": "c2hvcnQ="}, "ASSAY_PREVIOUS_KEY_ENCRYPTION_KEYS: "),
        ({"ASSAY_KEY_ENCRYPTION_KEY_FILE": "/dev/null"}, "not both"),
        (
            {"ASSAY_KEY_ENCRYPTION_KEY": None, "ASSAY_KEY_ENCRYPTION_KEY_FILE": "/no/such/file"},
            "ASSAY_KEY_ENCRYPTION_KEY_FILE cannot be read: No such file or directory",
        ),
        ({"ASSAY_KAFKA__BOOTSTRAP_SERVERS": None}, "ASSAY_KAFKA__BOOTSTRAP_SERVERS: "),
        ({"ASSAY_BOOTSTRAP_ADMIN__PASSWORD": None}, "ASSAY_BOOTSTRAP_ADMIN: "),
        ({"ASSAY_BOOTSTRAP_ADMIN__PASSWORD": "too short"}, "PASSWORD must have 12 to 128 characters"),
        ({"ASSAY_SMTP__HOST": "mail.example.org"}, "ASSAY_SMTP__SENDER: "),
        (SMTP | {"ASSAY_SMTP__SENDER": "Assay"}, "SENDER must be an e-mail address"),
        (SMTP | {"ASSAY_SMTP__USERNAME": "assay"}, "USERNAME and PASSWORD are needed together"),
        (SMTP | {"ASSAY_SMTP__SECURITY": "ssl"}, "ASSAY_SMTP__SECURITY: "),
        (SMTP | {"ASSAY_SMTP__SECURITY": "none", "ASSAY_SMTP__CA_FILE": "/ca.crt"}, "set SECURITY to starttls or tls"),
        ({"ASSAY_SIGN_UP": "everybody"}, "ASSAY_SIGN_UP: "),
        ({"ASSAY_BOOTSTRAP_ADMIN__EMAIL": "ada"}, "EMAIL must be an e-mail address"),
    ],
)
def test_what_is_wrong_is_told_by_the_variables_name(environment, capsys, change, told):
    environment(**{**GOOD, **ADMIN, **change})
    with pytest.raises(SystemExit) as left:
        load(Settings)
    assert left.value.code == EX_CONFIG
    assert told in capsys.readouterr().err
