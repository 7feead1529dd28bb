import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay_audit.domain.kinds import MEASURED, AuditKind, Severity
from assay_audit.domain.scoring import HALVING, SHARES, health, score

KINDS = st.sampled_from(MEASURED)
FOUND = st.lists(st.sampled_from(Severity), max_size=200)
SIZES = st.floats(0, 5000)


@given(KINDS, SIZES)
def test_nothing_found_is_a_hundred(kind, size):
    assert score(kind, [], size) == 100.0


@given(KINDS, FOUND, SIZES, st.sampled_from(Severity))
def test_one_more_finding_never_helps(kind, found, size, more):
    assert score(kind, [*found, more], size) <= score(kind, found, size)


@given(KINDS, FOUND, SIZES, SIZES)
def test_the_same_findings_in_more_code_never_hurt(kind, found, size, more):
    assert score(kind, found, size) <= score(kind, found, size + more)


@given(KINDS, FOUND, SIZES)
def test_a_score_is_within_0_and_100(kind, found, size):
    assert 0.0 <= score(kind, found, size) <= 100.0


@given(KINDS, st.lists(st.just(Severity.NOTE), min_size=1), SIZES)
def test_a_worse_severity_never_helps(kind, notes, size):
    assert score(kind, [Severity.ERROR, *notes[1:]], size) <= score(kind, notes, size)


@pytest.mark.parametrize("kind", MEASURED)
def test_halving_points_halve(kind):
    notes = [Severity.NOTE] * int(HALVING[kind])
    assert score(kind, notes, 1.0) == 50.0
    assert score(kind, notes, 0.1) == 50.0


def test_health_weighs_the_measured_audits_only():
    assert health({}) is None
    assert health({AuditKind.GIT: 40.0}) == 40.0
    weights = SHARES[AuditKind.INTEGRITY], SHARES[AuditKind.GIT]
    expected = (weights[0] * 100 + weights[1] * 20) / sum(weights)
    assert health({AuditKind.INTEGRITY: 100.0, AuditKind.GIT: 20.0}) == pytest.approx(expected, abs=0.05)
