"""The audit-worker service of Assay: repositories and their audits."""
