"""gRPC between the services: server, authorisation, errors, client channels, token verification."""
