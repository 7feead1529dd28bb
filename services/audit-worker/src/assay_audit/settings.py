"""Every knob of the audit-worker service."""

from pathlib import Path
from typing import Final

from pydantic import Field, IPvAnyNetwork, PositiveFloat, PositiveInt

from assay_common.settings import DatabaseSettings, GrpcSettings, KafkaSettings, Section, ServiceSettings, Targets

MIB: Final = 1024 * 1024


class ObjectStoreSettings(Section):
    """Where bundles are kept."""

    url: str
    """file:///folder, s3://bucket/prefix, gs://bucket or az://account/container; credentials by the store's own
    environment variables."""


class CloneSettings(Section):
    """What may be cloned, and for how long."""

    allowed_hosts: frozenset[str] = frozenset()
    """JSON list of hosts that may have private addresses and other ports: the organisation's own forge."""
    allowed_networks: tuple[IPvAnyNetwork, ...] = ()
    """JSON list of networks (CIDR) into which any host may resolve."""
    ca_file: Path | None = None
    """Certificates to trust instead of the system's, for a forge with its own authority."""
    seconds: PositiveFloat = 600.0
    """Longest time of a clone."""


class LimitSettings(Section):
    """What one repository may use up."""

    bundle_bytes: PositiveInt = 1024 * MIB
    """Largest bundle taken, and largest clone."""
    file_bytes: PositiveInt = MIB
    """Largest file that is audited."""
    files: PositiveInt = 20_000
    """Most files that are audited."""
    commits: PositiveInt = 2_000
    """Most commits of the history that are looked at: the newest."""
    findings: PositiveInt = 10_000
    """Most findings kept of one audit: the worst."""
    git_seconds: PositiveFloat = 120.0
    """Longest time of one git command, clones apart."""
    engine_seconds: PositiveFloat = 120.0
    """Longest time of one engine process."""
    process_bytes: PositiveInt = 4096 * MIB
    """Address space of one git or engine process."""


class MirrorSettings(Section):
    """The cache of unpacked repositories under the data folder."""

    cache_bytes: PositiveInt = 10 * 1024 * MIB
    """What all of them may take up; those in use are never removed."""


class Settings(ServiceSettings):
    """Read from the environment (prefix ASSAY_); the other sections are documented in assay_common.settings."""

    database: DatabaseSettings
    kafka: KafkaSettings
    grpc: GrpcSettings = GrpcSettings()
    targets: Targets = Targets()
    """Of the other services only auth is called, for its signing keys."""
    object_store: ObjectStoreSettings
    data_dir: Path
    """Folder for mirrors and temporary files; may be lost at any time."""
    clone: CloneSettings = CloneSettings()
    limits: LimitSettings = LimitSettings()
    mirrors: MirrorSettings = MirrorSettings()
    engine_processes: PositiveInt | None = Field(default=None)
    """Engine processes that run at a time in one worker; by default one a core."""
