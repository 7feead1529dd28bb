"""Settings shared by all services, read from the environment (prefix ASSAY_, nesting by a double underscore).

A service declares what it needs as plain fields and loads it in `__main__`:

    class Settings(ServiceSettings):
        database: DatabaseSettings
        kafka: KafkaSettings

    settings = load(Settings)

Secrets are `SecretStr`, so that they cannot be printed by accident.
"""

import os
import re
import sys
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NoReturn, TypeVar, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError

PREFIX = "ASSAY_"
DELIMITER = "__"
EX_CONFIG = os.EX_CONFIG
"""Exit code 78: the process was configured wrongly (sysexits.h)."""

MASK = "**********"
_PASSWORD_IN_URL = re.compile(r"(?<=://)([^/\s:@]*):([^/\s@]+)@")


def mask_url(text: str) -> str:
    """The text with the password of every URL in it masked."""
    return _PASSWORD_IN_URL.sub(rf"\1:{MASK}@", text)


def host_and_port(address: str) -> tuple[str, int]:
    """Split `host:port` (IPv6 hosts in brackets, port 0 = any free one); raises ValueError when it is neither."""
    host, colon, port = address.rpartition(":")
    if not colon or not host or not port.isdigit() or int(port) > 65535:
        raise ValueError("must be host:port, for instance 127.0.0.1:8080")
    return host.strip("[]"), int(port)


def _is_address(address: str) -> str:
    host_and_port(address)
    return address


def _is_postgres_url(url: SecretStr) -> SecretStr:
    if not url.get_secret_value().startswith(("postgresql://", "postgres://")):
        raise ValueError("must be a URL that begins with postgresql://")
    return url


Address = Annotated[str, AfterValidator(_is_address)]
PostgresUrl = Annotated[SecretStr, AfterValidator(_is_postgres_url)]


class Section(BaseModel):
    """A group of settings: immutable, unknown names ignored, values kept out of error messages."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class DatabaseSettings(Section):
    """Where the service's PostgreSQL is."""

    url: PostgresUrl
    """The service's own login, a member of its app and system roles."""
    migration_url: PostgresUrl | None = None
    """The owner of the schema, used by `migrate` only; by default `url`."""
    pool_size: PositiveInt = 5
    """Most connections this process holds."""

    @property
    def owner_url(self) -> SecretStr:
        """The login that migrations run as."""
        return self.migration_url or self.url


class KafkaSettings(Section):
    """Where Kafka is and how to sign in."""

    bootstrap_servers: str
    """host:port, several separated by commas."""
    client_id: str = "assay"
    namespace: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]*$")] = ""
    """Put before the names of topics and groups, so that installations (and tests) can share one Kafka."""
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    sasl_username: str | None = None
    sasl_password: SecretStr | None = None
    ca_file: Path | None = None
    """Certificates to trust instead of the system's, for SSL and SASL_SSL."""

    def qualified(self, name: str) -> str:
        """The name of a topic or a group in the cluster."""
        return f"{self.namespace}{name}"

    @model_validator(mode="after")
    def _sasl_is_complete(self) -> "KafkaSettings":
        if self.security_protocol.startswith("SASL") and not (self.sasl_username and self.sasl_password):
            raise ValueError(f"security_protocol {self.security_protocol} needs SASL_USERNAME and SASL_PASSWORD")
        return self


class GrpcSettings(Section):
    """The gRPC server of this process, and the limits of its clients."""

    listen: Address = "127.0.0.1:50051"
    max_message_bytes: PositiveInt = 16 * 1024 * 1024
    """Largest message taken or sent."""
    deadline_seconds: PositiveFloat = 5.0
    """Deadline of an outgoing call made outside any RPC; inside one, what is left of that RPC's deadline counts."""
    watch_health: bool = True
    """Whether clients watch their servers' health. Not through a proxy that spreads calls itself: one server that stops
    would look like all of them."""


LEAST_INBOX_DAYS: Final = 45
"""Kafka keeps events for 14 days and dead letters for 30 more, during which an event can come again."""
LEAST_EVENTS_DAYS: Final = 31
"""The database itself refuses to let go of events that were published less than 30 days ago."""


class HousekeepingSettings(Section):
    """How long rows are kept that the service has no more use for."""

    every_seconds: PositiveFloat = 3600.0
    """Pause between two rounds."""
    inbox_days: Annotated[int, Field(ge=LEAST_INBOX_DAYS)] = 60
    """Which events were handled."""
    events_days: Annotated[int, Field(ge=LEAST_EVENTS_DAYS)] = 90
    """Events and tasks after they were published; of evaluation and audit alone, the other services need theirs."""


class OpsSettings(Section):
    """The HTTP port of /healthz, /readyz and /metrics."""

    listen: Address = "127.0.0.1:9090"


class LogSettings(Section):
    """What is logged, and in which form."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    format: Literal["json", "console"] = "json"


class MissingSettingError(Exception):
    """A setting that only some roles need is absent; the message names its environment variable."""


class Targets(Section):
    """gRPC targets of the other services, for instance `dns:///prompt:50051`."""

    auth: str | None = None
    prompt: str | None = None
    evaluation: str | None = None
    audit: str | None = None
    analytics: str | None = None

    def require(self, service: Literal["auth", "prompt", "evaluation", "audit", "analytics"]) -> str:
        """The target of a service that is needed; raises MissingSettingError (at start: exit code 78)."""
        target: str | None = getattr(self, service)
        if target is None:
            raise MissingSettingError(f"{PREFIX}TARGETS{DELIMITER}{service.upper()}: Field required")
        return target


class ServiceSettings(BaseSettings):
    """What every process has; services subclass it."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter=DELIMITER,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    log: LogSettings = LogSettings()
    ops: OpsSettings = OpsSettings()
    grace_seconds: PositiveFloat = 20.0
    """How long work in flight may take to finish after SIGTERM."""

    @model_validator(mode="before")
    @classmethod
    def _absent_sections_are_empty(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Let a section that is absent as a whole be validated, so that the error names the variable it lacks."""
        absent: dict[str, Any] = {
            name: {}
            for name, info in cls.model_fields.items()
            if name not in values and info.is_required() and _section(info.annotation)
        }
        return {**values, **absent}


S = TypeVar("S", bound=ServiceSettings)


def load(settings: type[S]) -> S:
    """Read the settings; says what is missing or wrong, one line a variable, and exits with EX_CONFIG otherwise."""
    try:
        return settings()
    except ValidationError as error:
        exit_with(
            f"{variable(settings, problem['loc'])}: {problem['msg'].removeprefix('Value error, ')}"
            for problem in error.errors(include_input=False, include_url=False)
        )
    except SettingsError as error:
        # Raised for a field whose text is not JSON; pydantic-settings names the field in the message only.
        field = re.search(r'field "(\w+)"', str(error))
        exit_with([f"{PREFIX}{field[1].upper() if field else ''}: is not valid JSON"])


def exit_with(problems: Any) -> NoReturn:
    """Print one line a problem on standard error and exit with EX_CONFIG."""
    for problem in problems:
        sys.stderr.write(f"configuration: {problem}\n")
    raise SystemExit(EX_CONFIG)


def variable(settings: type[BaseModel], location: tuple[int | str, ...]) -> str:
    """The environment variable behind a location in the settings: ("database", "url") -> ASSAY_DATABASE__URL."""
    names: list[str] = []
    model: type[BaseModel] | None = settings
    for part in location:
        if model is None or part not in model.model_fields:
            break
        names.append(str(part).upper())
        model = _section(model.model_fields[str(part)].annotation)
    return PREFIX + DELIMITER.join(names)


def describe(settings: ServiceSettings) -> dict[str, Any]:
    """The settings as they may be logged: secrets and passwords in URLs masked."""
    return {name: _masked(value) for name, value in settings.model_dump(mode="json").items()}


def _masked(value: Any) -> Any:
    match value:
        case dict():
            return {name: _masked(item) for name, item in value.items()}
        case list():
            return [_masked(item) for item in value]
        case str():
            return mask_url(value)
        case _:
            return value


def _section(annotation: Any) -> type[BaseModel] | None:
    """The group of settings that a field holds, one that may be left out (`Section | None`) included."""
    candidates = (annotation, *get_args(annotation))
    return next((each for each in candidates if isinstance(each, type) and issubclass(each, BaseModel)), None)
