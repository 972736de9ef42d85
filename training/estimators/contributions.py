"""What moved a prediction, by meaning: contributions of tags summed over their themes.

Ten tags of one meaning share what they explain among them by chance; their sum does not depend on
that. Sums over the themes and the base are the model's own raw score, whatever the grouping.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from features.tags.catalogue import catalogue
from features.tags.themes import THEMES, Theme, theme_of
from training.estimators.bundle import Predictor
from training.estimators.encoding import Array

MOST_ROWS = 5_000


@dataclass(frozen=True)
class ThemeImportance:
    """How much a theme moves the scores of a slice.

    Attributes
    ----------
    share : float
        Its mean absolute contribution as a share of that of all themes.
    tags : tuple of str
        Its tags that move scores most, at most three.
    """

    theme: str
    chinese: str
    english: str
    share: float
    tags: tuple[str, ...]


@dataclass(frozen=True)
class Importance:
    """What moves the scores of a slice, largest first.

    Attributes
    ----------
    themes : list of ThemeImportance
    features : dict of str to float
        Each feature's mean absolute contribution as a share of that of all features.
    """

    themes: list[ThemeImportance]
    features: dict[str, float]


def themes_of(features: Sequence[str]) -> list[Theme]:
    """The theme of each column of a model."""
    known = catalogue()
    return [theme_of(name, known.get(name)) for name in features]


def by_theme(features: Sequence[str], contributions: Array) -> dict[str, Array]:
    """Sums of contributions by theme.

    Parameters
    ----------
    contributions : numpy.ndarray
        Shape (rows, features + 1), the base last, as `Predictor.contributions` gives them.

    Returns
    -------
    dict[str, numpy.ndarray]
        Theme -> shape (rows,), for the themes that have a feature, in their declared order.
    """
    own = themes_of(features)
    found = {}
    for name in THEMES:
        places = [place for place, theme in enumerate(own) if theme.name == name]
        if places:
            found[name] = contributions[:, places].sum(axis=1)
    return found


def importance(predictor: Predictor, rows: pd.DataFrame, threads: int = 1) -> Importance:
    """How much themes and single features move the scores of some rows, largest first.

    Parameters
    ----------
    rows : pandas.DataFrame
        With the model's columns; of more than `MOST_ROWS`, evenly spaced ones are taken.
    """
    step = max(1, -(-len(rows) // MOST_ROWS))
    moved = predictor.contributions(rows.iloc[::step], threads)
    single = dict(zip(predictor.features, np.abs(moved[:, :-1]).mean(axis=0), strict=True))
    means = {
        name: float(np.abs(of_theme).mean())
        for name, of_theme in by_theme(predictor.features, moved).items()
    }
    total, moves = sum(means.values()) or 1.0, sum(single.values()) or 1.0
    own = dict(zip(predictor.features, themes_of(predictor.features), strict=True))
    found = []
    for name in sorted(means, key=lambda name: -means[name]):
        tags = sorted((tag for tag in own if own[tag].name == name), key=lambda tag: -single[tag])
        strongest = tuple(tag for tag in tags[:3] if single[tag] > 0)
        theme = THEMES[name]
        found.append(
            ThemeImportance(name, theme.chinese, theme.english, means[name] / total, strongest)
        )
    shares = sorted(single.items(), key=lambda pair: -pair[1])
    return Importance(found, {name: float(value) / moves for name, value in shares})
