"""Sum the contributions of tags over their themes: what moved a prediction, by meaning.

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

MOST_ROWS = 2_000
"""Rows whose contributions are averaged: the mean of so many is known to a few per cent."""


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
    """List the theme of each column of a model, in order."""
    known = catalogue()
    return [theme_of(name, known.get(name)) for name in features]


def by_theme(features: Sequence[str], contributions: Array) -> dict[str, Array]:
    """Sum contributions by theme.

    Parameters
    ----------
    features : sequence of str
        Columns of the model, in order.
    contributions : numpy.ndarray
        Shape (rows, features + 1), the base last, as `Predictor.contributions` gives them.

    Returns
    -------
    dict[str, numpy.ndarray]
        Theme -> shape (rows,), for the themes that have a feature, in their declared order.
    """
    themes = themes_of(features)
    sums = {}
    for name in THEMES:
        places = [place for place, theme in enumerate(themes) if theme.name == name]
        if places:
            sums[name] = contributions[:, places].sum(axis=1)
    return sums


def importance(predictor: Predictor, rows: pd.DataFrame, threads: int = 1) -> Importance:
    """Measure how much themes and single features move the scores of rows, largest first.

    Parameters
    ----------
    predictor : Predictor
        The model.
    rows : pandas.DataFrame
        Rows with the model's columns; of more than `MOST_ROWS`, evenly spaced ones are used.
    threads : int
        Number of threads for LightGBM.
    """
    step = max(1, -(-len(rows) // MOST_ROWS))
    parts = predictor.contributions(rows.iloc[::step], threads)
    single = dict(zip(predictor.features, np.abs(parts[:, :-1]).mean(axis=0), strict=True))
    means = {
        name: float(np.abs(of_theme).mean())
        for name, of_theme in by_theme(predictor.features, parts).items()
    }
    total, moves = sum(means.values()) or 1.0, sum(single.values()) or 1.0
    theme_of_tag = dict(zip(predictor.features, themes_of(predictor.features), strict=True))
    themes = []
    for name in sorted(means, key=lambda name: -means[name]):
        tags = sorted(
            (tag for tag in theme_of_tag if theme_of_tag[tag].name == name),
            key=lambda tag: -single[tag],
        )
        strongest = tuple(tag for tag in tags[:3] if single[tag] > 0)
        theme = THEMES[name]
        themes.append(
            ThemeImportance(name, theme.chinese, theme.english, means[name] / total, strongest)
        )
    shares = sorted(single.items(), key=lambda pair: -pair[1])
    return Importance(themes, {name: float(value) / moves for name, value in shares})
