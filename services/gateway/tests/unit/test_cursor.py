"""Where a listener stands, on any replica."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay_gateway.domain.cursor import MAX_CHARS, Cursor, MalformedCursor

positions = st.integers(0, 2**62)
cursors = st.builds(Cursor, st.lists(st.lists(positions, max_size=8).map(tuple), max_size=5).map(tuple))


@given(cursors)
def test_a_cursor_travels_as_text(cursor):
    assert Cursor.decode(cursor.text) == cursor


@given(st.text(max_size=60))
def test_other_text_is_refused_or_is_the_text_of_a_cursor(text):
    try:
        assert Cursor.decode(text).text == text
    except MalformedCursor as error:
        assert error.violations[0].field == "after"


@pytest.mark.parametrize("text", ["", "x", "AQ==", "AgEA", "AQIA", "AQGA", "A" * (MAX_CHARS + 1), "ä", "AQ\n"])
def test_what_is_no_cursor_is_refused(text):
    with pytest.raises(MalformedCursor):
        Cursor.decode(text)


@given(cursors, cursors)
def test_both_together_reach_each(one, other):
    both = one.merged(other)
    assert both.reaches(one)
    assert both.reaches(other)
    assert both.merged(one) == both
    assert all(
        both.at(topic, partition) == max(one.at(topic, partition), other.at(topic, partition))
        for topic in range(6)
        for partition in range(9)
    )


@given(cursors, st.integers(0, 5), st.integers(0, 8), positions)
def test_a_moved_cursor_differs_in_one_place(cursor, topic, partition, position):
    moved = cursor.moved(topic, partition, position)
    assert moved.at(topic, partition) == position
    assert moved.moved(topic, partition, cursor.at(topic, partition)).reaches(cursor)
    assert moved.has_seen(topic, partition, position - 1)
    assert not moved.has_seen(topic, partition, position)
