"""The ports on PostgreSQL, on the prompt service, on language models and on an embedding model."""
