"""The analytics service of Assay."""
