"""Which learner of an effect, by outcomes later than those it saw; and the model it becomes.

The learners are compared by how far their effects are from doubly robust outcomes (Kennedy 2023),
never by a truth. The one chosen learns anew from every row that was ripe before the test slice, on
random halves of the customers: the mean is the effect, the spread its standard error (delete-half
jackknife, Shao and Wu 1989). The test slice is not touched here.
"""

from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from features.errors import GuanjiaError
from training.dataset import Dataset
from training.estimators.encoding import Array, Encoding, Flags
from training.uplift import learners, policy
from training.uplift.bundle import distil, write_effect
from training.uplift.effect_model import EffectModel, load_effect
from training.uplift.policy import Outcomes
from training.uplift.trials import TRIAL, Treatment, question

SEED = 7
HALVES = 16
ORIGINS = (0.4, 0.55, 0.7, 0.85)
"""Where blocks of later rows begin, as shares of the rows before the test slice."""
FEWEST = 50
"""Rows of an arm from which nobody learns."""


@dataclass(frozen=True)
class Rows:
    """What learners read of the rows of a trial.

    Attributes
    ----------
    frame : pandas.DataFrame
    encoding : Encoding
        Learned on the rows ripe before the test slice.
    matrix : numpy.ndarray
        Shape (rows, features).
    label, treated : numpy.ndarray of bool
        Shape (rows,).
    propensity : float
        Stated probability of treatment among these rows.
    """

    frame: pd.DataFrame
    encoding: Encoding
    matrix: Array
    label: Flags
    treated: Flags
    propensity: float

    def __getitem__(self, rows: Flags) -> "Rows":
        return Rows(
            self.frame[rows],
            self.encoding,
            self.matrix[rows],
            self.label[rows],
            self.treated[rows],
            self.propensity,
        )

    @property
    def customers(self) -> pd.Series:
        """Whose each row is."""
        return self.frame["customer_id"]

    def ripe(self, day: date) -> Flags:
        """Rows whose outcome could not change any more when the day began."""
        return np.asarray(pd.to_datetime(self.frame["matures"]) < pd.Timestamp(day), bool)


def rows_of(data: Dataset, treatment: Treatment, propensity: float) -> Rows:
    """The rows of a trial as learners read them."""
    frame = data.frame
    earlier = pd.to_datetime(frame["matures"]) < pd.Timestamp(data.split.test_from)
    encoding = Encoding.learn(frame[earlier], data.features)
    return Rows(
        frame,
        encoding,
        encoding.matrix(frame),
        frame["label"].to_numpy(dtype=bool),
        (frame["arm"] == treatment.name).to_numpy(),
        propensity,
    )


def choose(rows: Rows, test_from: date) -> tuple[str, dict[str, float]]:
    """The learner nearest to outcomes later than those it learned from, before the test slice.

    Several times over, each time from what was ripe when the next block of rows begins: one block
    alone is too noisy to tell learners apart.

    Returns
    -------
    str, dict[str, float]
        The learner; by learner, mean squared distance less that of the average.

    Raises
    ------
    GuanjiaError
        If too few outcomes are ripe before any block.
    """
    earlier = rows.ripe(test_from)
    as_of = pd.to_datetime(rows.frame["as_of"])
    edges = [*as_of[earlier].quantile(list(ORIGINS)), pd.Timestamp(test_from)]
    distances: dict[str, list[Array]] = {name: [] for name in learners.LEARNERS}
    for begin, end in pairwise(edges):
        train = rows[rows.ripe(begin)]
        later = rows[earlier & (as_of >= begin).to_numpy() & (as_of < end).to_numpy()]
        if min(train.treated.sum(), (~train.treated).sum(), len(later.label)) < FEWEST:
            continue
        outcomes = outcomes_of(train, later)
        for name, found in distances.items():
            effects = _learned(name, train, SEED)
            found.append((outcomes.effect - effects(later.matrix)) ** 2)
    if not distances["average"]:
        raise GuanjiaError(
            "the trial",
            f"has {int(earlier.sum()):,} outcomes ripe before {test_from}, too few to learn from",
            "load a longer history, or draw more customers by lot",
        )
    losses = {name: float(np.concatenate(found).mean()) for name, found in distances.items()}
    best = min(losses, key=lambda name: losses[name])
    return best, {name: loss - losses["average"] for name, loss in losses.items()}


def fit(rows: Rows, treatment: Treatment, learner: str, folder: Path) -> EffectModel:
    """Learn on halves of the customers, distil mean and spread, and publish the model."""
    told = [
        _learned(learner, rows[half], SEED + turn)(rows.matrix)
        for turn, half in enumerate(learners.halves(rows.customers, HALVES, SEED))
    ]
    asked = question(treatment)
    about = {
        "name": treatment.model,
        "label": treatment.label,
        "treatment": treatment.name,
        "trial": TRIAL,
        "learner": learner,
        "halves": HALVES,
        "service": asked.tag_set.name,
        "eligible": asked.eligible,
    }
    names = rows.encoding.features
    write_effect(
        folder,
        about,
        rows.encoding,
        distil(rows.matrix, np.mean(told, axis=0), names),
        distil(rows.matrix, np.std(told, axis=0, ddof=1), names),
    )
    return load_effect(folder)


def outcomes_of(earlier: Rows, later: Rows) -> Outcomes:
    """Doubly robust outcomes of the later rows, by models of the earlier ones."""
    expected = learners.expected_outcomes(earlier.matrix, earlier.label, earlier.treated, SEED)(
        later.matrix
    )
    return policy.doubly_robust(
        later.label, later.treated, later.propensity, expected, later.customers
    )


def _learned(name: str, rows: Rows, seed: int) -> learners.Effects:
    return learners.fit(name, rows.matrix, rows.label, rows.treated, rows.propensity, seed)
