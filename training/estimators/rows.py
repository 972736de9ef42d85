"""Hold the rows that a model learns from; of a rare outcome, not every row without it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd

from training.estimators.encoding import Array, Encoding, Flags

FEWEST_TO_STOP = 200
BINNING = ("max_bin", "min_data_in_leaf")  # parameters that decide how rows are binned
SMALLEST_LEAF = 100
"""Rows of the smallest leaves that most parts may have: these parts share their bins."""
NO_PER_YES = 40
"""Rows without a rare outcome that are learned from, for each row with it."""
WORTHWHILE = 0.5
"""Share of the rows without the outcome below which the others are left out."""
SEED = 7


@dataclass(frozen=True)
class TrainingRows:
    """Rows that several candidates learn from, binned for LightGBM once.

    Attributes
    ----------
    matrix : numpy.ndarray
        Shape (rows, features), as `encoding` makes it.
    encoding : Encoding
        Names and categories of the columns of `matrix`.
    outcome : numpy.ndarray
        Shape (rows,): 0 or 1, count, or amount in yuan.
    stop : numpy.ndarray of bool
        Shape (rows,): the rows held back to choose the number of trees.
    weights : numpy.ndarray, optional
        Shape (rows,): how many rows each stands for; default: one.
    """

    matrix: Array
    encoding: Encoding
    outcome: Array
    stop: Flags
    weights: Array | None = None
    _binned: dict[str, tuple[dict[str, Any], lgb.Dataset]] = field(
        default_factory=dict, repr=False, compare=False
    )

    @classmethod
    def of(
        cls, frame: pd.DataFrame, outcome: Array, stop: Flags, features: Sequence[str], kind: str
    ) -> "TrainingRows":
        """Encode the rows of a frame, of a rare outcome a part of those without it (`thin`).

        Parameters
        ----------
        frame : pandas.DataFrame
            One row per outcome, with the columns `features`.
        outcome : numpy.ndarray
            Shape (rows,): 0 or 1, count, or amount in yuan.
        stop : numpy.ndarray of bool
            Shape (rows,): the rows held back to choose the number of trees.
        features : sequence of str
            Columns to learn from.
        kind : str
            "probability", "count" or "amount".
        """
        encoding = Encoding.learn(frame, features)
        chosen, weights = thin(outcome) if kind == "probability" else (None, None)
        if chosen is not None:
            frame, outcome, stop = frame[chosen], outcome[chosen], stop[chosen]
        return cls(encoding.matrix(frame), encoding, outcome, stop, weights)

    @property
    def learned(self) -> Flags:
        """Rows that are not held back; all of them if too few are, or they tell nothing apart."""
        enough = self.stop.sum() >= FEWEST_TO_STOP and all(
            len(np.unique(self.outcome[part])) > 1 for part in (self.stop, ~self.stop)
        )
        return ~self.stop if enough else np.ones(len(self.outcome), bool)

    def all_rows(self, settings: Mapping[str, Any]) -> lgb.Dataset:
        """Return all rows, binned; those of the last settings are reused."""
        return self._dataset("all", None, settings)

    def split(self, settings: Mapping[str, Any]) -> tuple[lgb.Dataset, lgb.Dataset]:
        """Return the rows not held back, and those that are, binned by the same bounds."""
        part = self._dataset("part", ~self.stop, settings)
        return part, self._dataset("stop", self.stop, settings, part)

    def _dataset(
        self,
        name: str,
        rows: Flags | None,
        settings: Mapping[str, Any],
        reference: lgb.Dataset | None = None,
    ) -> lgb.Dataset:
        # These settings decide the bins: LightGBM leaves out features that no leaf of that size can
        # split, and lets a later part have larger leaves, but no smaller ones.
        bins = {name: settings[name] for name in BINNING if name in settings}
        if "min_data_in_leaf" in bins:
            bins["min_data_in_leaf"] = min(SMALLEST_LEAF, bins["min_data_in_leaf"])
        if name not in self._binned or self._binned[name][0] != bins:
            features = self.encoding.features
            data = lgb.Dataset(
                # All rows are passed without a copy: the matrix may be as large as the memory.
                self.matrix if rows is None else self.matrix[rows],
                self.outcome if rows is None else self.outcome[rows],
                weight=self.weights if rows is None or self.weights is None else self.weights[rows],
                reference=reference,
                feature_name=features,
                categorical_feature=[features.index(text) for text in self.encoding.categories],
                params={"verbosity": -1, **bins},
            )
            # Only the bins of the last settings are kept: a search tries hundreds.
            self._binned[name] = bins, data
        binned = self._binned[name][1]
        # A booster leaves its own settings there, and LightGBM refuses smaller leaves than those.
        binned.params = {**(binned.params or {}), **bins}
        return binned


def thin(outcome: Array) -> tuple[Flags, Array] | tuple[None, None]:
    """Choose the rows to learn from where an outcome is rare: every yes, and a part of the no.

    What a model can learn is bounded by the yes: with m times as many no, its variance is 1 + 1/m
    times what infinitely many would leave (case-control sampling; Breslow, "Statistics in
    Epidemiology", J. Am. Stat. Assoc. 91, 1996, 14-28). Each no that is taken stands for several,
    so that probabilities keep their level (docs/adr/0062).

    Parameters
    ----------
    outcome : numpy.ndarray
        Shape (rows,): 0 or 1.

    Returns
    -------
    (numpy.ndarray of bool, numpy.ndarray) or (None, None)
        Shape (rows,): the rows taken; shape (rows taken,): how many rows each stands for. None: all
        rows are taken, for the outcome is not rare. Same outcomes, same rows.
    """
    yes, share = outcome > 0, _share(outcome)
    if share == 1:
        return None, None
    chosen = yes | (np.random.default_rng(SEED).random(len(outcome)) < share)
    weight = (~yes).sum() / (chosen & ~yes).sum()
    return chosen, np.where(yes[chosen], 1.0, weight)


def count_taken(outcome: Array, kind: str) -> int:
    """Count about how many rows with these outcomes are learned from.

    Parameters
    ----------
    outcome : numpy.ndarray
        Shape (rows,): 0 or 1, count, or amount in yuan.
    kind : str
        "probability", "count" or "amount".
    """
    if kind != "probability":
        return len(outcome)
    yes = int((outcome > 0).sum())
    return yes + round(_share(outcome) * (len(outcome) - yes))


def _share(outcome: Array) -> float:
    """Compute the share of the no that is learned from; 1: all of them."""
    yes = int((outcome > 0).sum())
    share = NO_PER_YES * yes / max(1, len(outcome) - yes)
    return share if yes and share < WORTHWHILE else 1.0
