"""`python -m assay_auth serve` runs the service, `python -m assay_auth migrate` prepares its database."""

import argparse
import sys

from assay_auth.bootstrap import migrate, serve
from assay_auth.settings import MigrationSettings, Settings
from assay_common.lifecycle import run
from assay_common.logs import configure_logging
from assay_common.settings import load

SERVICE = "auth"


def main() -> int:
    """Run the role that the command line names; returns the exit code."""
    parser = argparse.ArgumentParser(prog="assay_auth", description="The auth service of Assay.")
    parser.add_argument("role", choices=("serve", "migrate"))
    if parser.parse_args().role == "serve":
        settings = load(Settings)
        return run(SERVICE, settings, serve(settings))
    migration = load(MigrationSettings)
    configure_logging(SERVICE, migration.log)
    migrate(migration)
    return 0


if __name__ == "__main__":
    sys.exit(main())
