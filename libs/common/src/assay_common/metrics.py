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
KAFKA_DELIVERY_SECONDS = Histogram(
    "kafka_delivery_seconds",
    "Time from what a message tells of until it was handled here, waiting and retries included.",
    ["topic"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0),
)

OUTBOX_LEADER = Gauge("outbox_leader", "1 while this process publishes the schema's events, else 0.", ["schema"])
OUTBOX_UNPUBLISHED = Gauge(
    "outbox_unpublished", "Events that wait to be published; 0 at a process that does not lead.", ["schema"]
)
OUTBOX_OLDEST_SECONDS = Gauge(
    "outbox_oldest_seconds",
    "Age of the oldest event that waits to be published; 0 at a process that does not lead.",
    ["schema"],
)
OUTBOX_PUBLISHED = Counter("outbox_published", "Events acknowledged by Kafka.", ["schema"])

HOUSEKEEPING_REMOVED = Counter("housekeeping_removed", "Rows removed because they were old.", ["schema", "table"])

DATABASE_POOL_SIZE = Gauge("database_pool_size", "Open database connections.")
DATABASE_POOL_IDLE = Gauge("database_pool_idle", "Open database connections that nobody uses.")
DATABASE_POOL_LIMIT = Gauge("database_pool_limit", "Most database connections that this process opens.")
DATABASE_POOL_WAIT_SECONDS = Histogram(
    "database_pool_wait_seconds", "Time that a transaction waited for a connection of the pool.", buckets=_SECONDS
)

TRUSTED_CERTIFICATES_NOT_AFTER = Gauge(
    "trusted_certificates_not_after_timestamp_seconds",
    "When the last certificate of a file expires that this process was told to trust; no series without such files.",
    ["file"],
)

INFO = Gauge("service_info", "1; the labels say what runs.", ["service", "version"])
READY = Gauge("service_ready", "1 while the process takes work, else 0.")
CHECK_FAILED = Gauge("service_check_failed", "1 while a readiness check fails, else 0.", ["check"])
