"""Every knob of the prompt service."""

from __future__ import annotations

from assay_common.settings import (
    DatabaseSettings,
    GrpcSettings,
    HousekeepingSettings,
    KafkaSettings,
    ServiceSettings,
    Targets,
)


class Settings(ServiceSettings):
    """Read from the environment (prefix ASSAY_); the sections are documented in assay_common.settings."""

    database: DatabaseSettings
    kafka: KafkaSettings
    grpc: GrpcSettings = GrpcSettings()
    housekeeping: HousekeepingSettings = HousekeepingSettings()
    targets: Targets = Targets()
    """Of the other services only auth is called, for its signing keys."""
