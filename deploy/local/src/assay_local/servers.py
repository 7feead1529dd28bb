"""The servers of an installation that runs elsewhere, a cluster's for instance: prepared as its operator would."""

import asyncio
from collections.abc import Sequence
from typing import Any

from assay_local.components import Component, Kafka, ModelServer, Postgres, Valkey
from assay_local.components.model import MODEL_NAME
from assay_local.process import Tell, say_nothing
from assay_local.site import Site

DATABASE = "assay"
OWNER = "assay_owner"
LOGIN_PREFIX = "assay_"
SCHEMAS = ("auth", "prompt", "evaluation", "audit", "analytics")


class Servers:
    """PostgreSQL with the owner's and the services' logins, Kafka, Valkey and a model, at the address of the site.

    Args:
        site: its address is where the installation finds them.
        database: made anew unless it exists. Roles belong to the whole server, so all databases share the logins.
        schemas: one login each, named `assay_<schema>`.
    """

    def __init__(self, site: Site, *, database: str = DATABASE, schemas: Sequence[str] = SCHEMAS) -> None:
        self.site = site
        self.database = database
        self.schemas = tuple(schemas)
        self.postgres = Postgres(site)
        self.kafka = Kafka(site)
        self.valkey = Valkey(site)
        self.model = ModelServer(site)

    @property
    def components(self) -> tuple[Component, ...]:
        """All of them."""
        return (self.postgres, self.kafka, self.valkey, self.model)

    @property
    def passwords(self) -> dict[str, str]:
        """By the keys of the chart's Secret: `owner`, and one for each schema."""
        return {key: self.site.secret(f"installation/{key}") for key in ("owner", *self.schemas)}

    @property
    def chart_values(self) -> dict[str, Any]:
        """The chart's values that name these servers; the model is `small`."""
        return {
            "database": {
                "host": self.postgres.host,
                "port": self.postgres.port,
                "name": self.database,
                "owner": OWNER,
                "loginPrefix": LOGIN_PREFIX,
                "passwords": self.passwords,
                "sslMode": "disable",
            },
            "kafka": {"bootstrapServers": self.kafka.bootstrap_servers},
            "valkey": {"host": self.valkey.host, "port": self.valkey.port, "password": self.valkey.password},
            "models": {
                "small": {
                    "litellm_model": f"openai/{MODEL_NAME}",
                    "api_base": self.model.url,
                    "input_cost_per_token": 0,
                    "output_cost_per_token": 0,
                }
            },
            # LiteLLM sends none without one; the server here takes any.
            "components": {"evaluation-worker": {"env": {"OPENAI_API_KEY": "local"}}},
        }

    async def start(self, tell: Tell = say_nothing) -> None:
        """Start what does not run, and make the database and its logins.

        Raises:
            LaunchError: something could not be started; the message says why.
        """
        await asyncio.gather(*(each.start(tell) for each in self.components))
        await self.make_database(self.database)

    async def make_database(self, name: str) -> None:
        """One more database, for one more installation with the same logins."""
        given = self.passwords
        logins = {OWNER: given["owner"], **{f"{LOGIN_PREFIX}{schema}": given[schema] for schema in self.schemas}}
        await self.postgres.prepare_installation(name, OWNER, logins)

    async def stop(self) -> None:
        """Stop all; the data stays."""
        await asyncio.gather(*(each.stop() for each in self.components))
