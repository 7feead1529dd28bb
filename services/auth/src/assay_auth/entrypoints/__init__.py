"""The ways in: gRPC."""
