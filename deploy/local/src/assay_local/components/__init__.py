"""The real components that the services stand on."""

from assay_local.components.component import Component
from assay_local.components.kafka import Kafka
from assay_local.components.model import ModelServer
from assay_local.components.objects import ObjectStore
from assay_local.components.postgres import Database, Postgres
from assay_local.components.valkey import Valkey

__all__ = ["Component", "Database", "Kafka", "ModelServer", "ObjectStore", "Postgres", "Valkey"]
