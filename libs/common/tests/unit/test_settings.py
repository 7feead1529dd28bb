import pytest
from pydantic import Field, SecretStr

from assay_common.settings import (
    EX_CONFIG,
    DatabaseSettings,
    GrpcSettings,
    KafkaSettings,
    MissingSettingError,
    ServiceSettings,
    Targets,
    describe,
    host_and_port,
    load,
)


class Settings(ServiceSettings):
    database: DatabaseSettings
    kafka: KafkaSettings
    grpc: GrpcSettings
    targets: Targets
    models: dict[str, float] = Field(default_factory=dict)
    upstream: str = "none"


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    monkeypatch.setenv("ASSAY_DATABASE__URL", "postgresql://prompt:hunter2@db/assay")
    monkeypatch.setenv("ASSAY_KAFKA__BOOTSTRAP_SERVERS", "kafka:9092")
    return monkeypatch


def complaints(capsys):
    with pytest.raises(SystemExit) as exit_:
        load(Settings)
    assert exit_.value.code == EX_CONFIG == 78
    return capsys.readouterr().err.splitlines()


def test_nested_variables_are_read(environment):
    environment.setenv("ASSAY_GRPC__LISTEN", "0.0.0.0:0")
    environment.setenv("ASSAY_TARGETS__AUTH", "dns:///auth:50051")
    environment.setenv("ASSAY_MODELS", '{"local/small": 0.5}')
    environment.setenv("ASSAY_LOG__LEVEL", "")
    settings = load(Settings)
    assert settings.database.url.get_secret_value() == "postgresql://prompt:hunter2@db/assay"
    assert settings.database.owner_url == settings.database.url
    assert settings.grpc.listen == "0.0.0.0:0"
    assert settings.targets.require("auth") == "dns:///auth:50051"
    assert settings.models == {"local/small": 0.5}
    assert settings.log.level == "INFO"


def test_every_missing_or_wrong_variable_is_named_on_a_line(environment, capsys):
    environment.delenv("ASSAY_DATABASE__URL")
    environment.delenv("ASSAY_KAFKA__BOOTSTRAP_SERVERS")
    environment.setenv("ASSAY_GRPC__LISTEN", "no-port")
    environment.setenv("ASSAY_OPS__LISTEN", "h:70000")
    environment.setenv("ASSAY_LOG__LEVEL", "LOUD")
    environment.setenv("ASSAY_MODELS", '{"a": "dear"}')
    environment.setenv("ASSAY_GRACE_SECONDS", "-1")
    lines = complaints(capsys)
    assert {line.split(": ")[1] for line in lines} == {
        "ASSAY_DATABASE__URL",
        "ASSAY_KAFKA__BOOTSTRAP_SERVERS",
        "ASSAY_GRPC__LISTEN",
        "ASSAY_OPS__LISTEN",
        "ASSAY_LOG__LEVEL",
        "ASSAY_MODELS",
        "ASSAY_GRACE_SECONDS",
    }
    assert len(lines) == 7


def test_broken_json_is_named(environment, capsys):
    environment.setenv("ASSAY_MODELS", "{nonsense")
    assert complaints(capsys) == ["configuration: ASSAY_MODELS: is not valid JSON"]


def test_a_section_given_as_text_is_named(environment, capsys):
    environment.setenv("ASSAY_GRPC", "50051")
    assert [line.split(": ")[1] for line in complaints(capsys)] == ["ASSAY_GRPC"]


def test_a_wrong_secret_is_not_repeated(environment, capsys):
    environment.setenv("ASSAY_DATABASE__URL", "mysql://prompt:hunter2@db/assay")
    lines = complaints(capsys)
    assert lines == ["configuration: ASSAY_DATABASE__URL: must be a URL that begins with postgresql://"]


def test_sasl_needs_its_credentials(environment, capsys):
    environment.setenv("ASSAY_KAFKA__SECURITY_PROTOCOL", "SASL_SSL")
    (line,) = complaints(capsys)
    assert "ASSAY_KAFKA" in line
    assert "SASL_PASSWORD" in line


def test_a_target_that_is_needed_and_absent_is_named():
    with pytest.raises(MissingSettingError, match="ASSAY_TARGETS__PROMPT"):
        load(Settings).targets.require("prompt")


def test_the_description_shows_no_secret(environment):
    environment.setenv("ASSAY_UPSTREAM", "redis://default:hunter2@valkey:6379/0")
    text = repr(describe(load(Settings)))
    assert "hunter2" not in text
    assert "valkey:6379" in text
    assert "kafka:9092" in text


def test_the_description_of_a_secret_field_is_a_mask():
    class WithSecret(ServiceSettings):
        key: SecretStr = SecretStr("hunter2")

    assert describe(WithSecret())["key"] == "**********"


@pytest.mark.parametrize(
    ("address", "expected"),
    [("127.0.0.1:8080", ("127.0.0.1", 8080)), ("[::]:0", ("::", 0)), ("localhost:1", ("localhost", 1))],
)
def test_addresses(address, expected):
    assert host_and_port(address) == expected


@pytest.mark.parametrize("address", ["", "host", ":80", "host:", "host:x", "host:65536", "host:-1"])
def test_what_is_no_address(address):
    with pytest.raises(ValueError, match="host:port"):
        host_and_port(address)
