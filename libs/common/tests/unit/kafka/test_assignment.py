"""Partitions are shared out evenly, and few move when members come and go."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from assay_common.kafka.assignment import share_out

members = st.lists(st.uuids().map(str), min_size=1, max_size=20, unique=True)


def owners(shares):
    return {partition: member for member, partitions in shares.items() for partition in partitions}


@given(st.integers(0, 60), members)
def test_every_partition_has_one_owner_and_loads_differ_by_one_at_most(count, members):
    shares = share_out("topic", range(count), members)
    loads = [len(partitions) for partitions in shares.values()]
    assert sorted(partition for partitions in shares.values() for partition in partitions) == list(range(count))
    assert max(loads) - min(loads) <= 1


@given(st.integers(0, 30), members, st.randoms())
def test_who_decides_does_not_matter(count, members, chance):
    shuffled = chance.sample(members, len(members))
    assert share_out("topic", range(count), members) == share_out("topic", range(count), shuffled)


def test_nobody_gets_anything_where_nobody_is():
    assert share_out("topic", range(3), []) == {}


def test_few_partitions_move_when_a_member_joins():
    partitions, moved = range(24), 0
    trials = 100
    for trial in range(trials):
        group = [str(UUID(int=trial * 100 + i)) for i in range(5)]
        before, after = (owners(share_out("topic", partitions, group[:size])) for size in (4, 5))
        moved += sum(before[partition] != after[partition] for partition in partitions)
    # At least 4 must move (a fair share for the newcomer); dealing them out anew would move 19.
    assert moved / trials < 10
