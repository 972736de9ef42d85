"""Reasons in words: what moved a prediction, by meaning, said in Chinese and in English.

A contribution is the model's own, on its raw scale against the average: log-odds of a probability,
the log of a count or an amount. Contributions
are summed over tags of one meaning (`features.tags.themes`), so that ten tags that say the same
give one reason, named by the strongest of them. Themes of protected traits may move a model, but
they are never given to anybody: what they add stands among the rest.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp
from typing import Any, Literal

from scipy.special import expit

from features.tags.catalogue import catalogue
from features.tags.declare import Tag
from features.tags.themes import Theme, theme_of
from serving.tag_words import is_absent, words_of
from training.estimators.losses import Kind
from training.models import MODELS

SMALLEST = 0.01
"""Of the score, below which nothing is given as a reason."""
Direction = Literal["raises", "lowers"]


@dataclass(frozen=True)
class Reason:
    """One tag and its value in words, and which way its theme moved the prediction."""

    tag: str
    theme: str
    effect: Direction
    chinese: str
    english: str


@dataclass(frozen=True)
class Share:
    """What one theme added to the score, and the tag that says most of it in words."""

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
        Themes that may be given and moved it by `SMALLEST` or more, strongest first.
    rest : float
        What all others added: small ones, protected ones, and those without a meaning.
    score, raw : float
        Of the model before calibration: log-odds or log, and the probability or mean it stands for.
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
    known: Mapping[str, Tag] | None = None,
) -> Explanation:
    """One prediction, by meaning.

    Parameters
    ----------
    features : Sequence[str]
        Names of the model's columns.
    values : Mapping[str, object]
        Their values for this customer.
    contributions : Sequence[float]
        One a feature, in the same order, and the base after them.
    kind : {"probability", "count", "amount"}
        What the model tells.
    known : Mapping[str, Tag], optional
        Tags by name; default: the catalogue.
    """
    tags = catalogue() if known is None else known
    moved = [float(weight) for weight in contributions]
    total, base = sum(moved), moved[len(features)]
    shares = _shares(features, values, moved, tags)
    rest = total - base - sum(share.score for share in shares)
    return Explanation(base, shares, rest, total, _told(total, kind))


def reasons_of(
    features: Sequence[str],
    values: Mapping[str, Any],
    contributions: Sequence[float],
    *,
    top: int = 3,
    effect: Direction | None = None,
    known: Mapping[str, Tag] | None = None,
) -> list[Reason]:
    """The strongest reasons, strongest first, one a theme.

    Parameters
    ----------
    features, values, contributions, known
        As `explain` has them; without a base nothing changes.
    top : int
        At most so many.
    effect : {"raises", "lowers"}, optional
        Only reasons of this direction.
    """
    tags = catalogue() if known is None else known
    moved = [float(weight) for weight in contributions]
    shares = _shares(features, values, moved, tags)
    found = [share.strongest for share in shares if effect in (None, share.effect)]
    return found[:top]


def _shares(
    features: Sequence[str],
    values: Mapping[str, Any],
    moved: Sequence[float],
    tags: Mapping[str, Tag],
) -> list[Share]:
    """The themes that may be given, strongest first."""
    themes: dict[str, Theme] = {}
    members: dict[str, list[tuple[str, float]]] = {}
    for name, weight in zip(features, moved, strict=False):
        theme = theme_of(name, tags.get(name))
        if not theme.protected:
            # A column without a meaning of its own shares none with others.
            key = theme.name if theme.name != "other" else name
            themes[key] = theme
            members.setdefault(key, []).append((name, weight))
    sums = {key: sum(weight for _, weight in own) for key, own in members.items()}
    found = []
    for key in sorted(sums, key=lambda one: (-abs(sums[one]), one)):
        if abs(sums[key]) < SMALLEST:
            break
        effect: Direction = "raises" if sums[key] > 0 else "lowers"
        # The strongest tag of the sum's own direction: others only took away from it.
        sign = 1 if sums[key] > 0 else -1
        name = min(members[key], key=lambda one: (-sign * one[1], one[0]))[0]
        theme = themes[key]
        reason = _worded(name, values.get(name), theme, effect, tags.get(name))
        share = Share(theme.name, theme.chinese, theme.english, sums[key], effect, reason)
        found.append(share)
    return found


def _worded(name: str, value: Any, theme: Theme, way: Direction, tag: Tag | None) -> Reason:
    label, unit = (tag.label, tag.unit) if tag else question_words(name)
    chinese, english = words_of(value, unit)
    if tag and is_absent(value):
        english = tag.null
    said = f"{name.replace('_', ' ')}: {english}"
    return Reason(name, theme.name, way, f"{label}: {chinese}", said)


def question_words(name: str) -> tuple[str, str]:
    """Return the Chinese label and the unit of what a question says and no tag does."""
    extra = (feature for spec in MODELS.values() for feature in spec.extra)
    return next(((one.label, one.unit) for one in extra if one.name == name), (name, ""))


def _told(score: float, kind: Kind) -> float:
    """The probability or mean that a score stands for."""
    return float(expit(score)) if kind == "probability" else exp(score)
