"""The forecast of a month's end: closed cases, and how often its interval holds the truth."""

import numpy as np
import pytest

from training.experiments.month_end import NO_SHIFT, estimate_shift, forecast_renewals
from training.experiments.shares import bound_share


def month(draw: np.random.Generator, terms: int, shift: float) -> tuple[np.ndarray, int]:
    odds = draw.normal(1.2, 0.8, terms)
    renewed = draw.random(terms) < 1 / (1 + np.exp(-(odds + shift)))
    return 1 / (1 + np.exp(-odds)), int(renewed.sum())


def test_what_is_certain_is_forecast_without_width() -> None:
    done = forecast_renewals(7, [1.0, 1.0, 0.0])
    assert (round(done.mean, 6), done.low, done.high) == (9, 9, 9)
    nothing = forecast_renewals(7, [])
    assert (nothing.mean, nothing.low, nothing.high) == (7, 7, 7)


def test_a_hundred_even_chances_worked_out_by_hand() -> None:
    # Binomial(100, 1/2): 2.5% lie below 40, 2.5% above 60 (40.0 and 60.0 by the tables).
    done = forecast_renewals(0, [0.5] * 100)
    assert done.mean == pytest.approx(50)
    assert (done.low, done.high) == (40, 60)


def test_a_probability_is_between_0_and_1() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        forecast_renewals(0, [1.2])


def test_one_month_teaches_nothing() -> None:
    assert estimate_shift([80], [70], [20]) is NO_SHIFT


def test_months_that_were_all_better_shift_the_forecast() -> None:
    # Each month 10 renewals more than expected, at a variance of 100: 0.1 in log-odds.
    shift = estimate_shift([110] * 6, [100] * 6, [100] * 6)
    assert shift.mean == pytest.approx(0.1, abs=0.01)
    assert forecast_renewals(0, [0.5] * 100, shift).mean == pytest.approx(52.5, abs=0.3)


@pytest.mark.parametrize(("spread", "terms"), [(0.0, 100), (0.1, 800), (0.3, 100)])
def test_the_interval_holds_the_month_in_95_of_100(spread: float, terms: int) -> None:
    draw = np.random.default_rng(42)
    held = 0
    for _ in range(300):
        past = [month(draw, 800, draw.normal(0.1, spread)) for _ in range(6)]
        rows = [(renewed, p.sum(), (p * (1 - p)).sum()) for p, renewed in past]
        p, renewed = month(draw, terms, draw.normal(0.1, spread))
        done = forecast_renewals(0, p, estimate_shift(*zip(*rows, strict=True)))
        held += done.low <= renewed <= done.high
    # Whole numbers and six months cover a little more; 300 months know it within 2.5 points.
    assert held / 300 >= 0.925


def test_the_interval_of_a_share_is_that_of_statsmodels() -> None:
    from statsmodels.stats.proportion import proportion_confint

    for yes, of in ((0, 5), (3, 7), (292, 357)):
        assert bound_share(yes, of) == pytest.approx(proportion_confint(yes, of, method="wilson"))
