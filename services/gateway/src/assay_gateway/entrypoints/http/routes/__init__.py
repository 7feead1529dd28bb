"""One module a resource: translate in, ask a service, translate out."""
