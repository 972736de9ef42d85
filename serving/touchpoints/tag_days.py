"""Move tags that count days to the day of a contact, and tell how old tags are.

Tags of a date D say what was known at its end. `days_to_` and `days_since_` are known for any later
day too, since they move by one a day. Windows, conditions and texts of a contact read them as they
stand on its day; models read tags as they are.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from functools import cache
from typing import Any

from features.tags.catalogue import catalogue

Tags = Mapping[str, Any]
DAY_TAGS = {"days_since_": 1, "days_to_": -1}
"""Beginning of the name of a tag that counts days -> by how much it moves in a day."""


@cache
def day_step(tag: str) -> int:
    """Return by how much a tag moves in a day: 1, -1, or 0 of a tag that counts no days.

    Examples
    --------
    >>> day_step("days_to_unrenewed_expiry"), day_step("days_since_last_contact"), day_step("star")
    (-1, 1, 0)
    """
    return next((step for begin, step in DAY_TAGS.items() if tag.startswith(begin)), 0)


def tags_on(tags: Tags, day: date) -> dict[str, Any]:
    """Return a customer's tags as they stand on a day: those that count days are moved to it.

    Parameters
    ----------
    tags : Mapping[str, object]
        Tags by name, with their date `as_of`, and `newer`: the groups of a later date. Without a
        date nothing moves.
    day : date
        The day of the contact.

    Examples
    --------
    >>> row = {"as_of": date(2026, 6, 30), "days_to_unrenewed_expiry": 28, "star_level": 3}
    >>> tags_on(row, date(2026, 7, 1))["days_to_unrenewed_expiry"]
    27
    """
    moved = dict(tags)
    if tags.get("as_of") is None:
        return moved
    for name, (group, step) in _day_tags().items():
        value = moved.get(name)
        if value is not None:
            moved[name] = value + step * (day - _date_of(tags, group)).days
    return moved


def tag_age(tags: Tags, day: date, names: Iterable[str] | None = None) -> int:
    """Return the age of tags on a day, in days: 1 on the day after their date.

    Parameters
    ----------
    tags : Mapping[str, object]
        As in `tags_on`.
    day : date
        The day.
    names : iterable of str, optional
        The tags of which the oldest counts. Default: all that were read.
    """
    if tags.get("as_of") is None:
        return 0
    newer = tags.get("newer")
    if names is None or not newer:
        return int((day - tags["as_of"]).days)
    declared = catalogue()
    dates = (_date_of(tags, declared[name].group) for name in names if name in declared)
    return int((day - min(dates, default=tags["as_of"])).days)


def _date_of(tags: Tags, group: str) -> date:
    """Return the date of the tags of a group: that of all, or a later one after an event."""
    newer = tags.get("newer")
    day: date = newer.get(group, tags["as_of"]) if newer else tags["as_of"]
    return day


@cache
def _day_tags() -> Mapping[str, tuple[str, int]]:
    """List the tags that count days: name -> group, and by how much it moves in a day."""
    steps = {name: (tag.group, day_step(name)) for name, tag in catalogue().items()}
    return {name: step for name, step in steps.items() if step[1]}
