"""The command line of Assay, a client of the gateway's HTTP API."""
