"""What does not answer is asked by one caller a while, and by all as soon as it answers."""

from hypothesis import given
from hypothesis import strategies as st

from serving.breaker import Breaker


def test_what_answers_is_always_asked() -> None:
    breaker = Breaker(1.0)
    assert all(breaker.may_ask(5.0) for _ in range(3))
    breaker.answered()
    assert breaker.may_ask(5.0)


def test_after_a_failure_one_asks_and_the_others_do_without() -> None:
    breaker = Breaker(1.0)
    breaker.failed(10.0)
    assert not breaker.may_ask(10.9)
    assert [breaker.may_ask(11.0) for _ in range(3)] == [True, False, False]
    # The one who asks hangs: a second later another does.
    assert [breaker.may_ask(12.0) for _ in range(2)] == [True, False]


def test_the_first_answer_opens_the_way_for_all() -> None:
    breaker = Breaker(1.0)
    breaker.failed(10.0)
    assert breaker.may_ask(11.0)
    breaker.answered()
    assert all(breaker.may_ask(11.0) for _ in range(3))


@given(st.lists(st.integers(0, 100), min_size=1, max_size=80).map(sorted))
def test_while_it_is_away_there_is_a_second_between_attempts(tenths: list[int]) -> None:
    breaker = Breaker(1.0)
    breaker.failed(0.0)
    asked = [0]
    for tenth in tenths:
        if breaker.may_ask(tenth / 10):
            assert tenth - asked[-1] >= 10
            asked.append(tenth)
            breaker.failed(tenth / 10)
        else:
            assert tenth - asked[-1] < 10
