"""The audits that have engines: which files each looks at, with which engines, and what it judges."""

from collections.abc import Mapping
from typing import Final

from assay_audit.application.audits.git import audit_git
from assay_audit.application.audits.integrity import audit_integrity
from assay_audit.application.audits.servant import audit_servant
from assay_audit.application.audits.snapshot import Audit
from assay_audit.application.audits.strict import audit_strict
from assay_audit.application.audits.tdd import audit_tdd
from assay_audit.domain.kinds import AuditKind

AUDITS: Final[Mapping[AuditKind, Audit]] = {
    AuditKind.INTEGRITY: audit_integrity,
    AuditKind.TDD: audit_tdd,
    AuditKind.GIT: audit_git,
    AuditKind.SERVANT: audit_servant,
    AuditKind.STRICT: audit_strict,
}
