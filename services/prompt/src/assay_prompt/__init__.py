"""The prompt service of Assay."""
