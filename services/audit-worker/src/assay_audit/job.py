"""The process in a Job of a cluster: `python -m assay_audit.job`.

It begins with every audit, so it loads little: nothing of databases, of Kafka or of the engines themselves.
"""

import asyncio
import sys

from assay_audit.adapters.jobs.job import do_job
from assay_audit.settings import JobSettings
from assay_common.logs import configure_logging
from assay_common.settings import load


def main() -> int:
    """Let engines answer what the worker asks until it asks no more; returns the exit code."""
    settings = load(JobSettings)
    configure_logging("audit-job", settings.log)
    exchange = settings.exchange
    return asyncio.run(do_job(exchange.url, exchange.token.get_secret_value(), exchange.certificate))


if __name__ == "__main__":
    sys.exit(main())
