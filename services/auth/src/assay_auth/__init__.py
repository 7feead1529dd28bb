"""The auth service of Assay."""
