from hypothesis import given
from hypothesis import strategies as st

from assay_audit.domain.findings import RawFinding, context_of, identified
from assay_audit.domain.kinds import AuditKind, Severity

LINES = st.lists(
    st.sampled_from(["x = 1", "y = undefined", "", "    return x", "def f():", "y  =  undefined"]), min_size=1
)


def found(lines: list[str], line: int, *, rule: str = "ruff/F821", path: str = "a.py") -> RawFinding:
    return RawFinding(rule, Severity.ERROR, "undefined", path, line, context_of(lines, line))


def fingerprints(raw: list[RawFinding]) -> list[str]:
    return [finding.fingerprint for finding in sorted(identified(AuditKind.STRICT, raw), key=lambda f: f.line)]


@given(above=LINES, code=LINES, data=st.data())
def test_inserting_lines_above_changes_no_fingerprint(above, code, data):
    lines = data.draw(st.sets(st.integers(1, len(code)), min_size=1))
    before = fingerprints([found(code, line) for line in sorted(lines)])
    moved = above + code
    after = fingerprints([found(moved, line + len(above)) for line in sorted(lines)])
    assert after == before


@given(code=LINES, data=st.data())
def test_indentation_and_blank_lines_change_no_fingerprint(code, data):
    line = data.draw(st.integers(1, len(code)))
    indented = [f"\t{text}  " for text in code]
    assert fingerprints([found(code, line)]) == fingerprints([found(indented, line)])


@given(code=LINES)
def test_every_finding_has_a_fingerprint_of_its_own(code):
    raw = [found(code, line) for line in range(1, len(code) + 1)]
    raw += [found(code, line, rule="ruff/F401") for line in range(1, len(code) + 1)]
    raw += [found(code, line, path="b.py") for line in range(1, len(code) + 1)]
    assert len(set(fingerprints(raw))) == len(raw)


def test_another_line_of_code_is_another_finding():
    assert fingerprints([found(["a = b"], 1)]) != fingerprints([found(["a = c"], 1)])


def test_the_worst_come_first():
    raw = [
        RawFinding("r/1", Severity.NOTE, "", "a.py", 1),
        RawFinding("r/2", Severity.ERROR, "", "z.py", 9),
        RawFinding("r/3", Severity.WARNING, "", "b.py", 2),
    ]
    assert [finding.rule for finding in identified(AuditKind.STRICT, raw)] == ["r/2", "r/3", "r/1"]


def test_messages_are_printable_and_bounded():
    raw = RawFinding("r/1", Severity.NOTE, "a\x1b[31m\0b\ud800" + "x" * 5000)
    message = identified(AuditKind.STRICT, [raw])[0].message
    assert message.isprintable()
    assert len(message) == 1000


def test_a_line_beyond_the_file_has_no_context():
    assert context_of(["a"], 0) == context_of(["a"], 2) == ""
