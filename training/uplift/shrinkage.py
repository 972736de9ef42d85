"""Stretch effects that a learner tells too much alike, and say how sure the stretch is.

Learners of effects are held back by few large leaves, so that what they tell differs less than the
true effects do: those told lowest are lower still. How much shows on customers that a learner has
not seen: regressed on what it tells of them, doubly robust outcomes have a slope above 1 (the best
linear predictor of Chernozhukov, Demirer, Duflo and Fernandez-Val 2018, "Generic machine learning
inference on heterogeneous treatment effects in randomized experiments"). A slope below 1 is not
applied: whoever is left out moves the mean of the others the other way, which makes it too small.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.estimators.encoding import Array, Flags
from training.evaluation.intervals import Customers
from training.uplift.policy import Outcomes


@dataclass(frozen=True)
class Stretch:
    """How effects are stretched around their mean.

    Attributes
    ----------
    centre : float
        Mean of the effects told, which stays.
    slope, deviation : float
        Factor of the distance from the mean, at least 1, and the standard error of the slope.
    """

    centre: float
    slope: float
    deviation: float

    def apply(self, effect: Array, deviation: Array) -> tuple[Array, Array]:
        """Apply the stretch, and add to the standard errors what is not known of the slope.

        Parameters
        ----------
        effect, deviation : numpy.ndarray
            Shape (rows,): effects and their standard errors as learned.

        Returns
        -------
        effect, deviation : numpy.ndarray
            Shape (rows,) each.
        """
        away = effect - self.centre
        wider = np.hypot(self.slope * deviation, self.deviation * away)
        return self.centre + self.slope * away, wider


def measure_stretch(effects: Array, halves: Sequence[Flags], outcomes: Outcomes) -> Stretch:
    """Measure by how much effects are told too much alike, on customers not learned from.

    Parameters
    ----------
    effects : numpy.ndarray
        Shape (halves, rows): effects told by the learner of each half, of all rows.
    halves : sequence of numpy.ndarray of bool
        Shape (rows,) each: the rows a learner has seen.
    outcomes : Outcomes
        Doubly robust outcomes of the rows, by models that have not seen them.

    Returns
    -------
    Stretch
        Of slope 1 and deviation 0 if the same effect is told to everybody.
    """
    centre = float(effects.mean())
    if not np.ptp(effects, axis=1).any():
        return Stretch(centre, 1.0, 0.0)
    unseen = ~np.asarray(halves)
    times = unseen.sum(axis=0)
    known = times > 0
    shown = (effects * unseen).sum(axis=0)[known] / times[known]
    away, seen = shown - shown.mean(), outcomes.effect[known]
    square = float(away @ away)
    slope = float(away @ seen) / square
    noise = away * (seen - seen.mean() - slope * away) / square
    people = Customers(outcomes.customers[known])
    return Stretch(centre, max(1.0, slope), float(np.sqrt(people.covariance(noise[:, None])[0, 0])))
