"""Put the values of tags into words, in Chinese and in English."""

from math import isnan
from typing import Any

from features.condition_forms.codes import CODES
from features.dictionary.phrases import TIMES

UNITS = {
    "yuan": ("元", "yuan"),
    "days": ("天", "days"),
    "years": ("年", "years"),
    "month": ("月", "(month)"),
    "level": ("级", ""),
    "levels": ("级", "levels"),
    "stars": ("星", "stars"),
    "factor": ("", ""),
    "ratio": ("", ""),
    "score": ("", ""),
    "kW": ("千瓦", "kW"),
    "kg": ("千克", "kg"),
    "m": ("米", "m"),
    "cm3": ("毫升", "cm3"),
    "doors": ("门", "doors"),
    "seats": ("座", "seats"),
    "terms": ("个年度", "terms"),
    "channels": ("个", "channels"),
    "premiums": ("个", "premiums"),
    "purposes": ("项", "purposes"),
    "vehicles": ("辆", "vehicles"),
    "policies": ("张", "policies"),
    "lines": ("种", "lines"),
    "score of 1 to 5": ("分", "of 5"),
    "months": ("个月", "months"),
    "km": ("公里", "km"),
    "covers": ("项", "covers"),
    "managers": ("位", "managers"),
    "events per 100 km": ("次/百公里", "per 100 km"),
    "seconds per 100 km": ("秒/百公里", "seconds per 100 km"),
    "claims a year": ("次/年", "a year"),
    **{name: ("次", name) for name in (
        "claims", "quotes", "contacts", "services", "complaints", "surveys", "renewals",
        "changes", "gaps", "returns",
    )},
}  # fmt: skip
SMALL_SHARE = 0.02
"""Shares below it are given to a tenth of a per cent."""
USUAL = 0.25
"""Distance of a score from 0 below which it is as usual."""
SCORES = {
    -1: ("低于一般客户", "below most customers"),
    0: ("与一般客户相当", "as most customers"),
    1: ("高于一般客户", "above most customers"),
}
CATEGORIES = {code: label for labels in CODES.values() for code, label in labels.items()}
"""Codes of all tags -> their Chinese labels; no two tags give a code different labels."""


def words_of(value: Any, unit: str, label: str = "") -> tuple[str, str]:
    """Put the value of a tag into words, in Chinese and in English.

    Parameters
    ----------
    value : object
        The value; absent: none on record.
    unit : str
        The tag's unit.
    label : str
        Its Chinese label: one that ends in 次数 counts times, whatever the unit.

    Examples
    --------
    >>> words_of(2779.0, "yuan")
    ('2,779元', '2,779 yuan')
    >>> words_of(0.155, "change")
    ('+16%', '+16%')
    >>> words_of(-0.51, "score")
    ('低于一般客户', 'below most customers')
    >>> words_of(0, "terms", "连续投保续保次数")
    ('0次', '0 terms')
    >>> words_of(1, "policies")
    ('1张', '1 policy')
    >>> words_of(None, "days")
    ('无记录', 'none on record')
    """
    if is_absent(value):
        return "无记录", "none on record"
    if isinstance(value, str):
        return CATEGORIES.get(value, value), value
    if str(value) in {"True", "False"}:
        return ("是", "yes") if value else ("否", "no")
    number = float(value)
    if unit in {"share", "change"}:
        small = 0 < abs(number) < SMALL_SHARE
        text = f"{number:+.0%}" if unit == "change" else f"{number:.{int(small)}%}"
        text = text.replace("-0%", "+0%")  # nobody reads -0%
        return text, text
    if unit == "score":  # a distance from the usual, of a scale that no reader knows
        side = 0 if abs(number) < USUAL else 1 if number > 0 else -1
        return SCORES[side]
    # Nobody speaks of half a day.
    exact = unit != "days" and number != round(number) and abs(number) < 100
    text = f"{number:,.2f}" if exact else f"{number:,.0f}"
    chinese, english = chinese_unit(unit, label), UNITS.get(unit, ("", unit))[1]
    english = _singular(english) if text == "1" else english
    return f"{text}{chinese}", f"{text} {english}".strip()


def chinese_unit(unit: str, label: str = "") -> str:
    """Return the Chinese unit behind a value; empty: the value stands alone.

    Examples
    --------
    >>> chinese_unit("terms"), chinese_unit("terms", "续保次数"), chinese_unit("factor")
    ('个年度', '次', '')
    """
    chinese, _ = UNITS.get(unit, ("", ""))
    return "次" if label.endswith(TIMES) and not chinese.startswith("次") else chinese


def _singular(unit: str) -> str:
    """Return the unit of one thing, such as "policy" of "policies"."""
    return f"{unit[:-3]}y" if unit.endswith("ies") else unit.removesuffix("s")


def figure_of(value: Any, unit: str, label: str = "") -> tuple[Any, str]:
    """Put the value of a tag into a cell that can be sorted and added, with its unit in Chinese.

    The unit is for the heading; it is empty where the cell holds words.

    Parameters
    ----------
    value, unit, label
        As in `words_of`.

    Examples
    --------
    >>> figure_of(2779.0, "yuan"), figure_of(7, "days")
    ((2779, '元'), (7, '天'))
    >>> figure_of(0.155, "change"), figure_of(None, "days")
    (('+16%', ''), (None, '天'))
    """
    if isinstance(value, str | bool) or unit in {"share", "change", "score"}:
        return words_of(value, unit, label)[0], ""
    chinese = chinese_unit(unit, label)
    if is_absent(value):
        return None, chinese
    number = round(float(value), 0 if unit == "days" else 2)
    return int(number) if number.is_integer() else number, chinese


def is_absent(value: Any) -> bool:
    """Check whether a tag has no value."""
    if value is None:
        return True
    if isinstance(value, float):
        return isnan(value)
    return not isinstance(value, int) and str(value) == "<NA>"
