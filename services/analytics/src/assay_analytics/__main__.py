"""Run a role of the analytics service: `python -m assay_analytics serve`, `migrate` or `replay FROM`."""

from __future__ import annotations

import sys

from assay_analytics import bootstrap
from assay_analytics.settings import Settings
from assay_common.roles import Operation, main, migration, process

if __name__ == "__main__":
    sys.exit(
        main(
            "assay_analytics",
            {
                "serve": process("analytics", Settings, bootstrap.serve),
                "migrate": migration(bootstrap.SCHEMA, bootstrap.MIGRATIONS),
            },
            {"replay": Operation("FROM", bootstrap.replay)},
        )
    )
