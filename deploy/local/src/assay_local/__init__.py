"""The local launcher: PostgreSQL, Valkey, Kafka, a language model and the services on one machine, without Docker or root."""
