"""`python -m assay_local`."""

from assay_local.cli import app

app()
