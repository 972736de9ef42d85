"""What a touchpoint's trigger asks of the tags of a batch of customers, as SQL.

Days are those of the contact, which is made on the day after the tags' date.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from features.conditions import columns_of, compile_condition
from features.sql import sql_text
from features.tags.catalogue import catalogue
from serving.touchpoints.catalogue import Catalogue, Where
from serving.touchpoints.fields import Touchpoint, Trigger
from serving.touchpoints.occasions import Occasion

BATCH = "tags_of_batch"
"""The name of the table of tags."""
FOUND_COLUMNS = {
    "customer_id": "VARCHAR",
    "touchpoint": "VARCHAR",
    "reason": "VARCHAR",
    "due_on": "DATE",
    "window_end": "DATE",
    "kind": "VARCHAR",
    "by": "VARCHAR",
    "channels": "VARCHAR[]",
    "service": "VARCHAR",
    "star": "BIGINT",
    "place": "INTEGER",
    "counts_from": "DATE",
}
"""What the query gives: `place` in the catalogue, and the day from which a contact counts as made
about the same term, event or entitlement."""
WHO = ("branch", "life_cycle_stage", "star_level")
YEAR_DAYS = 365


@dataclass(frozen=True)
class Timed:
    """When one touchpoint is due, as SQL.

    Attributes
    ----------
    met : str
        Whether the day of contact is timely for a customer.
    due_on, window_end, reason : str
        First and last day, and why.
    since : str
        The day from which a contact made is about the same term, event or entitlement.
    """

    met: str
    due_on: str
    window_end: str
    reason: str
    since: str


def found_by(declared: Catalogue, there: Sequence[Occasion], as_of: date) -> tuple[str, list[str]]:
    """The query over a batch of tags, and the tags that it reads."""
    selects, tags = [], dict.fromkeys(WHO)
    for place, (name, variants) in enumerate(declared.variants.items()):
        for where, touchpoint in variants.items():
            if touchpoint is None or not touchpoint.trigger.daily:
                continue
            trigger = touchpoint.trigger
            tags |= dict.fromkeys(_tags_of(trigger))
            there_and_then = _of_whom(where, variants)
            for timed in _timed(trigger, there, as_of):
                selects.append(_select(place, name, touchpoint, there_and_then, timed, as_of))
    return "\nUNION ALL\n".join(selects), list(tags)


def _select(
    place: int, name: str, touchpoint: Touchpoint, of_whom: str, timed: Timed, as_of: date
) -> str:
    trigger = touchpoint.trigger
    condition = compile_condition(trigger.condition or "true", trigger.tags)
    rules = sorted(touchpoint.stars, key=lambda rule: -rule.at_least)

    def by_star(values: list[str], otherwise: str) -> str:
        cases = [
            f"WHEN star_level >= {rule.at_least} THEN {value}"
            for rule, value in zip(rules, values, strict=True)
        ]
        return f"CASE {' '.join(cases)} ELSE {otherwise} END" if cases else otherwise

    channels = by_star([_texts(rule.channels) for rule in rules], _texts(touchpoint.channels))
    service = by_star([sql_text(rule.service) for rule in rules], sql_text("standard"))
    since = timed.since
    if trigger.once_per == "year":
        # A contact on the same day of last year was of last year.
        since = day_text(as_of + timedelta(2 - YEAR_DAYS))
    return (
        f"SELECT customer_id, {sql_text(name)}, {timed.reason}, {timed.due_on}, "
        f"{timed.window_end}, {sql_text(touchpoint.kind)}, {sql_text(trigger.by)}, {channels}, "
        f"{service}, star_level, {place}, {since} "
        f"FROM {BATCH} WHERE {of_whom} AND {timed.met} AND ({condition})"
    )


def _timed(trigger: Trigger, there: Sequence[Occasion], as_of: date) -> Iterator[Timed]:
    """When a touchpoint is due; none if the day of contact is timely for nobody."""
    day = as_of + timedelta(1)
    if trigger.window:
        window = trigger.window
        label = catalogue()[window.tag].label
        # As it stands on the day of contact; the day on which it is 0 is fixed.
        value = f'CAST("{window.tag}" + {window.step} AS INTEGER)'
        zero = f"{day_text(day)} - {window.step} * {value}"
        low, high = sorted((window.first, window.last))
        opens = f"{zero} + {window.step * window.first}"
        yield Timed(
            met=f"{value} BETWEEN {low} AND {high}",
            due_on=opens,
            window_end=f"{zero} + {window.step * window.last}",
            reason=f"{sql_text(label + ' ')} || {value}",
            since=zero if window.step > 0 else opens,
        )
    elif trigger.months:
        if day.month in trigger.months:
            first = day.replace(day=1)
            last = (first + timedelta(31)).replace(day=1) - timedelta(1)
            yield _fixed(first, last, f"{day.month}月")
    elif trigger.occasion:
        for one in there:
            if one.kind == trigger.occasion and one.timely(day, trigger.days_before):
                begins = one.begins - timedelta(trigger.days_before)
                timed = _fixed(begins, one.ends, f"{one.label} {one.begins}")
                where = f"branch IN {_list(one.branches)}" if one.branches else "true"
                yield Timed(where, timed.due_on, timed.window_end, timed.reason, timed.since)
    else:
        yield _fixed(day, day, "符合条件")


def _fixed(first: date, last: date, reason: str) -> Timed:
    return Timed("true", day_text(first), day_text(last), sql_text(reason), day_text(first))


def _of_whom(where: Where, variants: Iterable[Where]) -> str:
    """Of which stage and branch a variant is: of none that has one of its own."""
    tests = []
    for place, tag in enumerate(("life_cycle_stage", "branch")):
        own, others = where[place], sorted({one[place] or "" for one in variants} - {""})
        if own is not None:
            tests.append(f"{tag} = {sql_text(own)}")
        elif others:
            tests.append(f"({tag} IN {_list(others)}) IS NOT TRUE")
    return " AND ".join(tests) or "true"


def _tags_of(trigger: Trigger) -> list[str]:
    window = [trigger.window.tag] if trigger.window else []
    return [*window, *(columns_of(trigger.condition, trigger.tags) if trigger.condition else ())]


def day_text(day: date) -> str:
    """A date as SQL."""
    return f"DATE '{day}'"


def _texts(values: Iterable[str]) -> str:
    return f"[{', '.join(map(sql_text, values))}]"


def _list(values: Iterable[str]) -> str:
    return f"({', '.join(map(sql_text, values))})"
