"""What the use cases count."""

from prometheus_client import Counter, Gauge

RATE_LIMIT_LOCAL = Gauge(
    "gateway_rate_limit_local", "1 while limits are kept by this process alone because Valkey is away, else 0."
)
RATE_LIMIT_DECISIONS = Counter(
    "gateway_rate_limit_decisions", "Requests that asked for a token, by who decided.", ["by", "outcome"]
)
API_KEY_EXCHANGES = Counter("gateway_api_key_exchanges", "API keys presented to auth.", ["outcome"])
PROMPT_CACHE = Counter("gateway_prompt_cache", "Reads of prompts by what the cache knew.", ["outcome"])
PROMPT_CACHE_ENTRIES = Gauge("gateway_prompt_cache_entries", "Answers held by the prompt cache.")
PROMPT_CACHE_BYTES = Gauge("gateway_prompt_cache_bytes", "Size of the answers held by the prompt cache.")
LIVE_CONNECTIONS = Gauge("gateway_live_connections", "Open live feeds.")
LIVE_EVENTS = Counter("gateway_live_events", "Events handed to live feeds.")
LIVE_SLOW = Counter("gateway_live_slow_readers", "Live feeds closed because the reader was too slow.")
IDEMPOTENCY = Counter("gateway_idempotency", "Requests with an Idempotency-Key, by what became of them.", ["outcome"])
REQUESTS_RUNNING = Gauge("gateway_requests_running", "Requests that are being worked on.")
REQUESTS_QUEUED = Gauge("gateway_requests_queued", "Requests that wait for their turn.")
REQUESTS_TURNED_AWAY = Counter(
    "gateway_requests_turned_away", "Requests answered 503 because too many were queued, or they queued too long."
)
LIVE_RESUMED = Counter("gateway_live_resumed", "Live feeds that went on where they had been cut off.")
LIVE_GAPS = Counter("gateway_live_gaps", "Live feeds told that they have missed events.")
EVENT_STREAM_UP = Gauge(
    "gateway_event_stream_up",
    "1 while Kafka answers; 0 while it does not: revocations then wait for the end of access tokens.",
)
EVENT_STREAM_AGE = Gauge(
    "gateway_event_stream_age_seconds", "Seconds since Kafka last answered for every partition of the event topics."
)
