"""Choose the learner of an effect on later outcomes, and fit the effect model with it.

The learners are compared by how far their effects are from doubly robust outcomes (Kennedy 2023),
never by a truth. The chosen one learns anew from every row that was ripe before the test slice, on
random halves of the customers: the mean is the effect, the spread its standard error (delete-half
jackknife, Shao and Wu 1989); both are stretched as far as the effects were told too much alike
(`training.uplift.shrinkage`). The test slice is not touched here.
"""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from features.errors import GuanjiaError
from training.dataset import Dataset, Split
from training.estimators.encoding import Array, Encoding, Flags
from training.fitting.datasets import hash_fractions
from training.model_spec import ModelSpec
from training.uplift import learners, policy
from training.uplift.bundle import distil, write_effect
from training.uplift.effect_model import EffectModel, load_effect
from training.uplift.policy import Outcomes
from training.uplift.randomised_trials import Treatment
from training.uplift.shrinkage import measure_stretch

SEED = 7
HALVES = 16
ORIGINS = (0.4, 0.55, 0.7, 0.85)
"""Shares of the rows before the test slice at which blocks of later rows begin."""
FEWEST = 50
"""Fewest rows of an arm to learn from."""


@dataclass(frozen=True)
class Rows:
    """Rows of a trial, encoded for learners.

    Attributes
    ----------
    frame : pandas.DataFrame
        Labels and tags, one row per draw.
    encoding : Encoding
        Learned on the rows ripe before the test slice.
    matrix : numpy.ndarray
        Shape (rows, features).
    label, treated : numpy.ndarray of bool
        Shape (rows,): outcome, and whether the row was treated.
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
        """Customer of every row."""
        return self.frame["customer_id"]


def encode_rows(data: Dataset, treatment: Treatment, propensity: float) -> Rows:
    """Encode the rows of a trial for learners.

    Parameters
    ----------
    data : Dataset
        Frame and split.
    treatment : Treatment
        The arm that counts as treated.
    propensity : float
        Stated probability of treatment among these rows.
    """
    frame = data.frame
    encoding = Encoding.learn(frame[data.split.before_test], data.features)
    return Rows(
        frame,
        encoding,
        encoding.matrix(frame),
        frame["label"].to_numpy(dtype=bool),
        (frame["arm"] == treatment.name).to_numpy(),
        propensity,
    )


def divide(rows: Rows, split: Split) -> list[tuple[Flags, Flags]]:
    """Divide the rows before the test slice into pairs: rows to learn from, rows to compare on.

    These come later than those; where rows have no dates, they are of other customers.

    Parameters
    ----------
    rows : Rows
        All rows of the trial.
    split : Split
        Which of them are before the test slice.
    """
    earlier = split.before_test
    if not split.by_time:
        block = np.floor(hash_fractions(rows.frame, "block") * len(ORIGINS))
        numbers = range(len(ORIGINS))
        return [(earlier & (block != k), earlier & (block == k)) for k in numbers]
    as_of = pd.to_datetime(rows.frame["as_of"])
    ripe = pd.to_datetime(rows.frame["matures"]).to_numpy()
    edges = [*as_of[earlier].quantile(list(ORIGINS)), pd.Timestamp(split.test_from)]
    days = as_of.to_numpy()
    return [
        (ripe < begin, earlier & (days >= begin) & (days < end)) for begin, end in pairwise(edges)
    ]


def choose(rows: Rows, split: Split) -> tuple[str, dict[str, float]]:
    """Choose the learner whose effects are nearest to later outcomes, before the test slice.

    Learners are compared on several blocks of rows, each after learning from what was ripe when the
    block began: one block alone is too noisy to rank them.

    Parameters
    ----------
    rows : Rows
        All rows of the trial.
    split : Split
        Which of them are before the test slice.

    Returns
    -------
    str, dict[str, float]
        The learner; learner -> mean squared distance less that of the learner "average".

    Raises
    ------
    GuanjiaError
        If too few outcomes are ripe before any block.
    """
    distances: dict[str, list[Array]] = {name: [] for name in learners.LEARNERS}
    for learned, compared in divide(rows, split):
        train, later = rows[learned], rows[compared]
        if min(train.treated.sum(), (~train.treated).sum(), len(later.label)) < FEWEST:
            continue
        outcomes = doubly_robust_outcomes(train, later)
        for name, blocks in distances.items():
            effects = _learned(name, train, SEED)
            blocks.append((outcomes.effect - effects(later.matrix)) ** 2)
    if not distances["average"]:
        raise GuanjiaError(
            "the trial",
            f"has {int(split.before_test.sum()):,} outcomes ripe before the test slice, too few to "
            "learn from",
            "load a longer history, or draw more customers by lot",
        )
    losses = {name: float(np.concatenate(blocks).mean()) for name, blocks in distances.items()}
    best = min(losses, key=lambda name: losses[name])
    return best, {name: loss - losses["average"] for name, loss in losses.items()}


def fit(
    rows: Rows, treatment: Treatment, model: ModelSpec, trial: str, learner: str, folder: Path
) -> EffectModel:
    """Learn on halves of the customers, distil mean and spread, and write the effect model.

    Parameters
    ----------
    rows : Rows
        Rows to learn from.
    treatment : Treatment
        Treatment whose effect it is.
    model : ModelSpec
        The effect model as declared.
    trial : str
        Name of the trial the rows were drawn in.
    learner : str
        One of `training.uplift.learners.LEARNERS`.
    folder : Path
        Folder of the bundle.
    """
    halves = learners.halves(rows.customers, HALVES, SEED)
    effects = np.array(
        [
            _learned(learner, rows[half], SEED + turn)(rows.matrix)
            for turn, half in enumerate(halves)
        ]
    )
    stretch = measure_stretch(effects, halves, _outcomes_across(rows, halves[0]))
    effect, deviation = stretch.apply(effects.mean(axis=0), effects.std(axis=0, ddof=1))
    about = {
        "name": treatment.model,
        "label": treatment.label,
        "treatment": treatment.name,
        "trial": trial,
        "learner": learner,
        "halves": HALVES,
        "stretch": stretch.slope,
        "service": model.tag_set.name,
        "eligible": model.eligible,
    }
    names = rows.encoding.features
    write_effect(
        folder,
        about,
        rows.encoding,
        distil(rows.matrix, effect, names),
        distil(rows.matrix, deviation, names),
    )
    return load_effect(folder)


def doubly_robust_outcomes(earlier: Rows, later: Rows) -> Outcomes:
    """Calculate doubly robust outcomes of later rows with models of earlier ones."""
    expected = learners.expected_outcomes(earlier.matrix, earlier.label, earlier.treated, SEED)(
        later.matrix
    )
    return policy.doubly_robust(
        later.label, later.treated, later.propensity, expected, later.customers
    )


def _outcomes_across(rows: Rows, half: Flags) -> Outcomes:
    """Calculate doubly robust outcomes of each half with models of the other."""
    treated, control = np.empty(len(half)), np.empty(len(half))
    for seen in (half, ~half):
        outcomes = doubly_robust_outcomes(rows[seen], rows[~seen])
        treated[~seen], control[~seen] = outcomes.treated, outcomes.control
    return Outcomes(treated, control, rows.customers)


def _learned(name: str, rows: Rows, seed: int) -> learners.Effects:
    return learners.fit(name, rows.matrix, rows.label, rows.treated, rows.propensity, seed)
