"""Kafka: events as CloudEvents, an idempotent producer, topics as data, and a consumer that loses nothing."""
