"""The tree part: native LightGBM, grown as far as customers held back gain from it."""

from collections.abc import Mapping
from typing import Any

import lightgbm as lgb
import numpy as np

from training.estimators.encoding import Array, Encoding, Flags

OBJECTIVES = {"probability": "binary", "count": "poisson", "amount": "gamma"}
FEWEST_TO_STOP = 200
ROUNDS_UNTESTED = 100
OWN = ("rounds", "patience")  # parameters that are ours, not LightGBM's


def grow(
    matrix: Array,
    encoding: Encoding,
    outcome: Array,
    stop: Flags,
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
    matrix, outcome : numpy.ndarray
        Shapes (rows, features) and (rows,).
    stop : numpy.ndarray of bool
        Rows held back to count the trees.
    parameters : Mapping[str, float]
        LightGBM's, and `rounds` and `patience`.
    kind : str
        "probability", "count" or "amount".
    monotone : Mapping[str, int]
        Feature -> -1 or 1: the prediction never rises, or never falls, with it.
    seed, threads : int
        Same data, seed and number of threads give the same text, byte for byte.
    """
    names = encoding.features
    settings: dict[str, Any] = {
        "objective": OBJECTIVES[kind],
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": threads,
        "verbosity": -1,
        **{name: value for name, value in parameters.items() if name not in OWN},
    }
    if monotone:
        settings["monotone_constraints"] = [monotone.get(name, 0) for name in names]
    text = [names.index(name) for name in encoding.categories]
    rounds = int(parameters.get("rounds", 100))
    patience = int(parameters.get("patience", 0))

    def dataset(rows: Flags | None, reference: lgb.Dataset | None = None) -> lgb.Dataset:
        # Only a part is copied: the whole is as large as all that is being learned.
        return lgb.Dataset(
            matrix if rows is None else matrix[rows],
            (outcome if rows is None else outcome[rows]).astype(np.float64),
            reference=reference,
            feature_name=names,
            categorical_feature=text,
            params={"verbosity": -1, "max_bin": settings.get("max_bin", 255)},
        )

    enough = all(len(np.unique(outcome[rows])) > 1 for rows in (stop, ~stop))
    if patience > 0 and stop.sum() >= FEWEST_TO_STOP and enough:
        part = dataset(~stop)
        ceased = lgb.train(
            settings,
            part,
            num_boost_round=rounds,
            valid_sets=[dataset(stop, part)],
            callbacks=[lgb.early_stopping(patience, verbose=False)],
        )
        rounds = int(ceased.best_iteration)
    else:
        rounds = min(rounds, ROUNDS_UNTESTED)
    # The customers held back have told how many trees; now they teach like all others.
    return lgb.train(settings, dataset(None), num_boost_round=rounds)
