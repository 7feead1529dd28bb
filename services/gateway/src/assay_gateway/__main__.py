"""Run the gateway until SIGTERM: `python -m assay_gateway serve`."""

from __future__ import annotations

import sys

from assay_common.roles import main, process
from assay_gateway.bootstrap import starting
from assay_gateway.settings import Settings

if __name__ == "__main__":
    serve = process("gateway", Settings, lambda settings, lifecycle: starting(settings)(lifecycle))
    sys.exit(main("assay_gateway", {"serve": serve}))
