"""The audit `integrity`: secrets, unsafe code, and what must not be in a repository."""

import asyncio
from typing import Final

from assay_audit.application.audits.snapshot import TEXT, Examined, NothingToMeasure, Snapshot, kilolines
from assay_audit.domain.analysis import Engine, findings_of
from assay_audit.domain.integrity import suspicious_entries

BANDIT: Final = Engine(
    "bandit",
    {
        # What tests do on purpose: assert, run programs, use throw-away passwords and folders.
        "skip_in_tests": ["B101", "B105", "B106", "B107", "B108", "B110", "B311", "B404", "B603", "B607"],
    },
)

SECRETS: Final = Engine(
    "secrets",
    {
        # Detectors that know the form of a secret. Those that guess by entropy or by the name of a variable are left
        # out: hashes of lock files and test data would drown the rest. Private keys are found by the engine "text".
        "detectors": [
            "ArtifactoryDetector", "AWSKeyDetector", "AzureStorageKeyDetector", "BasicAuthDetector", "CloudantDetector",
            "DiscordBotTokenDetector", "GitHubTokenDetector", "IbmCloudIamDetector", "IbmCosHmacDetector",
            "JwtTokenDetector", "MailchimpDetector", "NpmDetector", "SendGridDetector",
            "SlackDetector", "SoftlayerDetector", "SquareOAuthDetector", "StripeDetector", "TwilioKeyDetector",
        ],
    },
)  # fmt: skip


async def audit_integrity(snapshot: Snapshot) -> Examined:
    """Look for secrets in all text, for unsafe code in Python, for merge markers, key files and huge files."""
    inventory = snapshot.inventory
    if not inventory.entries:
        raise NothingToMeasure("no files")
    text, secrets, bandit = await asyncio.gather(
        snapshot.each(TEXT, inventory.files),
        snapshot.each(SECRETS, inventory.files),
        snapshot.each(BANDIT, inventory.code(language="python")),
    )
    lines = await snapshot.lines(inventory.code())
    found = [*findings_of(text, secrets, bandit), *suspicious_entries(inventory.entries)]
    return Examined(found, kilolines(lines))
