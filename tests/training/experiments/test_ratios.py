"""Effects on ratios of totals: worked out by hand, and by tea-tasting."""

import numpy as np
import pyarrow as pa
import pytest
import tea_tasting as tt

from features.errors import GuanjiaError
from training.experiments.effects import average_effect
from training.experiments.ratios import ratio_effect
from training.experiments.sample import Sample

DRAW = np.random.default_rng(12)
PERSONS = 900
TREATED = DRAW.random(PERSONS) < 0.6
TERMS = DRAW.choice([1.0, 2.0, 3.0], PERSONS, p=[0.7, 0.2, 0.1])
RENEWED = DRAW.binomial(TERMS.astype(int), 0.6 + 0.1 * TREATED).astype(float)


def test_a_ratio_by_hand() -> None:
    # Treated: 1 of 1, 2 of 3, 1 of 2: 4 of 6. Control: 1 of 1, 0 of 2, 0 of 1: 1 of 4.
    terms = np.array([1, 3, 2, 1, 2, 1], float)
    renewed = np.array([1, 2, 1, 1, 0, 0], float)
    effect = ratio_effect(renewed, terms, Sample(np.arange(6) < 3))
    assert (effect.treated_mean, effect.control_mean) == pytest.approx((2 / 3, 1 / 4))
    # Deviations from the ratio: 1/3, 0, -1/3 over 2 terms a person; 3/4, -1/2, -1/4 over 4/3.
    treated = (2 / 9) / 2**2 / (3 * 2)
    control = (9 / 16 + 4 / 16 + 1 / 16) / (4 / 3) ** 2 / (3 * 2)
    assert effect.deviation == pytest.approx(np.sqrt(treated + control))


def test_it_is_tea_tastings() -> None:
    effect = ratio_effect(RENEWED, TERMS, Sample(TREATED))
    experiment = tt.Experiment(ratio=tt.RatioOfMeans("renewed", "terms"))
    rows = pa.table({"variant": TREATED.astype(int), "renewed": RENEWED, "terms": TERMS})
    theirs = experiment.analyze(rows)["ratio"]
    assert effect.value == pytest.approx(theirs.effect_size)
    assert (effect.low, effect.high) == pytest.approx(
        (theirs.effect_size_ci_lower, theirs.effect_size_ci_upper), rel=1e-3
    )


def test_of_one_term_each_it_is_the_mean() -> None:
    one = np.ones(PERSONS)
    renewed = (RENEWED > 0).astype(float)
    sample = Sample(TREATED, covariates=DRAW.normal(size=PERSONS))
    assert ratio_effect(renewed, one, sample) == average_effect(renewed, sample)


def test_a_household_of_equals_has_the_noise_of_one_person() -> None:
    """Everybody twice, in one household each: no row of noise less."""
    twice = [np.concatenate([column, column]) for column in (RENEWED, TERMS)]
    treated = np.concatenate([TREATED, TREATED])
    homes = np.concatenate([np.arange(PERSONS), np.arange(PERSONS)])
    once = ratio_effect(RENEWED, TERMS, Sample(TREATED))
    doubled = ratio_effect(*twice, Sample(treated, clusters=homes))
    assert doubled.value == pytest.approx(once.value)
    assert doubled.deviation == pytest.approx(once.deviation, rel=1e-3)


@pytest.mark.parametrize(
    ("terms", "probability", "says"),
    [
        (np.where(np.arange(PERSONS) < 3, 0.0, TERMS), 0.6, "units: are 0 of 3 person"),
        (TERMS, np.linspace(0.5, 0.7, PERSONS), "probability: differs by person"),
    ],
)
def test_what_has_no_ratio_is_refused(
    terms: np.ndarray, probability: float | np.ndarray, says: str
) -> None:
    with pytest.raises(GuanjiaError, match=says):
        ratio_effect(RENEWED, terms, Sample(TREATED, probability))
