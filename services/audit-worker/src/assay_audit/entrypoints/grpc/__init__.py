"""The gRPC services: translate in, call one use case, translate out."""
