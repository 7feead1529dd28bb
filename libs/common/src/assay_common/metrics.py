"""The Prometheus metrics every process shares; served at /metrics by the ops server."""

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

GRPC_SERVER_HANDLED = Counter("grpc_server_handled", "RPCs finished by this server.", ["method", "code"])
GRPC_SERVER_HANDLING_SECONDS = Histogram(
    "grpc_server_handling_seconds", "Time from an RPC's start to its status.", ["method"], buckets=_SECONDS
)

KAFKA_CONSUMED = Counter("kafka_consumed", "Messages whose handling ended.", ["topic", "outcome"])
KAFKA_DEAD_LETTERS = Counter("kafka_dead_letters", "Messages sent to a dead-letter topic.", ["topic"])
KAFKA_CONSUMER_LAG = Gauge("kafka_consumer_lag", "Messages not yet handled.", ["topic", "partition"])

OUTBOX_UNPUBLISHED = Gauge("outbox_unpublished", "Events that wait to be published.")
OUTBOX_PUBLISHED = Counter("outbox_published", "Events acknowledged by Kafka.")

DATABASE_POOL_SIZE = Gauge("database_pool_size", "Open database connections.")
DATABASE_POOL_IDLE = Gauge("database_pool_idle", "Open database connections that nobody uses.")

READY = Gauge("service_ready", "1 while the process takes work, else 0.")
