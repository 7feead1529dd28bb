"""Use cases of the gateway. What only translates between HTTP and gRPC has none and lives in entrypoints."""
