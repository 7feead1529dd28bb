"""Every knob of the analytics service."""

from __future__ import annotations

from assay_common.settings import (
    DatabaseSettings,
    GrpcSettings,
    HousekeepingSettings,
    KafkaSettings,
    ServiceSettings,
    Targets,
)


class ReplaySettings(ServiceSettings):
    """What `replay` needs."""

    database: DatabaseSettings
    kafka: KafkaSettings


class Settings(ReplaySettings):
    """Read from the environment (prefix ASSAY_); the sections are documented in assay_common.settings."""

    grpc: GrpcSettings = GrpcSettings()
    housekeeping: HousekeepingSettings = HousekeepingSettings()
    targets: Targets = Targets()
    """Of the other services only auth is called, for its signing keys."""
