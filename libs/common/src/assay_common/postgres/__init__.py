"""PostgreSQL: a pool bound to a role, tenant transactions, the event store that is the outbox, migrations."""
