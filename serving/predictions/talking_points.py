"""Say which tags a talk with a customer can begin with; the others are no reason for anybody.

A model reads whatever predicts, such as the weight of a car or the premium in yuan. Whoever calls a
customer can do nothing with these: 5,573 yuan are neither much nor little to them. Such tags may
move a prediction, but another tag of their theme speaks for it: not the premium but what it is
against the year before, not the value in yuan but the star.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

from features.tags.declare import Tag
from serving.tag_words import USUAL, is_absent


@dataclass(frozen=True)
class Silent:
    """Tags of a theme that say nothing to whoever talks to the customer.

    Attributes
    ----------
    theme : str
        Name of the theme.
    units : frozenset of str
        Units, one of which the tag has; empty: any.
    words : frozenset of str
        Words, one of which the tag's name has; empty: every tag of the theme.
    """

    theme: str
    units: frozenset[str]
    words: frozenset[str]

    def is_of(self, theme: str, unit: str, words: frozenset[str]) -> bool:
        """Check whether a tag is meant.

        Parameters
        ----------
        theme, unit : str
            The tag's theme and unit.
        words : frozenset of str
            The words of its name.
        """
        measured = not self.units or unit in self.units
        return self.theme == theme and measured and (not self.words or bool(self.words & words))


def _declare(theme: str, units: str = "", words: str = "") -> Silent:
    measured = frozenset(unit.strip() for unit in units.split(",") if unit)
    return Silent(theme, measured, frozenset(words.split()))


SILENT = (
    # Amounts and factors that nobody can compare: the change against before and the star speak.
    _declare("price", "yuan, factor"),
    _declare("price", "share", "list"),
    _declare("value", "yuan"),
    _declare("products", "yuan"),
    # Rates of the insurer's own books; the number of claims speaks.
    _declare("claims", "claims a year"),
    _declare("claims", "share", "ratio"),
    # What the customer cannot change, and nobody would call about.
    _declare("region"),
    _declare("vehicle", "kW, kg, cm3, m, doors, seats, yuan"),
    _declare("vehicle", "kind", "kind"),
    _declare("expiry", "month"),
    # Where and when it all began; the years of tenure speak.
    _declare("channel", "", "branch first"),
    _declare("tenure", "", "first registration vehicles"),
    _declare("cover", "vehicles, policies", "ever"),
    _declare("cover", "yes or no", "second"),
    _declare("service", "days", "delay"),
)
NEVER_THEMES = frozenset({"contact", "quotes", "service"})
"""Themes in which it says something that a thing never happened: it can be made to happen."""


def is_talking_point(name: str, tag: Tag | None, theme: str, value: Any) -> bool:
    """Check whether a talk can begin with the value of a tag.

    Parameters
    ----------
    name : str
        Name of the tag.
    tag : Tag or None
        Its declaration; None for a field of the question, which always can.
    theme : str
        Name of its theme.
    value : object
        Its value. One that is absent cannot, except where it means "never"; nor can a score that is
        as usual.

    Examples
    --------
    >>> from features.tags.catalogue import catalogue
    >>> tag = catalogue()["commercial_premium_current"]
    >>> is_talking_point(tag.name, tag, "price", 5573.0)
    False
    """
    if tag is None:
        return True
    if _is_silent(name, tag.unit, theme):
        return False
    if is_absent(value):
        return means_never(name) and theme in NEVER_THEMES
    if tag.unit == "score":
        return abs(float(value)) >= USUAL
    return not (tag.unit == "band" and value == "medium")


def means_never(name: str) -> bool:
    """Check whether a tag that is absent says that a thing never happened."""
    return name.startswith("days_since_last_")


@cache
def _is_silent(name: str, unit: str, theme: str) -> bool:
    words = frozenset(name.split("_"))
    return any(silent.is_of(theme, unit, words) for silent in SILENT)
