"""What is predicted is what happens, for customers of every star, branch and channel.

Two models, two insurers, 41 slices each: 164 intervals. Each is so wide that all hold in 95 of 100
runs if the models are calibrated; with 1.96 standard errors, eight would not hold by chance. As so
wide an interval misses many small errors, the squares of all slices of a kind are held together,
too.
"""

from collections.abc import Callable
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest
from later_rows import NAMES, SEEDS, LaterRows
from scipy.stats import chi2

from training.evaluation.slices import ATTRIBUTES

SLICED = [attribute for attribute in ATTRIBUTES if attribute.name in ("star", "branch", "channel")]
SLICES = 5 + 30 + 6
Z = NormalDist().inv_cdf(1 - 0.025 / (len(SEEDS) * len(NAMES) * SLICES))
LEVEL_Z = NormalDist().inv_cdf(1 - 0.025 / len(NAMES))
WITHIN = 1 - 0.05 / (len(SEEDS) * len(NAMES) * len(SLICED))
FEWEST_LOST = 10
"""With fewer losses their number is no longer nearly normal: such a slice is only counted."""

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("model", NAMES)]
each_seed = pytest.mark.parametrize("seed", SEEDS)


def parts(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Rows by slice: "star 5", "branch B07", "channel agent"."""
    return {
        f"{attribute.name} {value}": part
        for attribute in SLICED
        for value, part in rows.groupby(attribute.values(rows[attribute.column]))
    }


def gaps(rows: pd.DataFrame, against: str) -> tuple[float, float]:
    """Mean of predicted less what it is held against, and its standard error.

    Rows of one customer stay together.
    """
    by_customer = (rows["predicted"] - rows[against]).groupby(rows["customer_id"]).sum()
    return by_customer.sum() / len(rows), float(np.sqrt((by_customer**2).sum())) / len(rows)


def check(slices: dict[str, tuple[float, float]]) -> None:
    """Hold every slice to its interval, and those of stars, branches and channels together."""
    for name, (gap, error) in slices.items():
        assert abs(gap) <= Z * error, f"{name}: {gap:+.3f}, error {error:.3f}"
    for attribute in SLICED:
        squares = [
            (gap / error) ** 2
            for name, (gap, error) in slices.items()
            if name.startswith(f"{attribute.name} ")
        ]
        assert sum(squares) <= chi2.ppf(WITHIN, len(squares)), f"{attribute.name}: {squares}"


def with_losses(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The slices that have enough losses."""
    return {name: part for name, part in parts(rows).items() if part["lost"].sum() >= FEWEST_LOST}


@each_seed
def test_as_many_are_lost_as_predicted(
    model: str, seed: int, later_rows: Callable[[str, int], LaterRows]
) -> None:
    asked = later_rows(model, seed).asked
    assert len(parts(asked)) == SLICES
    slices = with_losses(asked)
    assert len(slices) >= SLICES - 4
    check({name: gaps(part, "lost") for name, part in slices.items()})


def test_the_truth_is_what_happens(model: str, later_rows: Callable[[str, int], LaterRows]) -> None:
    """Else nothing could be held against it: the losses are drawn with these probabilities."""
    both = []
    for seed in SEEDS:
        rows = later_rows(model, seed)
        known = pd.concat([rows.learned, rows.asked]).dropna(subset=["true"])
        both.append(known.assign(customer_id=f"{seed} " + known["customer_id"]))
    every = pd.concat(both)
    gap, error = gaps(every.assign(predicted=every["true"]), "lost")
    assert abs(gap) <= LEVEL_Z * error, f"{gap:+.4f}, error {error:.4f}"


@each_seed
def test_the_true_probabilities_are_predicted(
    model: str, seed: int, later_rows: Callable[[str, int], LaterRows]
) -> None:
    """As nearly as the losses that were learned from can teach, of customers as different."""
    rows, slices = later_rows(model, seed), {}
    learned = parts(rows.learned)
    for name, part in with_losses(rows.asked).items():
        gap, error = gaps(part.dropna(subset=["true"]), "true")
        own = learned[name]
        _, taught = gaps(own.assign(predicted=own["lost"].mean()), "lost")
        slices[name] = gap, float(np.hypot(error, taught))
    check(slices)
