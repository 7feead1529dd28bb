from hypothesis import given
from hypothesis import strategies as st

from assay_gateway.domain.rate import Bucket, Rate, decide


def test_a_full_bucket_gives_its_burst_and_then_says_when_to_come_back():
    bucket = Bucket(Rate(per_second=2, burst=3), now=0)
    assert [bucket.take(0).allowed for _ in range(4)] == [True, True, True, False]
    refused = bucket.take(0)
    assert (refused.limit, refused.remaining, refused.retry_after, refused.reset_after) == (3, 0, 1, 2)
    assert bucket.take(0.5).allowed


def test_a_refusal_never_says_come_back_at_once():
    assert decide(Rate(1000, 10), allowed=False, tokens=0.999).retry_after == 1


def test_a_lease_is_a_twentieth_of_the_burst_and_at_least_one():
    assert [Rate(1, burst).lease for burst in (1, 19, 400)] == [1, 1, 20]


def test_a_bucket_is_full_again_after_a_while():
    bucket = Bucket(Rate(1, 2), now=0)
    bucket.take(0)
    assert not bucket.is_full(0.5)
    assert bucket.is_full(1)


@given(
    st.floats(0.1, 1000),
    st.integers(1, 500),
    st.lists(st.floats(0, 5), max_size=200),
)
def test_never_more_than_the_burst_and_what_came_back(per_second, burst, pauses):
    bucket = Bucket(Rate(per_second, burst), now=0)
    now = 0.0
    allowed = 0
    for pause in pauses:
        now += pause
        allowed += bucket.take(now).allowed
    assert allowed <= burst + now * per_second + 1e-6
