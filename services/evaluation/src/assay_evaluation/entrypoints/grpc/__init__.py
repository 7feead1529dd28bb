"""The three gRPC services: translate in, call one use case, translate out."""
