"""Grow the tree parts with LightGBM; customers held back choose the number of trees."""

from collections.abc import Mapping, Sequence
from typing import Any

import lightgbm as lgb

from training.estimators.lightgbm_library import thread_count
from training.estimators.rows import TrainingRows

OBJECTIVES = {"probability": "binary", "count": "poisson", "amount": "gamma"}
ROUNDS_UNTESTED = 100
OWN = ("rounds", "patience")  # parameters that are ours, not LightGBM's
FEW_FEATURES = 0.5  # of all, for each tree: then reading by column is faster than by row
TREE, END, SIZES = "Tree=", "end of trees", "tree_sizes="  # in LightGBM's text
VALUES = ("leaf_value", "internal_value")


def grow(
    rows: TrainingRows,
    parameters: Mapping[str, float],
    *,
    kind: str = "probability",
    monotone: Mapping[str, int] | None = None,
    monotone_method: str = "basic",
    seed: int = 7,
    threads: int = 2,
    count: int | None = None,
) -> lgb.Booster:
    """Train as many trees as lower the loss of the rows held back, `stop`, or a given number.

    Parameters
    ----------
    rows : TrainingRows
        Rows to learn from; candidates that share them share the bins.
    parameters : Mapping[str, float]
        LightGBM's parameters, and `rounds` (most trees) and `patience` (early stopping).
    kind : str
        "probability", "count" or "amount".
    monotone : Mapping[str, int]
        Feature -> -1 or 1: the prediction never rises, or never falls, with it.
    monotone_method : {"basic", "advanced"}
        How LightGBM keeps to that: "basic" forbids more than it must, "advanced" takes longer.
    seed : int
        Same data and seed give the same trees, byte for byte, whatever the threads.
    threads : int
        Largest number of threads; at most one per `ROWS_PER_THREAD` rows is used.
    count : int, optional
        Number of trees, grown on all rows; default: the rows that are not held back grow them, and
        those held back choose their number.
    """
    settings: dict[str, Any] = {
        "objective": OBJECTIVES[kind],
        "seed": seed,
        "deterministic": True,
        # Both give the same trees; by column, a tree reads only the features it uses.
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
        settings["monotone_constraints_method"] = monotone_method
    if count is not None:
        return lgb.train(settings, rows.all_rows(settings), num_boost_round=count)
    rounds = int(parameters.get("rounds", 100))
    patience = int(parameters.get("patience", 0))
    if patience <= 0 or rows.learned.all():
        rounds = min(rounds, ROUNDS_UNTESTED)
        return lgb.train(settings, rows.all_rows(settings), num_boost_round=rounds)
    part, held_back = rows.split(settings)
    return lgb.train(
        settings,
        part,
        num_boost_round=rounds,
        valid_sets=[held_back],
        callbacks=[lgb.early_stopping(patience, verbose=False)],
    )


def number_of_trees(grown: lgb.Booster) -> int:
    """Count the trees that predict: those after the best round of early stopping do not."""
    return int(grown.best_iteration) if grown.best_iteration > 0 else grown.current_iteration()


def sum_of(grown: Sequence[tuple[lgb.Booster, float]]) -> lgb.Booster:
    """Make one booster whose score is the weighted sum of the scores of several.

    It holds the trees of all, their leaves multiplied by the weights, so that it is stored, asked
    about one row and explained as any booster is.

    Parameters
    ----------
    grown : sequence of (lightgbm.Booster, float)
        Boosters that read the same features, and their weights; those of one keep their bytes.
    """
    texts = [
        booster.model_to_string(num_iteration=number_of_trees(booster)) for booster, _ in grown
    ]
    head = "".join(
        line for line in texts[0].split(TREE)[0].splitlines(True) if not line.startswith(SIZES)
    )
    trees = [
        _times(tree, weight)
        for text, (_, weight) in zip(texts, grown, strict=True)
        for tree in text.split(END)[0].split(TREE)[1:]
    ]
    numbered = "".join(f"{TREE}{number}\n{tree}" for number, tree in enumerate(trees))
    return lgb.Booster(model_str=f"{head}{numbered}{END}{texts[0].split(END)[1]}")


def _times(tree: str, weight: float) -> str:
    """Return the text of a tree, without its number, with the values of leaves multiplied."""
    lines = tree.split("\n")[1:]
    for place, line in enumerate(lines):
        name, _, values = line.partition("=")
        if name in VALUES:
            scaled = " ".join(repr(float(value) * weight) for value in values.split())
            lines[place] = f"{name}={scaled}"
    return "\n".join(lines)
