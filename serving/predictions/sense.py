"""Say what a value can mean for whether a customer stays or buys, so that no reason contradicts it.

Models split on hundreds of tags, many of which say nearly the same. So a tag may move a prediction
against what its value means to a reader: "price -5%" as a reason to leave. Such a reason helps
nobody who talks to the customer. What a high or a low value can mean is declared by theme; a reason
that says the opposite is left out, and the next tag of its theme takes its place.

What keeps a customer also makes them likelier to buy from us: "stays" stands for both, "leaves" for
the opposite of both.
"""

from dataclasses import dataclass
from functools import cache
from math import inf
from typing import Any, Literal

from features.tags.declare import Tag
from serving.predictions.talking_points import means_never
from serving.tag_words import USUAL, is_absent
from training.model_spec import ModelSpec

Direction = Literal["raises", "lowers"]
Word = Literal["stays", "leaves"]


@dataclass(frozen=True)
class Sense:
    """What values of some tags of a theme can mean.

    Attributes
    ----------
    theme : str
        Name of the theme.
    words : frozenset of str
        Words, one of which the tag's name has; empty: every tag of the theme.
    units : frozenset of str
        Units, one of which the tag has.
    low : float
        A value up to this one means only `low_means`; yes is 1, no is 0.
    low_means : {"stays", "leaves"}
    high : float or None
        A value from this one on means only the opposite; None: it may mean either. A value between
        the two may mean either.
    """

    theme: str
    words: frozenset[str]
    units: frozenset[str]
    low: float
    low_means: Word
    high: float | None = None

    def is_of(self, theme: str, unit: str, words: frozenset[str]) -> bool:
        """Check whether it is declared for a tag.

        Parameters
        ----------
        theme, unit : str
            The tag's theme and unit.
        words : frozenset of str
            The words of its name.
        """
        named = not self.words or bool(self.words & words)
        return self.theme == theme and unit in self.units and named


def _declare(
    theme: str, words: str, units: str, low: float, low_means: Word, high: float | None = None
) -> Sense:
    named = frozenset(unit.strip() for unit in units.split(","))
    return Sense(theme, frozenset(words.split()), named, low, low_means, high)


CHANGE = 0.005
"""A price that moved by less is the same price: +0% to a reader."""
IN_TIME, LATE = 14, 53
"""Days from report to payment by the standards of the claims chain (`docs/tag-rules.md`), of a
claim without injury and of one with."""
LONG_AGO = 365
SENSES = (
    # A price that fell keeps nobody from staying, one that rose holds nobody.
    _declare("price", "", "change", CHANGE, "stays", CHANGE),
    _declare("price", "spread", "share", CHANGE, "leaves", CHANGE),
    _declare("price", "ncd", "level, levels", -1, "stays", 1),
    _declare("price", "accepted", "renewals", 0, "leaves", 1),
    _declare("price", "acceptance", "share", 0, "leaves", 0.5),
    _declare("price", "sensitivity", "score, band", -USUAL, "stays", USUAL),
    _declare("satisfaction", "complaint complaints disputed", "complaints, claims", 0, "stays", 1),
    _declare("satisfaction", "score", "score of 1 to 5", 3, "leaves", 4),
    _declare("claims", "time", "share", 0.5, "leaves", 1),
    _declare("claims", "overdue disputed", "claims, share", 0, "stays", 1),
    _declare("claims", "payment", "days", IN_TIME, "stays", LATE),
    _declare("service", "expired never", "share", 0, "stays", 0.25),
    _declare("service", "expired never", "services", 0, "stays"),
    _declare("service", "used use activated", "share", 0, "leaves", 0.5),
    _declare("service", "used use activated", "services", 0, "leaves", 3),
    _declare("service", "use", "days", 30, "stays", LONG_AGO),
    _declare("service", "sensitivity", "score, band", -USUAL, "leaves", USUAL),
    _declare("contact", "since", "contacts", 0, "stays", 3),
    _declare("contact", "opted refused", "yes or no, contacts", 0, "stays", 1),
    _declare("contact", "response read clicked replied", "contacts", 0, "leaves", 2),
    _declare("contact", "response read clicked replied", "share", 0, "leaves", 0.5),
    _declare("contact", "response", "days", 30, "stays", LONG_AGO),
    _declare("contact", "bound added", "yes or no", 0, "leaves", 1),
    _declare("quotes", "bought", "quotes", 0, "stays"),
    _declare("quotes", "since", "quotes", 0, "stays"),
    _declare("quotes", "viewed delivered reached", "quotes, share, yes or no", 0, "leaves"),
    _declare("quotes", "count", "quotes", 0, "leaves"),
    _declare("quotes", "view", "days", 30, "stays", LONG_AGO),
    _declare("products", "quote", "quotes", 0, "leaves", 1),
    _declare("products", "holds policies", "yes or no, policies", 0, "leaves", 1),
    _declare("products", "held", "lines", 1, "leaves", 2),
    _declare("tenure", "tenure", "years", 1, "leaves", 4),
    _declare("tenure", "renewals", "terms", 0, "leaves", 3),
    _declare("tenure", "gaps", "gaps", 0, "stays", 1),
    _declare("tenure", "gap", "days", 0, "stays", 30),
    _declare("value", "level", "stars", 1, "leaves", 4),
    _declare("cover", "ahead", "policies", 0, "leaves", 1),
    _declare("cover", "cancelled", "policies", 0, "stays", 1),
)
"""The first that fits a tag counts. What is not here may mean either."""
BANDS = {"low": -USUAL, "medium": 0.0, "high": USUAL}


def staying_direction(spec: ModelSpec) -> Direction | None:
    """Return which way the prediction moves where a customer is likelier to stay, or to buy.

    Parameters
    ----------
    spec : ModelSpec
        The model.

    Returns
    -------
    {"raises", "lowers"} or None
        None if the model predicts neither.
    """
    if spec.purpose is None:
        return None
    outcome_is_label, sells = spec.purpose.outcome_label, spec.purpose.benefit == "non_motor"
    return "raises" if outcome_is_label == sells else "lowers"


def makes_sense(
    name: str, tag: Tag | None, theme: str, value: Any, *, speaks_for: Word | None
) -> bool:
    """Check that a value does not mean the opposite of what it would be a reason for.

    Parameters
    ----------
    name : str
        Name of the tag.
    tag : Tag or None
        Its declaration; None for a field of the question.
    theme : str
        Name of its theme.
    value : object
        Its value. Days since what never happened are more than any number of days; another value
        that is absent contradicts nothing.
    speaks_for : {"stays", "leaves"} or None
        What it is to be a reason for; None: the model asks neither whether the customer stays nor
        whether they buy.

    Examples
    --------
    >>> from features.tags.catalogue import catalogue
    >>> tag = catalogue()["renewal_quote_change_ratio"]
    >>> makes_sense(tag.name, tag, "price", -0.05, speaks_for="leaves")
    False
    """
    number = _number(name, value)
    if speaks_for is None or tag is None or number is None:
        return True
    sense = _sense_of(name, theme, tag.unit)
    if sense is None:
        return True
    if number <= sense.low:
        return sense.low_means == speaks_for
    if sense.high is not None and number >= sense.high:
        return sense.low_means != speaks_for
    return True


@cache
def _sense_of(name: str, theme: str, unit: str) -> Sense | None:
    words = frozenset(name.split("_"))
    return next((sense for sense in SENSES if sense.is_of(theme, unit, words)), None)


def _number(name: str, value: Any) -> float | None:
    """Return a value as a number on its scale; None if it has none."""
    if is_absent(value):
        return inf if means_never(name) else None
    return BANDS.get(value) if isinstance(value, str) else float(value)
