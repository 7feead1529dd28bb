"""detect-secrets: keys, tokens and passwords in any text. What is found is never quoted, and never tried out."""

import logging
from pathlib import Path
from typing import Final

from detect_secrets.core.scan import scan_file
from detect_secrets.settings import transient_settings

from assay_audit.adapters.engines.task import Answer, Task
from assay_audit.domain.kinds import Severity

FILTERS: Final = (
    "detect_secrets.filters.heuristic.is_templated_secret",
    "detect_secrets.filters.heuristic.is_prefixed_with_dollar_sign",
    "detect_secrets.filters.heuristic.is_indirect_reference",
    "detect_secrets.filters.allowlist.is_line_allowlisted",
)
LIKELY_EXAMPLES: Final = frozenset({"Basic Auth Credentials"})
"""What documentation and settings are full of; reported, but as a warning."""


def analyse(task: Task) -> Answer:
    """Scan the files; in tests a secret is usually made up, which makes it a note."""
    logging.disable(logging.CRITICAL)
    answer = Answer()
    settings = {
        "plugins_used": [{"name": name} for name in task.options["detectors"]],
        "filters_used": [{"path": path} for path in FILTERS],
    }
    with transient_settings(settings):
        for file in task:
            # It passes over what is no UTF-8; the exported copy is ours to change.
            Path(file.file).write_text(file.text(), "utf-8")
            severity = Severity.NOTE if file.test else Severity.ERROR
            for secret in scan_file(file.file):
                rule = f"secrets/{secret.type.lower().replace(' ', '-')}"
                likely = min(severity, Severity.WARNING) if secret.type in LIKELY_EXAMPLES else severity
                answer.add(file.file, rule, likely, secret.line_number, f"{secret.type} in the repository")
    return answer
