"""The tree part: native LightGBM, grown as far as customers held back gain from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import lightgbm as lgb
import numpy as np

from training.estimators.encoding import Array, Encoding, Flags

OBJECTIVES = {"probability": "binary", "count": "poisson", "amount": "gamma"}
FEWEST_TO_STOP = 200
ROUNDS_UNTESTED = 100
OWN = ("rounds", "patience")  # parameters that are ours, not LightGBM's
FEW_FEATURES = 0.5  # of all, for each tree: then reading by column is faster than by row
BINNING = ("max_bin", "min_data_in_leaf")  # parameters that decide how rows are binned


ROWS_PER_THREAD = 100_000
"""With fewer rows a thread waits for the others longer than it works, and it waits busily."""


@dataclass(frozen=True)
class TrainingRows:
    """The rows that several candidates learn from, binned for LightGBM once.

    Attributes
    ----------
    matrix : numpy.ndarray
        Shape (rows, features), as `encoding` makes it.
    encoding : Encoding
    outcome : numpy.ndarray
        Shape (rows,).
    stop : numpy.ndarray of bool
        Shape (rows,): the rows held back to count the trees.
    """

    matrix: Array
    encoding: Encoding
    outcome: Array
    stop: Flags
    _binned: dict[str, tuple[dict[str, Any], lgb.Dataset]] = field(
        default_factory=dict, repr=False, compare=False
    )

    def whole(self, settings: Mapping[str, Any]) -> lgb.Dataset:
        """Bin all rows, or return them as they were binned for the same settings."""
        return self._dataset("whole", None, settings)

    def parts(self, settings: Mapping[str, Any]) -> tuple[lgb.Dataset, lgb.Dataset]:
        """Bin the rows that are not held back, and those that are, by the same bounds."""
        part = self._dataset("part", ~self.stop, settings)
        return part, self._dataset("stop", self.stop, settings, part)

    def _dataset(
        self,
        name: str,
        rows: Flags | None,
        settings: Mapping[str, Any],
        reference: lgb.Dataset | None = None,
    ) -> lgb.Dataset:
        # All that decides how LightGBM bins: it leaves out what no leaf of that size can split.
        bins = {name: settings[name] for name in BINNING if name in settings}
        if name not in self._binned or self._binned[name][0] != bins:
            features = self.encoding.features
            data = lgb.Dataset(
                # Only a part is copied: the whole is as large as all that is being learned.
                self.matrix if rows is None else self.matrix[rows],
                self.outcome if rows is None else self.outcome[rows],
                reference=reference,
                feature_name=features,
                categorical_feature=[features.index(text) for text in self.encoding.categories],
                params={"verbosity": -1, **bins},
            )
            # The last settings alone: a search tries hundreds.
            self._binned[name] = bins, data
        return self._binned[name][1]


def grow(
    rows: TrainingRows,
    parameters: Mapping[str, float],
    *,
    kind: str = "probability",
    monotone: Mapping[str, int] | None = None,
    seed: int = 7,
    threads: int = 2,
) -> lgb.Booster:
    """Grow as many trees, on all rows, as the rows in `stop` gain from when held back.

    Parameters
    ----------
    rows : TrainingRows
        What is learned from; candidates that share them share the bins.
    parameters : Mapping[str, float]
        LightGBM's, and `rounds` and `patience`.
    kind : str
        "probability", "count" or "amount".
    monotone : Mapping[str, int]
        Feature -> -1 or 1: the prediction never rises, or never falls, with it.
    seed : int
        Same data and seed give the same trees, byte for byte, whatever the threads.
    threads : int
        At most so many, and at most one for each `ROWS_PER_THREAD` rows.
    """
    settings: dict[str, Any] = {
        "objective": OBJECTIVES[kind],
        "seed": seed,
        "deterministic": True,
        # The trees are the same either way. By column, a tree reads the features it looks at alone.
        "force_row_wise": parameters.get("feature_fraction", 1.0) > FEW_FEATURES,
        "force_col_wise": parameters.get("feature_fraction", 1.0) <= FEW_FEATURES,
        "num_threads": thread_count(len(rows.matrix), threads),
        "verbosity": -1,
        "max_bin": 255,
        **{name: value for name, value in parameters.items() if name not in OWN},
    }
    if monotone:
        settings["monotone_constraints"] = [
            monotone.get(name, 0) for name in rows.encoding.features
        ]
    rounds = int(parameters.get("rounds", 100))
    patience = int(parameters.get("patience", 0))
    enough = all(len(np.unique(rows.outcome[part])) > 1 for part in (rows.stop, ~rows.stop))
    if patience > 0 and rows.stop.sum() >= FEWEST_TO_STOP and enough:
        part, held_back = rows.parts(settings)
        ceased = lgb.train(
            settings,
            part,
            num_boost_round=rounds,
            valid_sets=[held_back],
            callbacks=[lgb.early_stopping(patience, verbose=False)],
        )
        rounds = int(ceased.best_iteration)
    else:
        rounds = min(rounds, ROUNDS_UNTESTED)
    # The customers held back have told how many trees; now they teach like all others.
    return lgb.train(settings, rows.whole(settings), num_boost_round=rounds)


def thread_count(rows: int, threads: int) -> int:
    """How many of at most `threads` threads pay for so many rows.

    Examples
    --------
    >>> thread_count(20_000, 2), thread_count(250_000, 8)
    (1, 2)
    """
    return max(1, min(threads, rows // ROWS_PER_THREAD))
