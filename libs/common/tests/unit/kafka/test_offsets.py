"""The tracker of offsets: never ahead of unfinished work, whatever the order in which work ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from assay_common.kafka.offsets import OffsetTracker


def test_nothing_started_means_nothing_to_commit():
    assert OffsetTracker().position is None


def test_the_position_waits_for_the_first_unfinished_offset():
    tracker = OffsetTracker()
    for offset in (5, 6, 7):
        assert tracker.start(offset)
    tracker.finish(6)
    tracker.finish(7)
    assert tracker.position == 5
    tracker.finish(5)
    assert tracker.position == 8


def test_gaps_between_offsets_are_no_unfinished_work():
    tracker = OffsetTracker()
    tracker.start(3)
    tracker.start(900)
    tracker.finish(3)
    assert tracker.position == 900


def test_an_offset_under_way_or_done_is_not_begun_again():
    tracker = OffsetTracker()
    tracker.start(1)
    tracker.start(2)
    tracker.finish(2)
    assert not tracker.start(1)
    assert not tracker.start(2)


def test_an_offset_given_back_holds_the_position_and_may_be_begun_again():
    tracker = OffsetTracker()
    tracker.start(1)
    tracker.start(2)
    tracker.give_back(1)
    tracker.finish(2)
    assert (tracker.position, tracker.open) == (1, 0)
    assert tracker.start(1)
    tracker.finish(1)
    assert tracker.position == 3


def test_a_group_moved_back_begins_again():
    tracker = OffsetTracker()
    tracker.start(10)
    tracker.finish(10)
    tracker.settle(11)
    assert tracker.position == 11
    assert tracker.start(4)
    assert tracker.position == 4
    tracker.finish(4)
    assert tracker.position == 5


def test_what_is_done_is_remembered_until_it_is_settled():
    tracker = OffsetTracker()
    tracker.start(1)
    tracker.finish(1)
    assert not tracker.start(1)
    tracker.settle(2)
    assert tracker.start(1)


def test_a_partition_that_comes_back_has_no_position_until_it_is_known_where_it_goes_on():
    tracker = OffsetTracker()
    tracker.start(1)
    tracker.give_back(1)
    tracker.resume()
    assert tracker.position is None
    tracker.start(1)
    assert tracker.position == 1


def test_what_others_did_and_committed_meanwhile_is_forgotten():
    tracker = OffsetTracker()
    for offset in (1, 2, 3):
        tracker.start(offset)
    tracker.give_back(1)
    tracker.finish(2)
    tracker.give_back(3)
    tracker.resume()
    tracker.start(9)
    assert tracker.position == 9
    tracker.finish(9)
    assert tracker.position == 10


def test_what_runs_since_before_is_waited_for_even_if_others_did_it_too():
    tracker = OffsetTracker()
    tracker.start(1)
    tracker.resume()
    tracker.start(9)
    tracker.finish(9)
    assert tracker.position == 1
    tracker.finish(1)
    assert tracker.position == 10


@pytest.mark.parametrize("end", ["finish", "give_back"])
def test_only_what_is_under_way_can_end(end):
    tracker = OffsetTracker()
    with pytest.raises(ValueError, match="7"):
        getattr(tracker, end)(7)


@given(st.sets(st.integers(0, 10**6), min_size=1), st.randoms())
def test_whatever_the_order_the_end_is_one_past_the_last(offsets, chance):
    tracker = OffsetTracker()
    for offset in sorted(offsets):
        assert tracker.start(offset)
    unfinished = sorted(offsets)
    for offset in chance.sample(unfinished, len(unfinished)):
        assert tracker.position == min(unfinished)
        assert tracker.open == len(unfinished)
        tracker.finish(offset)
        unfinished.remove(offset)
    assert tracker.position == max(offsets) + 1


class Partition(RuleBasedStateMachine):
    """A partition with gaps, committed and delivered again at any moment, against the naive model of sets."""

    @initialize(gaps=st.lists(st.integers(1, 5), min_size=1, max_size=40))
    def write(self, gaps):
        self.log = [sum(gaps[: i + 1]) for i in range(len(gaps))]
        self.tracker = OffsetTracker()
        self.fetched = 0
        self.committed = 0
        self.resuming = False
        self.open, self.given_back = set(), set()
        self.done, self.remembered = set(), set()

    @precondition(lambda self: self.fetched < len(self.log))
    @rule()
    def fetch(self):
        offset = self.log[self.fetched]
        self.fetched += 1
        if self.resuming:
            self.resuming = False
            self.given_back = {each for each in self.given_back if each >= offset}
            self.remembered = {each for each in self.remembered if each >= offset}
        is_new = offset not in self.open | self.remembered
        assert self.tracker.start(offset) is is_new
        if is_new:
            self.given_back.discard(offset)
            self.open.add(offset)

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def finish(self, data):
        offset = data.draw(st.sampled_from(sorted(self.open)))
        self.tracker.finish(offset)
        self.open.remove(offset)
        self.done.add(offset)
        self.remembered.add(offset)

    @rule()
    def commit(self):
        if (position := self.tracker.position) is not None:
            self.committed = max(self.committed, position)
            self.tracker.settle(position)
            self.remembered = {each for each in self.remembered if each >= position}

    @rule(data=st.data())
    def rebalance_and_return(self, data):
        for offset in sorted(self.open):
            if data.draw(st.booleans()):
                self.tracker.give_back(offset)
                self.open.remove(offset)
                self.given_back.add(offset)
        self.tracker.resume()
        self.resuming = True
        others_did = data.draw(st.sampled_from([0, *self.log]))
        self.done |= {offset for offset in self.log if self.committed <= offset < others_did}
        self.committed = max(self.committed, others_did)
        self.fetched = sum(offset < self.committed for offset in self.log)

    @invariant()
    def never_ahead_of_unfinished_work(self):
        position = self.tracker.position
        if position is not None:
            assert all(offset >= position for offset in self.open | self.given_back)
            assert all(offset in self.done for offset in self.log if offset < position)

    @invariant()
    def knows_no_position_while_it_is_unknown_where_to_go_on(self):
        assert not (self.resuming and self.tracker.position is not None)

    def teardown(self):
        """Whatever happened, once all that arrives is done, all of it may be committed."""
        if not hasattr(self, "log"):
            return
        while self.fetched < len(self.log):
            self.fetch()
        for offset in sorted(self.open):
            self.tracker.finish(offset)
        if not self.resuming and self.tracker.position is not None:
            assert self.tracker.position > self.log[-1]

    @invariant()
    def counts_what_is_under_way(self):
        assert self.tracker.open == len(self.open)


TestPartition = Partition.TestCase
