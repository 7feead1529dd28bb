"""Run a role of the prompt service: `python -m assay_prompt serve` or `migrate`."""

from __future__ import annotations

import sys

from assay_common.roles import main, migration, process
from assay_prompt import bootstrap
from assay_prompt.settings import Settings

if __name__ == "__main__":
    sys.exit(
        main(
            "assay_prompt",
            {
                "serve": process("prompt", Settings, bootstrap.serve),
                "migrate": migration(bootstrap.SCHEMA, bootstrap.MIGRATIONS),
            },
        )
    )
