from hypothesis import given
from hypothesis import strategies as st

from assay_gateway.domain.rate import Bucket, Claim, Claims, Rate, decide


def take(bucket, now):
    if bucket.tokens(now) < 1:
        return False
    bucket.take(1)
    return True


def test_a_full_bucket_gives_its_burst_and_then_what_comes_back():
    bucket = Bucket(Rate(per_second=2, burst=3), now=0)
    assert [take(bucket, 0) for _ in range(4)] == [True, True, True, False]
    assert take(bucket, 0.5)


def test_a_refusal_says_when_to_come_back():
    refused = decide(Claim("user:x", Rate(per_second=2, burst=3)), allowed=False, tokens=0)
    assert (refused.limit, refused.remaining, refused.retry_after, refused.reset_after) == (3, 0, 1, 2)
    assert refused.scope == "user"
    assert decide(Claim("user:x", Rate(2, 30)), allowed=False, tokens=0, needed=10).retry_after == 5


def test_a_refusal_never_says_come_back_at_once():
    assert decide(Claim("user:x", Rate(1000, 10)), allowed=False, tokens=0.999).retry_after == 1


def test_many_buckets_are_as_strict_as_their_strictest():
    claims = Claims((Claim("user:x", Rate(1, 400)), Claim("address:y", Rate(2, 100))))
    assert (claims.name, claims.lease, claims.most) == ("user:x address:y", 5, 100)
    assert claims.tightest([50, 60]) == 0
    assert claims.slowest([8.0, 5.0], 10) == 1
    assert claims.slowest([7.0, 5.0], 10) == 0


def test_a_lease_is_a_twentieth_of_the_burst_and_at_least_one():
    assert [Rate(1, burst).lease for burst in (1, 19, 400)] == [1, 1, 20]


def test_what_is_given_back_never_overflows():
    bucket = Bucket(Rate(1, 2), now=0)
    bucket.take(-5)
    assert bucket.tokens(0) == 2


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
        allowed += take(bucket, now)
    assert allowed <= burst + now * per_second + 1e-6
