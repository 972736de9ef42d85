"""What an experiment can see: figures worked out by hand, by statsmodels, and by drawing."""

import numpy as np
import pytest
import tea_tasting as tt
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.power import NormalIndPower

from features.errors import GuanjiaError
from training.experiments.looks import LookPlan, inflation
from training.experiments.power import (
    Design,
    break_even_effect,
    check_power,
    needed_holdout,
    needed_units,
    power_of_effect,
    rate_deviation,
    rate_visible_from,
    smallest_visible_effect,
)

RENEWALS = rate_deviation(0.75)


@pytest.mark.parametrize(
    ("terms", "holdout", "points"),
    [
        (1400, 0.05, 14.9),
        (1400, 0.10, 10.8),
        (1400, 0.5, 6.5),
        (100_000, 0.05, 1.8),
        (100_000, 0.2, 1.0),
    ],
)
def test_the_specified_figures(terms: int, holdout: float, points: float) -> None:
    assert round(100 * smallest_visible_effect(Design(terms, holdout, RENEWALS)), 1) == points


def test_statsmodels_and_tea_tasting_have_the_same() -> None:
    design = Design(4000, 0.2, 3.0)
    ours = smallest_visible_effect(design)
    theirs = NormalIndPower().solve_power(nobs1=800, ratio=4, alpha=0.05, power=0.8)
    assert ours == pytest.approx(3.0 * theirs, rel=1e-4)
    mean = tt.Mean("yuan", n_obs=4000, ratio=4, power=0.8, use_t=False)
    sizes = tt.aggr.Aggregates(4000, {"yuan": 50.0}, {"yuan": 9.0})
    assert ours == pytest.approx(mean.solve_power_from_aggregates(sizes)[0].effect_size, rel=1e-4)


def test_a_seen_effect_is_seen_four_times_in_five() -> None:
    draw = np.random.default_rng(3)
    design = Design(2000, 0.25, rate_deviation(0.5))
    effect = smallest_visible_effect(design)
    control = draw.binomial(500, 0.5 - effect / 2, 20_000) / 500
    treated = draw.binomial(1500, 0.5 + effect / 2, 20_000) / 1500
    seen = (np.abs(treated - control) > 1.959964 * design.standard_error).mean()
    assert seen == pytest.approx(0.8, abs=0.015)
    assert power_of_effect(design, effect) == pytest.approx(0.8, abs=1e-9)


@given(
    units=st.integers(200, 10**6),
    rate=st.floats(0.05, 0.95),
    effect=st.floats(0.001, 0.2),
)
def test_the_needed_holdout_sees_the_effect(units: int, rate: float, effect: float) -> None:
    design = Design(units, 0.5, rate_deviation(rate))
    share = needed_holdout(design, effect)
    if share is None:
        assert smallest_visible_effect(design) > effect * (1 - 1e-3)
        return
    assert 0 < share <= 0.5
    sees = smallest_visible_effect(Design(units, share, rate_deviation(rate)))
    # Units are whole, so the share may be a little more than needed.
    assert sees <= effect * (1 + 1e-9)


def test_needed_units_by_hand() -> None:
    # (2.80159 * sqrt(.1875) / .02)^2 / (.2 * .8) = 22,994.8.
    assert needed_units(Design(10, 0.2, RENEWALS), 0.02) == 22_995


def test_a_check_of_a_small_branch() -> None:
    check = check_power(Design(1400, 0.1, RENEWALS), 1.2, 300.0, expected_effect=0.035)
    assert check.break_even_effect == pytest.approx(0.004)
    assert check.visible_yuan == pytest.approx(32.42, abs=0.01)
    assert check.power == pytest.approx(0.146, abs=0.001)
    assert not check.sufficient
    assert check.needed_holdout is None
    # (10.81 / 3.5)^2 = 9.54 campaigns.
    assert check.pooled_campaigns == 10


def test_a_check_of_a_large_branch_tells_its_holdout() -> None:
    check = check_power(Design(20_000, 0.05, RENEWALS), 1.2, 300.0, expected_effect=0.02)
    # h (1 - h) = (2.80159 * .43301 / .02)^2 / 20,000 = .18397.
    assert check.needed_holdout == pytest.approx(0.2430, abs=0.0005)
    assert check_power(Design(20_000, 0.244, RENEWALS), 1.2, 300.0, 0.02).sufficient


def test_the_covariate_and_the_looks_are_counted() -> None:
    plain = smallest_visible_effect(Design(5000, 0.2, RENEWALS))
    adjusted = smallest_visible_effect(Design(5000, 0.2, RENEWALS, explained=0.19))
    assert adjusted == pytest.approx(0.9 * plain)
    looked = Design(5000, 0.2, RENEWALS, inflation=inflation(LookPlan(5)))
    assert 1.0 < smallest_visible_effect(looked) / plain < 1.03


def test_near_one_a_rise_has_its_own_variance() -> None:
    design = Design(2000, 0.5, RENEWALS)
    raised = rate_visible_from(design, 0.95)
    assert raised - 0.95 < smallest_visible_effect(Design(2000, 0.5, rate_deviation(0.95)))
    spread = np.sqrt((raised * (1 - raised) + 0.95 * 0.05) / 1000)
    assert (raised - 0.95) / spread == pytest.approx(2.8016, abs=1e-3)
    with pytest.raises(GuanjiaError, match="Pool campaigns"):
        rate_visible_from(Design(50, 0.1, RENEWALS), 0.95)


def test_what_no_experiment_has_is_refused() -> None:
    for wrong in (
        lambda: Design(1, 0.5, 1.0),
        lambda: Design(10, 0.0, 1.0),
        lambda: Design(10, 0.5, 0.0),
        lambda: Design(10, 0.5, 1.0, explained=1.0),
        lambda: Design(10, 0.5, 1.0, confidence=0.0),
        lambda: rate_deviation(1.0),
        lambda: break_even_effect(-1.0, 5.0),
        lambda: break_even_effect(1.0, 0.0),
        lambda: needed_units(Design(10, 0.5, 1.0), 0.0),
    ):
        with pytest.raises(GuanjiaError):
            wrong()
