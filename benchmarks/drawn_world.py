"""A world of customers whose outcomes are drawn from known means, for `coverage.py`.

A customer has one to three terms, a term one to three rows, and the rows of a term have the same
outcome: what the rows of a report have in common. The predictions of two models are wrong in known
ways: too extreme, too high for a channel and for a city tier, and noisy.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit

from training.estimators.encoding import Array, Flags
from training.estimators.losses import Kind, Outcomes

SPREAD = 0.9
"""Standard deviation of the log of an amount around its mean: as claims of the simulation."""
CHANNELS = ("agent", "bank", "online")
LEVELS = {"common": -1.2, "rare": -3.1, "count": -1.6, "amount": 8.0}
"""Log-odds, or log of the mean, of an average term of each world."""


@dataclass(frozen=True)
class World:
    """Rows of customers, their true means, and what two models predict.

    Attributes
    ----------
    name : str
        A key of `LEVELS`.
    kind : {"probability", "count", "amount"}
        What the outcomes are.
    frame : pandas.DataFrame
        `customer_id`, `as_of`, the attributes of slices and of fairness, and `term`.
    mean, predicted, other : numpy.ndarray
        Shape (rows,): true mean, and the predictions of a model and of another.
    effect : numpy.ndarray
        Shape (rows,): what a treatment truly adds to a probability.
    """

    name: str
    kind: Kind
    frame: pd.DataFrame
    mean: Array
    predicted: Array
    other: Array
    effect: Array

    def __getitem__(self, rows: Flags) -> "World":
        arrays = (self.mean, self.predicted, self.other, self.effect)
        frame = self.frame[rows].reset_index(drop=True)
        return World(self.name, self.kind, frame, *(values[rows] for values in arrays))

    def sample(self, customers: int, generator: np.random.Generator) -> "World":
        """Draw customers, with all their rows."""
        last = int(self.frame["customer_id"].iloc[-1])
        chosen = np.zeros(last + 1, bool)
        chosen[generator.choice(last + 1, customers, replace=False)] = True
        return self[chosen[self.frame["customer_id"]]]

    def outcomes(self, generator: np.random.Generator, mean: Array | None = None) -> Outcomes:
        """Draw outcomes, one a term, from the true means or from others."""
        means = self.mean if mean is None else mean
        codes, terms = pd.factorize(self.frame["term"])
        if self.kind == "probability":
            return np.asarray(generator.random(len(terms))[codes] < means)
        first = np.unique(codes, return_index=True)[1]
        if self.kind == "count":
            return generator.poisson(means[first]).astype(np.float64)[codes]
        noise = SPREAD * generator.standard_normal(len(terms)) - SPREAD**2 / 2
        return np.asarray((means[first] * np.exp(noise))[codes])


def draw_world(name: str, customers: int, seed: int = 1) -> World:
    """Draw the customers of a world, and the predictions of its models.

    Parameters
    ----------
    name : str
        A key of `LEVELS`.
    customers, seed : int
        How many customers; seed of the draws.
    """
    draw = np.random.default_rng(seed)
    kind: Kind = "probability" if name in ("common", "rare") else name  # type: ignore[assignment]
    terms = np.repeat(np.arange(customers), draw.integers(1, 4, customers))
    rows = np.repeat(np.arange(len(terms)), draw.integers(1, 4, len(terms)))
    who = terms[rows]
    person = pd.DataFrame(
        {
            "star_level": draw.integers(1, 6, customers),
            "branch": draw.choice(["3301", "3302", "3303"], customers),
            "channel": draw.choice(CHANNELS, customers),
            "age_years": draw.integers(20, 75, customers),
            "gender": draw.choice(["F", "M"], customers),
            "city_tier": draw.choice(["1", "new_1", "2", "3_and_below"], customers),
            "vehicle_garage_area": draw.choice(["urban", "rural"], customers),
        }
    )
    about = person.iloc[who].reset_index(drop=True)
    month = draw.integers(0, 6, len(terms))[rows]
    lead = draw.integers(0, 61, len(rows))
    frame = about.assign(
        customer_id=who,
        term=rows,
        lead_days=lead,
        business_type=np.where(draw.random(len(terms)) < 0.4, "new", "renewal")[rows],
        as_of=pd.Timestamp("2025-07-01") + pd.to_timedelta(30 * month, "D"),
    )
    score = draw.normal(0, 0.8, customers)[terms] + draw.normal(0, 0.5, len(terms))
    score += 0.15 * (person["star_level"].to_numpy()[terms] - 3)
    seen = score[rows] + draw.normal(0, 0.25, len(rows))
    wrong = 0.25 * (about["channel"] == "bank") + 0.2 * (about["city_tier"] == "1")
    odds = LEVELS[name] + np.column_stack(
        [score[rows], 1.15 * seen + wrong, 0.9 * seen + draw.normal(0, 0.3, len(rows))]
    )
    mean, predicted, other = (expit(odds) if kind == "probability" else np.exp(odds)).T
    sizes = draw.normal(0.25, 0.25, len(terms))[rows]
    effect = expit(odds[:, 0] + sizes) - expit(odds[:, 0])
    return World(name, kind, frame, mean, predicted, other, effect)
