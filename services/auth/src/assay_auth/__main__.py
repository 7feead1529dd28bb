"""Run a role of the auth service: `python -m assay_auth serve`, `migrate`, `rotate-signing-key`, `reseal` …."""

from __future__ import annotations

import sys

from assay_auth import bootstrap
from assay_auth.adapters.postgres.transaction import SCHEMA
from assay_auth.bootstrap.operations import deactivate, reseal, rotate_signing_key
from assay_auth.settings import Settings
from assay_common.roles import Operation, main, migration, process

if __name__ == "__main__":
    sys.exit(
        main(
            "assay_auth",
            {
                "serve": process("auth", Settings, lambda settings, lifecycle: bootstrap.serve(settings)(lifecycle)),
                "rotate-signing-key": rotate_signing_key,
                "reseal": reseal,
                "migrate": migration(SCHEMA, bootstrap.MIGRATIONS),
            },
            {"deactivate": Operation("EMAIL", deactivate)},
        )
    )
