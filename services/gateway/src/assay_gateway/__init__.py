"""The gateway of Assay: the only part reachable from outside."""
