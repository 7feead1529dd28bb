"""Fixtures for the tests of all services."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from assay_common.kafka.topics import ensure_topics
from assay_common.settings import KafkaSettings
from assay_local.components import Kafka
from assay_protos import topics
from assay_testing.issuer import Issuer


@pytest.fixture
def issuer() -> Issuer:
    """An issuer of tokens with a key of its own."""
    return Issuer()


@pytest.fixture(scope="session")
def kafka_settings(kafka: Kafka) -> KafkaSettings:
    """The run's Kafka with all topics, in a namespace of this test worker's own.

    Workers run at the same time; in one namespace they would share consumer groups and take each other's messages.
    """
    settings = KafkaSettings(bootstrap_servers=kafka.bootstrap_servers, namespace=f"test-{uuid4().hex[:8]}.")
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, ensure_topics(settings, topics.ALL)).result()
    return settings
