"""`python -m assay_gateway serve`: run the gateway until SIGTERM."""

from __future__ import annotations

import argparse
import sys

from assay_common.lifecycle import run
from assay_common.settings import load
from assay_gateway.bootstrap import starting
from assay_gateway.settings import Settings


def main() -> int:
    """Run the role that the command line names; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m assay_gateway")
    parser.add_argument("role", choices=["serve"])
    parser.parse_args()
    settings = load(Settings)
    return run("gateway", settings, starting(settings))


if __name__ == "__main__":
    sys.exit(main())
