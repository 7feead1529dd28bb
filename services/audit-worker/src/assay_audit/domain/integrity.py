"""What must not be in a repository, by the look of its files' names, sizes and text."""

import re
from collections.abc import Iterable
from typing import Final

from assay_audit.domain.files import SourceFile, TreeEntry
from assay_audit.domain.findings import RawFinding
from assay_audit.domain.kinds import Severity

HUGE: Final = 5 * 1024 * 1024
"""Bytes above which a file does not belong into git."""

_KEY_FILE: Final = re.compile(r"(id_rsa|id_dsa|id_ecdsa|id_ed25519|.*\.(p12|pfx|jks|keystore|ppk))", re.IGNORECASE)
_ENVIRONMENT_FILE: Final = re.compile(r"\.env(\.(local|dev|development|prod|production|staging))?", re.IGNORECASE)

_PRIVATE_KEY: Final = re.compile(r"-----BEGIN ([A-Z0-9]+ ){0,3}PRIVATE KEY( BLOCK)?-----")

_OPENING, _MIDDLE, _CLOSING = "<<<<<<< ", "=======", ">>>>>>> "


def suspicious_entries(entries: Iterable[TreeEntry]) -> list[RawFinding]:
    """Key files, environment files and huge files, by name and size."""
    return [finding for entry in entries for finding in _suspicions(entry)]


def _suspicions(entry: TreeEntry) -> Iterable[RawFinding]:
    name = entry.path.rpartition("/")[2]
    in_tests = SourceFile(entry.path, entry.object_id, entry.size).is_test
    if _KEY_FILE.fullmatch(name):
        severity = Severity.WARNING if in_tests else Severity.ERROR
        yield RawFinding("assay/key-file", severity, f"{name} looks like a private key or a key store", entry.path)
    if _ENVIRONMENT_FILE.fullmatch(name):
        yield RawFinding("assay/environment-file", Severity.WARNING, f"{name} usually holds secrets", entry.path)
    if entry.size > HUGE:
        size = f"{entry.size / 1024 / 1024:.0f} MiB"
        yield RawFinding("assay/huge-file", Severity.WARNING, f"a file of {size} stays in every clone", entry.path)


def merge_markers(lines: list[str]) -> list[int]:
    """Lines (from 1) on which a conflict begins that was committed unresolved."""
    found, opened, divided = [], 0, False
    for number, line in enumerate(lines, start=1):
        if line.startswith(_OPENING):
            opened, divided = number, False
        elif opened and line.rstrip("\r\n") == _MIDDLE:
            divided = True
        elif divided and line.startswith(_CLOSING):
            found.append(opened)
            opened, divided = 0, False
    return found


def private_keys(lines: list[str]) -> list[int]:
    """Lines (from 1) on which a private key in PEM or PGP armour begins; mere mentions in code do not count."""
    return [number for number, line in enumerate(lines, start=1) if _PRIVATE_KEY.fullmatch(line.strip())]
