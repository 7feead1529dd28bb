import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay_evaluation.domain import importing
from assay_evaluation.domain.datasets import Example, FileFormat
from assay_evaluation.domain.errors import TooManyRows
from assay_evaluation.domain.importing import RowError, parse

JSONL, CSV = FileFormat.JSONL, FileFormat.CSV


def lines(*rows):
    return "\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows).encode()


def test_a_jsonl_file_becomes_examples_in_its_order():
    parsed = parse(
        lines(
            {"inputs": {"message": "Where is my parcel?"}, "expected": "delivery"},
            {"inputs": {"message": "Refund, please", "tries": 2}, "metadata": {"source": "mail"}},
        ),
        JSONL,
    )
    assert parsed.examples == [
        Example({"message": "Where is my parcel?"}, "delivery", {}),
        Example({"message": "Refund, please", "tries": 2}, None, {"source": "mail"}),
    ]
    assert (parsed.errors, parsed.rejected) == ([], 0)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("{", "is not JSON: Expecting property name enclosed in double quotes at column 2"),
        ("[1]", 'is not an object such as {"inputs": {…}, "expected": "…"}'),
        ({"expected": "x"}, "inputs is missing"),
        ({"inputs": "x"}, "inputs is not an object"),
        ({"inputs": {}, "expected": 3}, "expected is not a text"),
        ({"inputs": {}, "metadata": [1]}, "metadata is not an object"),
        ({"inputs": {}, "answer": "x"}, "has unknown keys: answer; known are inputs, expected and metadata"),
        ('{"inputs": {"a": 1, "a": 2}}', "names 'a' twice"),
        ('{"inputs": {"a": NaN}}', "is not JSON: NaN"),
        ('{"inputs": {"a": 1e999}}', "the number inf cannot be kept exactly; write it as a text"),
        (
            '{"inputs": {"a": 9007199254740993}}',
            "the number 9007199254740993 cannot be kept exactly; write it as a text",
        ),
        ('{"inputs": {"a": ' + "1" * 5000 + "}}", "holds a number that is too long"),
        ({"inputs": {"a": "\0"}}, "holds a NUL character"),
        ('{"inputs": {"a": "\\ud800"}}', "is not UTF-8 text"),
        ('{"inputs": {"a": ' + "[" * 30 + "]" * 30 + "}}", "is nested too deeply"),
        ('{"inputs": {"a": ' + "[" * 100_000 + "]" * 100_000 + "}}", "is nested too deeply"),
    ],
)
def test_a_broken_jsonl_row_is_reported_with_its_line(row, message):
    parsed = parse(lines({"inputs": {}}, "", row, {"inputs": {}}), JSONL)
    assert parsed.errors == [RowError(3, message)]
    assert (len(parsed.examples), parsed.rejected) == (2, 1)


def test_bytes_that_are_no_utf8_are_a_broken_row():
    assert parse(b'{"inputs": {"a": "ok"}}\n{"inputs": {"a": "\xff"}}\n', JSONL).errors == [
        RowError(2, "is not UTF-8 text")
    ]
    assert parse(b"a,expected\nok,x\n\xff,y\n", CSV).errors == [RowError(3, "is not UTF-8 text")]


@pytest.mark.parametrize(
    ("content", "file_format"), [(b'\xef\xbb\xbf{"inputs": {"a": "x"}}\r\n', JSONL), (b"\xef\xbb\xbfa\r\nx\r\n", CSV)]
)
def test_a_byte_order_mark_and_windows_line_ends_are_tolerated(content, file_format):
    assert parse(content, file_format).examples == [Example({"a": "x"}, None, {})]


def test_a_csv_file_takes_its_column_expected_as_the_answer():
    parsed = parse(b'message,expected,channel\n"Hello,\nthere",greeting,mail\nBye,,chat\n', CSV)
    assert parsed.examples == [
        Example({"message": "Hello,\nthere", "channel": "mail"}, "greeting", {}),
        Example({"message": "Bye", "channel": "chat"}, None, {}),
    ]


def test_broken_csv_rows_are_reported_with_the_line_on_which_they_begin():
    parsed = parse(b'a,b\n1,"two\nlines"\n1\n1,2,3\n\n1,"x"y\n1,2\n', CSV)
    assert parsed.errors == [
        RowError(4, "has 1 cells, the header has 2"),
        RowError(5, "has 3 cells, the header has 2"),
        RowError(7, "is not CSV: ',' expected after '\"'"),
    ]
    assert [example.inputs for example in parsed.examples] == [{"a": "1", "b": "two\nlines"}, {"a": "1", "b": "2"}]


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (b"a,b,a", "the header names columns twice: a"),
        (b"a,,b", "the header has a column without a name"),
        (b"expected", "the header names no input, only the expected answer"),
        (b'"a', "the header is not CSV: unexpected end of data"),
    ],
)
def test_a_broken_header_keeps_the_whole_file_out(header, message):
    parsed = parse(header + b"\n1,2,3\n" if not header.startswith(b'"') else header, CSV)
    assert (parsed.examples, parsed.errors, parsed.rejected) == ([], [RowError(1, message)], 1)
    assert not parsed.importable(skip_invalid=True)


@pytest.mark.parametrize(("content", "file_format"), [(b"", JSONL), (b"\n\n", JSONL), (b"", CSV), (b"a,b\n", CSV)])
def test_a_file_without_rows_is_an_error(content, file_format):
    assert parse(content, file_format).errors == [RowError(1, "the file has no rows")]


def test_only_the_first_errors_are_kept_and_all_are_counted():
    parsed = parse(b"nonsense\n" * 250, JSONL)
    assert (len(parsed.errors), parsed.rejected) == (100, 250)


def test_too_many_rows_are_refused(monkeypatch):
    monkeypatch.setattr(importing, "MAX_ROWS", 3)
    assert len(parse(b'{"inputs": {}}\n' * 3, JSONL).examples) == 3
    with pytest.raises(TooManyRows, match="more than 3 rows"):
        parse(b'{"inputs": {}}\n' * 4, JSONL)


@given(st.binary(max_size=300), st.sampled_from(FileFormat))
def test_no_bytes_break_the_parser(content, file_format):
    parsed = parse(content, file_format)
    assert parsed.examples or parsed.errors
    for example in parsed.examples:
        json.dumps([dict(example.inputs), example.expected]).encode()
