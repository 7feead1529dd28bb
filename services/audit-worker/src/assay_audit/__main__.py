"""Run a role of the audit-worker service: `python -m assay_audit serve`, `work` or `migrate`."""

from __future__ import annotations

import sys

from assay_audit import bootstrap
from assay_audit.settings import Settings
from assay_common.roles import main, migration, process

if __name__ == "__main__":
    sys.exit(
        main(
            "assay_audit",
            {
                "serve": process("audit", Settings, bootstrap.serve),
                "work": process("audit-worker", Settings, bootstrap.work),
                "migrate": migration(bootstrap.SCHEMA, bootstrap.MIGRATIONS),
            },
        )
    )
