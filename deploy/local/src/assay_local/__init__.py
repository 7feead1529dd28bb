"""The local launcher: the components and the services on one machine, without Docker or root."""
