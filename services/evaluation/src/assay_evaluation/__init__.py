"""The evaluation service of Assay."""
