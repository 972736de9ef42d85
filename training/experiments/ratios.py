"""Estimate what a treatment adds to a ratio of totals, such as renewals of all terms over terms.

Persons are drawn, and a person has several units (terms). The ratio of an arm's totals is the mean
of `ratio + (amount - ratio * units) / mean units` over its persons, and to first order its noise is
that of this mean (the delta method; Deng, Knoblich and Lu 2018). So the effect is estimated as that
on any mean, with households and the covariate (`training.experiments.effects`).
"""

import numpy as np

from features.errors import GuanjiaError
from training.experiments.effects import Effect, average_effect
from training.experiments.sample import Array, Sample


def ratio_effect(amount: Array, units: Array, sample: Sample) -> Effect:
    """Estimate the effect of being drawn on the ratio of totals, per unit.

    Parameters
    ----------
    amount : numpy.ndarray
        Shape (rows,): what is counted of each person, such as renewals.
    units : numpy.ndarray
        Shape (rows,): how many units each person has, above 0; fixed before the draw, or an arm
        could move the ratio by having fewer.
    sample : Sample
        Arms, clusters and covariates of the persons; one probability for all.

    Raises
    ------
    GuanjiaError
        If a person has no unit, or the probability differs by person.
    """
    if not (units > 0).all():
        fault = f"are 0 of {int((units <= 0).sum()):,} person(s)"
        raise GuanjiaError("units", fault, "leave out persons without any, in both arms alike")
    if isinstance(sample.probability, np.ndarray) and np.ptp(sample.probability) > 0:
        cure = "compare persons drawn with one probability"
        raise GuanjiaError("probability", "differs by person", cure)
    values = np.empty(sample.rows)
    for arm in (sample.treated, ~sample.treated):
        ratio = amount[arm].sum() / units[arm].sum()
        values[arm] = ratio + (amount[arm] - ratio * units[arm]) / units[arm].mean()
    return average_effect(values, sample)
