"""The gateway's ports on gRPC, Valkey and Kafka."""
