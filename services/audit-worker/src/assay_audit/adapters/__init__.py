"""The ports on PostgreSQL, the object store, git, DNS and the analysis engines."""
