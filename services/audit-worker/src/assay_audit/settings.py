"""Every knob of the audit-worker service."""

from pathlib import Path
from typing import Any, Final

from pydantic import Field, IPvAnyNetwork, PositiveFloat, PositiveInt, SecretStr, model_validator

from assay_common.settings import (
    Address,
    DatabaseSettings,
    GrpcSettings,
    HousekeepingSettings,
    KafkaSettings,
    Section,
    ServiceSettings,
    Targets,
)

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


class AuditHousekeepingSettings(HousekeepingSettings):
    """How long rows and bundles are kept that the service has no more use for."""

    analyses_days: PositiveInt = 90
    """What engines said of a content, after which it is analysed anew if it is there still."""
    bundles_days: PositiveInt = 90
    """Bundles after they were last uploaded, cloned or audited; a repository's newest is kept in any case."""


class JobsSettings(Section):
    """Engines in Jobs of a Kubernetes cluster instead of processes of the worker."""

    template: dict[str, Any] | None = None
    """A Job (batch/v1) as JSON, with its namespace, one container, and all that the installation wishes of it; absent:
    engines run in the worker. The worker adds name, labels, owner and the container's last variables."""
    listen: Address = "127.0.0.1:8443"
    """The exchange, where Jobs ask for work."""
    address: str = ""
    """Host name or IP address under which Jobs reach the exchange: the pod's."""
    pod_name: str = ""
    """The worker's pod; its Jobs carry it as a label."""
    pod_uid: str = ""
    """With it the pod owns its Jobs: the cluster removes them when it goes."""
    processes: PositiveInt = 2
    """Engine processes at a time in one Job."""
    start_seconds: PositiveFloat = 300.0
    """How long a Job may take from the wish for it until its process asks for work."""
    idle_seconds: PositiveFloat = 10.0
    """How long a Job is kept for the run's next task."""
    silence_seconds: PositiveFloat = 30.0
    """A Job, or to a Job its worker, that says nothing for so long is dead."""

    @model_validator(mode="after")
    def _jobs_find_their_worker(self) -> "JobsSettings":
        if self.template is not None and not (self.address and self.pod_name):
            raise ValueError("ASSAY_JOBS__TEMPLATE needs ASSAY_JOBS__ADDRESS and ASSAY_JOBS__POD_NAME")
        return self


class ExchangeSettings(Section):
    """What the process in a Job is told by its worker."""

    url: str
    """The worker's exchange."""
    token: SecretStr
    """Lets the Job in, once."""
    certificate: str
    """PEM of the one certificate to trust."""


class JobSettings(ServiceSettings):
    """What the process in a Job needs, and all that it has."""

    exchange: ExchangeSettings


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
    housekeeping: AuditHousekeepingSettings = AuditHousekeepingSettings()
    jobs: JobsSettings = JobsSettings()
    engine_processes: PositiveInt | None = Field(default=None)
    """Engine processes that run at a time in one worker, if not in Jobs; by default one a core."""
