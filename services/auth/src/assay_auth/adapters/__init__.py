"""The ports on PostgreSQL and cryptography."""
