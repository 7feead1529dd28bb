"""Every knob of the gateway, its unit and its default."""

from __future__ import annotations

import re
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, NonNegativeFloat, PositiveFloat, PositiveInt, SecretStr

from assay_common.settings import Address, GrpcSettings, KafkaSettings, Section, ServiceSettings, Targets


def _is_valkey_url(url: SecretStr) -> SecretStr:
    if not url.get_secret_value().startswith(("redis://", "rediss://")):
        raise ValueError("must be a URL that begins with redis:// or rediss://")
    return url


def _is_public_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/") or parts.query:
        raise ValueError("must be a URL such as https://assay.example.org, without a path")
    return url.rstrip("/")


PublicUrl = Annotated[str, AfterValidator(_is_public_url)]


class HttpSettings(Section):
    """The port that clients reach."""

    listen: Address = "127.0.0.1:8080"
    trusted_proxies: str = ""
    """Addresses or networks, separated by commas, whose X-Forwarded-For is believed; empty = nobody's."""
    keep_alive_seconds: PositiveInt = 75
    """How long an idle connection is kept open."""
    deadline_seconds: PositiveFloat = 30.0
    """How long a request may take, the arrival of its body and all services together."""
    upload_deadline_seconds: PositiveFloat = 900.0
    """The same for uploads of files."""
    head_seconds: PositiveFloat = 10.0
    """How long the head of a request may take to arrive, on a new connection or after its first byte."""
    body_idle_seconds: PositiveFloat = 20.0
    """How long nothing of an unfinished body may arrive."""
    max_header_bytes: PositiveInt = 32 * 1024
    """All headers of a request together."""
    max_headers: PositiveInt = 100
    max_concurrent: PositiveInt = 200
    """Requests that are worked on at once; reads answered from memory, live feeds and operators' requests aside."""
    max_queued: PositiveInt = 400
    """Requests that wait for their turn; more are answered 503."""
    queue_seconds: PositiveFloat = 10.0
    """How long a request waits for its turn before it is answered 503."""
    unread_seconds: PositiveFloat = 60.0
    """How long a client may take none of what is sent to it before its connection is cut (Linux only)."""
    linger_seconds: NonNegativeFloat = 0.5
    """How long connections are still taken after SIGTERM, while load balancers learn of it."""


_ORIGIN: Final = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?|https?://\[[0-9a-f:.]+\](:[0-9]{1,5})?")


def _are_origins(origins: str) -> str:
    for origin in filter(None, (part.strip() for part in origins.split(","))):
        if origin != "*" and not _ORIGIN.fullmatch(origin):
            raise ValueError("must be origins separated by commas, such as https://app.example.org, or *")
    return origins


class CorsSettings(Section):
    """Pages of other origins that may call the API; without any, browsers let none."""

    origins: Annotated[str, AfterValidator(_are_origins)] = ""
    """Separated by commas, such as https://app.example.org; * = every page."""

    @property
    def allowed(self) -> tuple[str, ...]:
        """One by one."""
        return tuple(filter(None, (part.strip() for part in self.origins.split(","))))


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
    owner_per_second: PositiveFloat = 400.0
    """For each person or service account with all their keys together, lasting."""
    owner_burst: PositiveInt = 800
    """For each person or service account with all their keys together, at once."""
    organisation_per_second: PositiveFloat = 1000.0
    """For each organisation, lasting."""
    organisation_burst: PositiveInt = 2000
    """For each organisation, at once."""
    address_per_second: PositiveFloat = 1000.0
    """For each network address (IPv6: for each /64 network), lasting."""
    address_burst: PositiveInt = 2000
    """For each network address, at once."""
    sign_in_per_second: PositiveFloat = 20.0
    """For each network address, on the routes that need no token, lasting."""
    sign_in_burst: PositiveInt = 200
    """For each network address, on the routes that need no token, at once."""
    refused_per_second: PositiveFloat = 1.0
    """How many API keys and tokens that do not hold a network address may try, lasting."""
    refused_burst: PositiveInt = 50
    """How many API keys and tokens that do not hold a network address may try, at once."""


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
    replay_seconds: PositiveFloat = 900.0
    """How long a listener may be away and still be told what happened meanwhile."""
    replay_bytes: PositiveInt = 64 * 1024 * 1024
    """How much of what happened is kept for that."""
    replay_events: PositiveInt = 20_000
    """How many events of each partition a starting replica reads back for that, at most."""


class Settings(ServiceSettings):
    """The gateway's settings; only Valkey, Kafka and the five targets have no default."""

    public_url: PublicUrl = "http://localhost:8080"
    """What people type to reach the gateway: the base of links, cookies and redirects."""
    http: HttpSettings = HttpSettings()
    cors: CorsSettings = CorsSettings()
    valkey: ValkeySettings
    kafka: KafkaSettings
    targets: Targets
    grpc: GrpcSettings = GrpcSettings()
    limits: LimitSettings = LimitSettings()
    prompt_cache: PromptCacheSettings = PromptCacheSettings()
    live: LiveSettings = LiveSettings()
