"""Every knob of the gateway, its unit and its default."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, PositiveFloat, PositiveInt, SecretStr

from assay_common.settings import Address, GrpcSettings, KafkaSettings, Section, ServiceSettings, Targets


def _is_valkey_url(url: SecretStr) -> SecretStr:
    if not url.get_secret_value().startswith(("redis://", "rediss://")):
        raise ValueError("must be a URL that begins with redis:// or rediss://")
    return url


class HttpSettings(Section):
    """The port that clients reach."""

    listen: Address = "127.0.0.1:8080"
    trusted_proxies: str = ""
    """Addresses or networks, separated by commas, whose X-Forwarded-For is believed; empty = nobody's."""
    keep_alive_seconds: PositiveInt = 75
    """How long an idle connection is kept open."""
    deadline_seconds: PositiveFloat = 30.0
    """How long a request may take in all services together."""
    upload_deadline_seconds: PositiveFloat = 900.0
    """The same for uploads of files."""


class ValkeySettings(Section):
    """Where the shared rate limits live."""

    url: Annotated[SecretStr, AfterValidator(_is_valkey_url)]
    timeout_seconds: PositiveFloat = 0.25
    """A Valkey that takes longer counts as away."""
    probe_seconds: PositiveFloat = 1.0
    """How often it is looked for while it is away."""


class LimitSettings(Section):
    """How many requests are let through."""

    per_second: PositiveFloat = 200.0
    """For each user and each API key, lasting."""
    burst: PositiveInt = 400
    """For each user and each API key, at once."""
    sign_in_per_second: PositiveFloat = 10.0
    """For each network address, on the routes that need no token, lasting."""
    sign_in_burst: PositiveInt = 100
    """For each network address, on the routes that need no token, at once."""


class PromptCacheSettings(Section):
    """The memory of the hot read."""

    ttl_seconds: PositiveFloat = 30.0
    """How old an answer may get when no event invalidates it, for instance while Kafka is away."""
    max_bytes: PositiveInt = 64 * 1024 * 1024


class LiveSettings(Section):
    """The live feed."""

    heartbeat_seconds: PositiveFloat = 15.0
    """How often a listener hears a ping."""
    authenticate_seconds: PositiveFloat = 10.0
    """How long a listener may take to say who it is."""


class Settings(ServiceSettings):
    """The gateway's settings; only Valkey, Kafka and the five targets have no default."""

    http: HttpSettings = HttpSettings()
    valkey: ValkeySettings
    kafka: KafkaSettings
    targets: Targets
    grpc: GrpcSettings = GrpcSettings()
    limits: LimitSettings = LimitSettings()
    prompt_cache: PromptCacheSettings = PromptCacheSettings()
    live: LiveSettings = LiveSettings()
