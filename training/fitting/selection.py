"""Choose the candidate that predicts best the rows after those it learned from.

Where the rows span too few days for that, it is the one that predicts best other customers, and
these choose the numbers of trees too.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from features.progress import Report, quiet
from training.estimators.encoding import Array
from training.estimators.losses import row_loss
from training.estimators.parts import BLEND, CANDIDATES
from training.fitting.blending import blend, inverse_link
from training.fitting.windows import (
    Fold,
    can_count_trees,
    encode_windows,
    join_equal,
    windows_of,
)
from training.model_spec import ModelSpec


@dataclass(frozen=True)
class CandidateScore:
    """Mean loss of a candidate over the validation rows of all windows, and their number.

    Attributes
    ----------
    candidate : str
    loss : float
    rows : int
    weights : dict of str to float
        Name of a part -> its weight; a part alone has 1.
    trees : dict of str to int
        Name of a part -> number of its trees, as the windows chose it together; empty where the
        rows that the fit holds back choose it.
    """

    candidate: str
    loss: float
    rows: int
    weights: dict[str, float]
    trees: dict[str, int] = field(default_factory=dict)


def choose(
    model: ModelSpec,
    rows: pd.DataFrame,
    features: Sequence[str],
    *,
    parameters: Mapping[str, float] | None = None,
    seed: int = 7,
    threads: int = 2,
    report: Report = quiet,
) -> list[CandidateScore]:
    """Compare the candidates of a model on validation rows, that to take first, others by loss.

    A blend of several parts is taken: weights that are drawn towards equal ones may lose a little
    where they were found, and to prefer the part that is best there would follow chance again.

    Where other customers validate, all windows choose one number of trees for each part, and the
    candidates are compared as they will be fitted: with that number, and nobody held back.

    Parameters
    ----------
    model : ModelSpec
        The model, which names its candidates.
    rows : pandas.DataFrame
        The train slice, with the features, `as_of`, `matures`, `label` and `customer_id`.
    features : sequence of str
        Columns to learn from.
    parameters : Mapping[str, float]
        Parameters of the trees; default: those of the model.
    seed : int
        Same data and seed give the same scores.
    threads : int
        Largest number of threads.
    report : Report
        Called with progress.

    Returns
    -------
    list of CandidateScore
        Empty if the slice is too small to be divided.
    """
    windows = join_equal(windows_of(rows))
    parameters = parameters or model.parameters
    alone = [CANDIDATES[name] for name in model.candidates if name != BLEND]
    trees: dict[str, int] | None = None
    if can_count_trees(windows):
        folds = encode_windows(model, rows, features, windows, "numbers of trees", report)
        trees = _count_trees(model, folds, parameters, seed, threads)
    scores: dict[str, list[Array]] = {candidate.name: [] for candidate in alone}
    outcomes: list[Array] = []
    for fold in encode_windows(model, rows, features, windows, "candidates", report):
        outcomes.append(fold.outcomes)
        for candidate in alone:
            fitted = fold.fit(model, candidate, parameters, seed, threads, trees)
            scores[candidate.name].append(fitted.scorer_.score(fold.later, threads))
    if not outcomes:
        return []
    outcome = np.concatenate(outcomes)
    joined = {name: np.concatenate(parts) for name, parts in scores.items()}
    compared = []
    for name, score in joined.items():
        loss = row_loss(outcome, inverse_link(score, model.kind), model.kind)
        compared.append(_score(name, loss, {name: 1.0}, trees))
    compared.sort(key=lambda score: score.loss)
    if BLEND in model.candidates:
        weights, loss = blend(joined, outcome, model.kind)
        if len(weights) > 1:
            compared.insert(0, _score(BLEND, loss, weights, trees))
    return compared


def _score(
    name: str, loss: Array, weights: dict[str, float], trees: Mapping[str, int] | None
) -> CandidateScore:
    used = {part: count for part, count in (trees or {}).items() if part in weights}
    return CandidateScore(name, float(loss.mean()), len(loss), weights, used)


def _count_trees(
    model: ModelSpec,
    folds: Iterable["Fold"],
    parameters: Mapping[str, float],
    seed: int,
    threads: int,
) -> dict[str, int]:
    """Count the trees of each part: the mean over the windows, which hold other customers back.

    Where outcomes are few, those of one window alone would choose by chance.
    """
    grown = [CANDIDATES[name] for name in model.candidates if name != BLEND]
    grown = [candidate for candidate in grown if candidate.has_trees]
    counts: dict[str, list[int]] = {candidate.name: [] for candidate in grown}
    for fold in folds:
        for candidate in grown:
            fitted = fold.fit(model, candidate, parameters, seed, threads)
            counts[candidate.name].append(fitted.trees_)
    return {name: max(1, round(np.mean(chosen))) for name, chosen in counts.items() if chosen}
