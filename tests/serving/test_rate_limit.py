"""Buckets of requests: never more than the burst and the rate allow, and no memory without end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.api.door import rate_limit
from serving.api.door.rate_limit import RateLimit


def test_a_burst_and_then_the_rate() -> None:
    limit = RateLimit(per_second=10, burst=3)
    assert [limit.wait("a", 5.0) for _ in range(4)] == [0, 0, 0, 0.1]
    assert limit.wait("b", 5.0) == 0
    assert [limit.wait("a", 5.1), limit.wait("a", 5.1)] == [0, 0.1]
    assert [limit.wait("a", 9.0) for _ in range(4)] == [0, 0, 0, 0.1]


@given(
    st.integers(1, 5),
    st.integers(1, 4),
    st.lists(st.integers(0, 30), min_size=1, max_size=60).map(sorted),
)
def test_a_rate_limit_is_a_bucket_that_fills_up(rate: int, burst: int, tenths: list[int]) -> None:
    """Against the bucket itself, counted in whole sixtieths of a request."""
    limit, filled, before = RateLimit(rate, burst), burst * 60, tenths[0]
    for tenth in tenths:
        filled = min(burst * 60, filled + (tenth - before) * rate * 6)
        before = tenth
        wait = limit.wait("a", 100 + tenth / 10)
        if filled >= 60:
            assert wait == 0
            filled -= 60
        else:
            assert wait == pytest.approx((60 - filled) / (rate * 60))


def test_a_rate_limit_remembers_no_more_subjects_than_it_may(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rate_limit, "MOST_SUBJECTS", 100)
    limit, scans, forget = RateLimit(per_second=1, burst=2), [], RateLimit._forget
    monkeypatch.setattr(
        RateLimit, "_forget", lambda self, now: (scans.append(now), forget(self, now))
    )
    for number in range(5000):
        assert limit.wait(f"subject {number}", 10.0 + number / 1000) == 0
        assert len(limit._full_at) <= 100
    # Each time half of them go, so that a request costs no scan of all buckets.
    assert 0 < len(scans) <= 5000 / 50
    # Whoever asked last is still held back; of those that are full again nothing is left.
    assert limit.wait("subject 4999", 15.0) == 0
    assert limit.wait("subject 4999", 15.0) > 0
    limit._forget(1000.0)
    assert limit._full_at == {}
