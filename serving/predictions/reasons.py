"""Explain a prediction by themes, in Chinese and in English.

A contribution is the model's own, on its raw scale against the average: log-odds of a probability,
the log of a count or an amount. Contributions are summed by theme (`features.tags.themes`), so that
ten tags of one meaning give one reason, named by the strongest of them that makes sense
(`serving.predictions.sense`) and that a talk can begin with (`serving.predictions.talking_points`).
Themes of protected traits may move a model, but they are never shown, nor is a theme without such a
tag: what they add is part of the rest.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from math import exp
from typing import Any

from features.tags.catalogue import catalogue
from features.tags.declare import Tag
from features.tags.themes import Theme, theme_of
from serving.predictions.sense import Direction, Word, makes_sense
from serving.predictions.talking_points import is_talking_point
from serving.tag_words import is_absent, words_of
from training.estimators.logistic import expit
from training.estimators.losses import Kind
from training.models import MODELS

NEVER = "从未"
SMALLEST = 0.01
"""Share of the score below which a theme is no reason."""


@dataclass(frozen=True)
class Reason:
    """A tag with its value in words, and which way its theme moved the prediction."""

    tag: str
    theme: str
    effect: Direction
    chinese: str
    english: str


@dataclass(frozen=True)
class Share:
    """What a theme added to the score, and its strongest tag in words."""

    theme: str
    chinese: str
    english: str
    score: float
    effect: Direction
    strongest: Reason


@dataclass(frozen=True)
class Explanation:
    """A prediction as a sum: base + shares + rest = score.

    Attributes
    ----------
    base : float
        Score of the average.
    shares : list of Share
        Themes that may be shown and moved the score by `SMALLEST` or more, strongest first.
    rest : float
        What all other themes added: small and protected ones.
    score, raw : float
        The model's score before calibration (log-odds or log), and the same as a probability or
        mean.
    """

    base: float
    shares: list[Share]
    rest: float
    score: float
    raw: float


def explain(
    features: Sequence[str],
    values: Mapping[str, Any],
    contributions: Sequence[float],
    *,
    kind: Kind = "probability",
    staying: Direction | None = None,
    known: Mapping[str, Tag] | None = None,
) -> Explanation:
    """Explain a prediction as a sum over themes.

    Parameters
    ----------
    features : Sequence[str]
        Names of the model's columns.
    values : Mapping[str, object]
        Their values for this customer.
    contributions : Sequence[float]
        One per feature, in the same order, and the base after them; shape (features + 1,).
    kind : {"probability", "count", "amount"}
        What the model predicts.
    staying : {"raises", "lowers"}, optional
        Which way the prediction moves where the customer stays or buys
        (`sense.staying_direction`).
    known : Mapping[str, Tag], optional
        Tags by name; default: the catalogue.
    """
    moved = [float(weight) for weight in contributions]
    total, base = sum(moved), moved[len(features)]
    shares = [*ThemedFeatures(features, known, staying).shares(values, moved)]
    rest = total - base - sum(share.score for share in shares)
    return Explanation(base, shares, rest, total, _raw(total, kind))


def strongest_reasons(
    features: Sequence[str],
    values: Mapping[str, Any],
    contributions: Sequence[float],
    *,
    top: int = 3,
    effect: Direction | None = None,
    staying: Direction | None = None,
    known: Mapping[str, Tag] | None = None,
) -> list[Reason]:
    """List the strongest reasons of a prediction, strongest first, one per theme.

    Parameters
    ----------
    features, values, contributions, staying, known
        As in `explain`; the base may be left out of the contributions.
    top : int
        Maximal number of reasons.
    effect : {"raises", "lowers"}, optional
        Only reasons of this direction; default: both.
    """
    moved = [float(weight) for weight in contributions]
    return ThemedFeatures(features, known, staying).reasons(values, moved, top, effect)


class ThemedFeatures:
    """The features of a model by their themes: explains one prediction after the other.

    Parameters
    ----------
    features : Sequence[str]
        Names of the model's columns.
    known : Mapping[str, Tag], optional
        Tags by name; default: the catalogue.
    staying : {"raises", "lowers"}, optional
        As in `explain`.
    """

    def __init__(
        self,
        features: Sequence[str],
        known: Mapping[str, Tag] | None = None,
        staying: Direction | None = None,
    ) -> None:
        self._tags = catalogue() if known is None else known
        self._staying = staying
        self._themes: dict[str, Theme] = {}
        self._members: dict[str, list[tuple[int, str]]] = {}
        for place, name in enumerate(features):
            theme = theme_of(name, self._tags.get(name))
            if not theme.protected:
                # A column without a meaning of its own shares none with others.
                key = theme.name if theme.name != "other" else name
                self._themes[key] = theme
                self._members.setdefault(key, []).append((place, name))

    def reasons(
        self,
        values: Mapping[str, Any],
        moved: Sequence[float],
        top: int = 3,
        effect: Direction | None = None,
    ) -> list[Reason]:
        """List the strongest reasons of a prediction, as `strongest_reasons`.

        Parameters
        ----------
        values : Mapping[str, object]
            Values of the features.
        moved : Sequence[float]
            Contributions, one per feature.
        top, effect
            As in `strongest_reasons`.
        """
        return [share.strongest for share in islice(self.shares(values, moved, effect), top)]

    def shares(
        self, values: Mapping[str, Any], moved: Sequence[float], effect: Direction | None = None
    ) -> Iterator[Share]:
        """Sum the contributions of the themes that may be shown, strongest first.

        Parameters
        ----------
        values, moved, effect
            As in `reasons`.
        """
        sums = {key: sum(moved[place] for place, _ in own) for key, own in self._members.items()}
        for key in sorted(sums, key=lambda key: (-abs(sums[key]), key)):
            if abs(sums[key]) < SMALLEST:
                return
            direction: Direction = "raises" if sums[key] > 0 else "lowers"
            if effect not in (None, direction):
                continue
            theme = self._themes[key]
            members = [(name, moved[place]) for place, name in self._members[key]]
            speaker = _speaker(members, values, self._tags, theme, direction, self._staying)
            if speaker is None:
                continue
            tag, value = self._tags.get(speaker), values.get(speaker)
            reason = _reason(speaker, value, theme, direction, tag)
            yield Share(theme.name, theme.chinese, theme.english, sums[key], direction, reason)


def _speaker(
    members: Sequence[tuple[str, float]],
    values: Mapping[str, Any],
    tags: Mapping[str, Tag],
    theme: Theme,
    effect: Direction,
    staying: Direction | None,
) -> str | None:
    """Choose the tag that stands for a theme: the strongest in its direction that can speak for it.

    Parameters
    ----------
    members : sequence of (str, float)
        Tags of the theme and what each added.
    values, tags : Mapping
        The customer's values, and the declarations of tags.
    theme : Theme
        The theme.
    effect : {"raises", "lowers"}
        Direction of the theme's sum: tags of the other direction only took away from it.
    staying : {"raises", "lowers"} or None
        Which way the prediction moves where the customer stays or buys.
    """
    sign = 1 if effect == "raises" else -1
    word: Word | None = None if staying is None else "stays" if effect == staying else "leaves"
    for name, weight in sorted(members, key=lambda member: (-sign * member[1], member[0])):
        if sign * weight <= 0:
            return None
        tag, value = tags.get(name), values.get(name)
        if is_talking_point(name, tag, theme.name, value) and makes_sense(
            name, tag, theme.name, value, speaks_for=word
        ):
            return name
    return None


def _reason(name: str, value: Any, theme: Theme, effect: Direction, tag: Tag | None) -> Reason:
    """Put a tag and its value into words."""
    label, unit = (tag.label, tag.unit) if tag else question_words(name)
    chinese, english = words_of(value, unit, label)
    if tag and is_absent(value):
        chinese, english = NEVER, tag.null
    words = f"{name.replace('_', ' ')}: {english}"
    return Reason(name, theme.name, effect, f"{label}：{chinese}", words)


def question_words(name: str) -> tuple[str, str]:
    """Look up the Chinese label and the unit of a feature of a question, which is no tag."""
    extra = (feature for spec in MODELS.values() for feature in spec.extra)
    labels = ((feature.label, feature.unit) for feature in extra if feature.name == name)
    return next(labels, (name, ""))


def _raw(score: float, kind: Kind) -> float:
    """Convert a score to the probability or mean it stands for."""
    return float(expit(score)) if kind == "probability" else exp(score)
