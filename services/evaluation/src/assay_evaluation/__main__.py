"""Run a role of the evaluation service: `python -m assay_evaluation serve`, `work` or `migrate`."""

from __future__ import annotations

import sys

from assay_common.roles import main, migration, process
from assay_evaluation import bootstrap
from assay_evaluation.settings import ServeSettings, WorkSettings

if __name__ == "__main__":
    sys.exit(
        main(
            "assay_evaluation",
            {
                "serve": process("evaluation", ServeSettings, bootstrap.serve),
                "work": process("evaluation-worker", WorkSettings, bootstrap.work),
                "migrate": migration(bootstrap.SCHEMA, bootstrap.MIGRATIONS),
            },
        )
    )
