import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay_common.errors import InvalidArgument
from assay_common.postgres.pages import MalformedCursor, cursor, cut, decode_cursor, encode_cursor, page_size


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=40), max_size=4))
def test_a_cursor_reads_back_as_it_was_written_and_needs_no_escaping_in_a_url(value):
    token = encode_cursor(value)
    assert decode_cursor(token) == value
    assert all(character.isascii() and (character.isalnum() or character in "-_") for character in token)


@given(st.text(max_size=60))
def test_garbage_is_refused_as_an_invalid_argument_or_is_a_cursor(garbage):
    try:
        value = decode_cursor(garbage)
    except MalformedCursor as error:
        assert [violation.field for violation in error.violations] == ["page_token"]
    else:
        assert all(isinstance(part, str) for part in value.values())


@pytest.mark.parametrize("token", ["", "W10", "bnVsbA", "eyJhIjoxfQ", "é", "a", "e30" * 1000, "W1tbW1tb" * 200])
def test_what_is_not_a_cursor_is_refused(token):
    with pytest.raises(MalformedCursor):
        decode_cursor(token)


def test_a_page_begins_behind_the_key_that_the_token_holds():
    assert cursor("", int) is None
    assert cursor(encode_cursor({"after": "7"}), int) == 7


@pytest.mark.parametrize("token", [encode_cursor({"before": "7"}), encode_cursor({"after": "x"}), "W10"])
def test_a_token_of_another_list_is_refused(token):
    with pytest.raises(MalformedCursor) as refused:
        cursor(token, int)
    assert [violation.field for violation in refused.value.violations] == ["page_token"]


@pytest.mark.parametrize(("requested", "size"), [(0, 50), (1, 1), (200, 200), (201, 200), (2**31 - 1, 200)])
def test_a_page_has_the_size_asked_for_within_bounds(requested, size):
    assert page_size(requested) == size


def test_a_negative_page_size_is_refused():
    with pytest.raises(InvalidArgument) as refused:
        page_size(-1)
    assert [violation.field for violation in refused.value.violations] == ["page_size"]


@pytest.mark.parametrize(
    ("rows", "page", "more"), [([], [], False), ([1, 2], [1, 2], False), ([1, 2, 3], [1, 2], True)]
)
def test_one_row_more_than_a_page_means_that_a_next_one_begins_behind_the_last_row_shown(rows, page, more):
    shown, token = cut(rows, 2, lambda row: {"after": str(row)})
    assert shown == page
    assert (decode_cursor(token) if token else None) == ({"after": "2"} if more else None)
