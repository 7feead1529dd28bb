"""Every knob of the evaluation service."""

from __future__ import annotations

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, SecretStr, model_validator

from assay_common.settings import (
    DatabaseSettings,
    GrpcSettings,
    HousekeepingSettings,
    KafkaSettings,
    Section,
    ServiceSettings,
    Targets,
)


class CatalogueEntry(Section):
    """How a model of the catalogue is reached. What users of the service can choose is its name, nothing else."""

    litellm_model: str
    """LiteLLM's name, provider first: `openai/gpt-4o-mini`."""
    api_base: str | None = None
    """Another address than the provider's own."""
    api_key: SecretStr | None = None
    """By default the provider's usual environment variable."""
    input_cost_per_token: NonNegativeFloat | None = None
    """US dollars; by default what LiteLLM's table says, and unknown if it says nothing."""
    output_cost_per_token: NonNegativeFloat | None = None

    @model_validator(mode="after")
    def _prices_come_together(self) -> CatalogueEntry:
        if (self.input_cost_per_token is None) != (self.output_cost_per_token is None):
            raise ValueError("input_cost_per_token and output_cost_per_token go together")
        return self


class RunSettings(Section):
    """How runs are cut."""

    items_per_task: PositiveInt = 8
    """What a worker takes at a time, and loses when it dies."""


class WorkerSettings(Section):
    """How hard a worker works, and how patient it is."""

    requests: PositiveInt = 8
    """Requests to models at once."""
    tasks: PositiveInt = 4
    """Tasks in hand at once, so that one can be stored while another is asked."""
    item_seconds: PositiveFloat = 60.0
    """For an item, all attempts and the pauses between them together."""
    attempt_seconds: PositiveFloat = 30.0
    """For one attempt."""


class WorkSettings(ServiceSettings):
    """What `work` needs, read from the environment (prefix ASSAY_)."""

    database: DatabaseSettings
    kafka: KafkaSettings
    housekeeping: HousekeepingSettings = HousekeepingSettings()
    models: dict[str, CatalogueEntry] = Field(default_factory=dict)
    """The catalogue as JSON: name → entry."""
    worker: WorkerSettings = WorkerSettings()


class ServeSettings(ServiceSettings):
    """What `serve` needs, read from the environment (prefix ASSAY_)."""

    database: DatabaseSettings
    kafka: KafkaSettings
    housekeeping: HousekeepingSettings = HousekeepingSettings()
    grpc: GrpcSettings = GrpcSettings()
    targets: Targets = Targets()
    """auth, for its signing keys, and prompt, for versions and renderings."""
    models: dict[str, CatalogueEntry] = Field(default_factory=dict)
    """The catalogue as JSON: name → entry."""
    runs: RunSettings = RunSettings()
