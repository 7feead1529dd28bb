"""GraphQL over the same services, for reading: POST /graphql, GET /graphql, and subscriptions over a WebSocket."""
