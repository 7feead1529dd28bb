"""Ids of a batch."""

from uuid import UUID

import pytest

from assay_common.batches import MAX_BATCH, BatchTooLarge, ids_in


def test_each_id_counts_once_and_what_is_no_id_is_left_out() -> None:
    one, two = UUID(int=1), UUID(int=2)
    assert ids_in("ids", [str(one), "nothing", "", str(two), str(one)]) == [one, two]


def test_a_batch_has_a_largest_size() -> None:
    ids = [str(UUID(int=number)) for number in range(MAX_BATCH + 1)]
    assert len(ids_in("ids", ids[1:] + ids[1:])) == MAX_BATCH
    with pytest.raises(BatchTooLarge) as raised:
        ids_in("ids", ids)
    assert [violation.field for violation in raised.value.violations] == ["ids"]
