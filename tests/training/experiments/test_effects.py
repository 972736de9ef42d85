"""Effects of lots: worked out by hand, by scipy, statsmodels and tea-tasting, and by drawing."""

import numpy as np
import pytest
import scipy.stats
import statsmodels.api as sm
import tea_tasting as tt
from hypothesis import given, settings
from hypothesis import strategies as st

from features.errors import GuanjiaError
from training.experiments.compliers import complier_effect
from training.experiments.effects import average_effect, total
from training.experiments.sample import Sample

DRAW = np.random.default_rng(11)
ROWS = 1200
TREATED = DRAW.random(ROWS) < 0.7
BEFORE = DRAW.normal(size=ROWS)
YUAN = 50 + 10 * BEFORE + 3 * TREATED + DRAW.normal(0, 20, ROWS)
RENEWED = (DRAW.random(ROWS) < 0.7 + 0.05 * TREATED + 0.1 * np.tanh(BEFORE)).astype(float)


def test_a_difference_by_hand() -> None:
    # Treated 1 1 1 0, control 1 0 0 0: means .75 and .25, each with variance .25 / 4.
    outcome = np.array([1, 1, 1, 0, 1, 0, 0, 0], float)
    effect = average_effect(outcome, Sample(np.arange(8) < 4))
    assert (effect.treated_mean, effect.control_mean, effect.value) == pytest.approx(
        (0.75, 0.25, 0.5)
    )
    assert effect.deviation == pytest.approx(np.sqrt(2 * 0.25 / 4))
    assert effect.freedom == pytest.approx(6)
    assert effect.high - effect.value == pytest.approx(2.446912 * effect.deviation)
    assert (effect.treated, effect.control) == (4, 4)


@pytest.mark.parametrize("outcome", [YUAN, RENEWED], ids=["yuan", "renewed"])
def test_without_covariates_it_is_welchs(outcome: np.ndarray) -> None:
    effect = average_effect(outcome, Sample(TREATED))
    theirs = scipy.stats.ttest_ind(outcome[TREATED], outcome[~TREATED], equal_var=False)
    bounds = theirs.confidence_interval()
    assert (effect.low, effect.high) == pytest.approx((bounds.low, bounds.high), rel=1e-9)
    assert effect.p_value == pytest.approx(theirs.pvalue, rel=1e-9)


def test_with_covariate_and_households_it_is_statsmodels() -> None:
    households = np.random.default_rng(1).integers(0, 700, ROWS)
    treated = (np.random.default_rng(2).random(700) < 0.6)[households]
    effect = average_effect(YUAN, Sample(treated, clusters=households, covariates=BEFORE))
    centred = BEFORE - BEFORE.mean()
    columns = sm.add_constant(np.column_stack([treated, centred, treated * centred]))
    line = sm.OLS(YUAN, columns).fit(cov_type="cluster", cov_kwds={"groups": households})
    assert effect.value == pytest.approx(line.params[1], rel=1e-9)
    assert effect.deviation == pytest.approx(line.bse[1], rel=0.01)


def test_a_covariate_narrows_as_in_tea_tasting() -> None:
    """CUPED has one slope for both arms; where it is one, both come to the same."""
    adjusted = average_effect(YUAN, Sample(TREATED, covariates=BEFORE))
    plain = average_effect(YUAN, Sample(TREATED))
    data = {
        int(arm): tt.aggr.Aggregates(
            int((arm == TREATED).sum()),
            {"y": YUAN[arm == TREATED].mean(), "x": BEFORE[arm == TREATED].mean()},
            {"y": YUAN[arm == TREATED].var(ddof=1), "x": BEFORE[arm == TREATED].var(ddof=1)},
            {("x", "y"): np.cov(BEFORE[arm == TREATED], YUAN[arm == TREATED])[0, 1]},
        )
        for arm in (False, True)
    }
    theirs = tt.Mean("y", covariate="x").analyze_aggregates(data[0], data[1])
    assert adjusted.value == pytest.approx(theirs.effect_size, abs=0.05)
    width = theirs.effect_size_ci_upper - theirs.effect_size_ci_lower
    assert adjusted.high - adjusted.low == pytest.approx(width, rel=0.01)
    assert adjusted.explained == pytest.approx(1 - (adjusted.deviation / plain.deviation) ** 2)
    assert 0.1 < adjusted.explained < 0.3


def test_branches_with_other_holdouts_are_weighed() -> None:
    """Two branches, 80% treated where everybody renews, 20% where few do: no effect in either."""
    strata = np.repeat([0, 1], 500)
    treated = np.concatenate([np.arange(500) < 400, np.arange(500) < 100])
    renewed = np.where(strata == 0, 0.9, 0.2)
    renewed = (np.arange(1000) % 10 < 10 * renewed).astype(float)
    naive = average_effect(renewed, Sample(treated))
    assert naive.value > 0.3
    probability = np.where(strata == 0, 0.8, 0.2)
    for sample in (Sample(treated, probability, strata=strata), Sample(treated, probability)):
        assert average_effect(renewed, sample).value == pytest.approx(0, abs=1e-9)


@given(st.integers(0, 2**32 - 1), st.floats(-5, 5), st.floats(0.1, 10))
@settings(max_examples=30, deadline=None)
def test_what_may_not_matter_does_not(seed: int, shift: float, scale: float) -> None:
    """Order of rows, unit of the outcome, names of households and branches."""
    draw = np.random.default_rng(seed)
    treated = np.concatenate([[True, True, False, False], draw.random(60) < 0.5])
    outcome, before = draw.normal(size=(2, 64))
    household, branch = draw.integers(0, 40, 64), draw.integers(0, 3, 64)
    effect = average_effect(outcome, Sample(treated, None, household, before, branch))
    order = draw.permutation(64)
    moved = Sample(
        treated[order], None, 7 * household[order] + 3, scale * before[order] + shift,
        9 - branch[order],
    )  # fmt: skip
    again = average_effect(scale * outcome[order] + shift, moved)
    assert again.value == pytest.approx(scale * effect.value, rel=1e-6, abs=1e-9)
    assert again.deviation == pytest.approx(scale * effect.deviation, rel=1e-6)


def test_an_arm_that_all_renews_is_not_certain() -> None:
    outcome = np.concatenate([np.ones(20), np.repeat([1.0, 0.0], 10)])
    effect = average_effect(outcome, Sample(np.arange(40) < 20))
    assert effect.high > 0.5
    nothing = average_effect(np.ones(40), Sample(np.arange(40) < 20))
    assert nothing.low < 0 < nothing.high


def test_a_household_alone_in_its_arm_bounds_nothing() -> None:
    clusters = np.array([1, 1, 2, 3, 4])
    effect = average_effect(np.arange(5.0), Sample(np.arange(5) < 2, clusters=clusters))
    assert effect.high == np.inf


def test_totals_are_scaled_and_cost_is_taken_off() -> None:
    effect = average_effect(YUAN, Sample(TREATED))
    money = total(effect, 1000, cost=500)
    assert (money.value, money.low) == pytest.approx(
        (1000 * effect.value - 500, 1000 * effect.low - 500)
    )


def test_wrong_samples_are_refused() -> None:
    for wrong in (
        lambda: Sample(np.ones(4, bool)),
        lambda: Sample(np.arange(4) < 2, covariates=np.ones(3)),
        lambda: Sample(np.arange(4) < 2, probability=1.0),
        lambda: average_effect(np.array([1, 2, 3, np.nan]), Sample(np.arange(4) < 2)),
        lambda: average_effect(np.ones(3), Sample(np.arange(4) < 2)),
    ):
        with pytest.raises(GuanjiaError):
            wrong()


def test_compliers_by_hand() -> None:
    """A lot that moves receiving by .5 and renewal by .1: compliers gain .2."""
    reminded = np.arange(400) < 200
    received = np.concatenate([np.arange(200) < 140, np.arange(200) < 40])
    renewed = np.concatenate([np.arange(200) % 10 < 6, np.arange(200) % 10 < 5]).astype(float)
    effect = complier_effect(renewed, received, Sample(reminded))
    assert effect.on_receiving.value == pytest.approx(0.5)
    assert effect.value == pytest.approx(0.2)
    assert effect.shape == "bounded"
    assert not effect.weak
    # Both ends of the interval are refuted just so: residual = limit * its standard error.
    for end in (effect.low, effect.high):
        left = average_effect(renewed - end * received, Sample(reminded))
        limit = scipy.stats.t.ppf(0.975, effect.on_outcome.freedom)
        assert abs(left.value) == pytest.approx(limit * left.deviation, rel=1e-6)


def test_an_effect_on_renewals_is_no_larger_than_can_be() -> None:
    """Of 400, the lot moves 13 points of receiving: the interval goes beyond a whole renewal."""
    reminded = np.arange(400) < 200
    received = np.concatenate([np.arange(200) < 32, np.arange(200) < 6])
    renewed = np.concatenate([np.arange(200) % 20 < 12, np.arange(200) % 20 < 13]).astype(float)
    free = complier_effect(renewed, received, Sample(reminded))
    assert free.shape == "bounded"
    assert free.low < -1 < free.value < free.high < 1
    bounded = complier_effect(renewed, received, Sample(reminded), most=1)
    assert (bounded.low, bounded.value, bounded.high) == (-1, free.value, free.high)


def test_a_weak_lot_says_so() -> None:
    draw = np.random.default_rng(4)
    reminded = np.arange(1000) < 500
    received = draw.random(1000) < 0.3
    effect = complier_effect(draw.normal(size=1000), received, Sample(reminded))
    assert effect.weak
    assert effect.shape in ("gap", "unbounded")
    assert (effect.low, effect.high) == (-np.inf, np.inf)
    strong_outcome = draw.normal(size=1000) + 5 * reminded
    gap = complier_effect(strong_outcome, received, Sample(reminded))
    assert gap.shape == "gap"
    assert gap.gap is not None
    assert gap.gap[0] < 0 < gap.gap[1]
