"""Compile the triggers of touchpoints to SQL over the tags of a batch of customers.

Days are those of the contact, which is made on the day after the tags' date. The rules are those of
`serving.touchpoints.due.standing`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from features.conditions import compile_condition
from features.sql import sql_text
from features.tags.catalogue import catalogue
from serving.touchpoints.catalogue import Catalogue, StageBranch
from serving.touchpoints.due import YEAR_DAYS
from serving.touchpoints.endings import SIGNED, endings, products
from serving.touchpoints.fields import Touchpoint, Trigger
from serving.touchpoints.occasions import Occasion
from serving.touchpoints.tag_days import day_step

BATCH = "tags_of_batch"
"""The name of the table of tags."""
DUE_COLUMNS = {
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
    "renews": "BOOLEAN",
    "lines": "VARCHAR[]",
    "signed_on": "DATE",
}
"""Columns of the query: `place` is the touchpoint's place in the catalogue, `counts_from` the day
from which a contact counts as made about the same term, event or entitlement, `renews` and `lines`
say what ends it (`serving.touchpoints.endings`), `signed_on` when a motor policy was signed."""
WHO = ("branch", "life_cycle_stage", "star_level", SIGNED)


@dataclass(frozen=True)
class TimingSql:
    """SQL expressions of when a touchpoint is due.

    Attributes
    ----------
    met : str
        Whether the day of contact is timely for a customer.
    due_on, window_end, reason : str
        First and last day, and why.
    since : str
        The day from which a contact counts as made about the same term, event or entitlement.
    """

    met: str
    due_on: str
    window_end: str
    reason: str
    since: str


def due_query(
    touchpoints: Catalogue, occasions: Sequence[Occasion], as_of: date
) -> tuple[str, list[str]]:
    """Write the query that finds who is due in the table `BATCH`.

    Parameters
    ----------
    touchpoints : Catalogue
        The touchpoints of the home.
    occasions : sequence of Occasion
        Holidays and weather warnings.
    as_of : date
        Date of the tags; contacts are made on the day after.

    Returns
    -------
    query : str
        With the columns `DUE_COLUMNS`; empty if nothing can be due.
    tags : list of str
        Tags that the query reads.
    """
    selects, tags = [], dict.fromkeys(WHO)
    for place, (name, variants) in enumerate(touchpoints.variants.items()):
        for stage_branch, touchpoint in variants.items():
            if touchpoint is None or not touchpoint.trigger.daily:
                continue
            trigger = touchpoint.trigger
            tags |= dict.fromkeys(trigger.tags_read)
            whose = _variant_condition(stage_branch, variants)
            for timing in _timings(trigger, occasions, as_of):
                selects.append(_select(place, name, touchpoint, whose, timing, as_of))
    return "\nUNION ALL\n".join(selects), list(tags)


def batch_query(tags: Sequence[str], read: str) -> str:
    """Write the query of the table `BATCH`: tags as they stand on the day after their date.

    Parameters
    ----------
    tags : sequence of str
        Tags of the table `read`.
    read : str
        Table with the tags of a date.
    """
    moved = [
        f'CAST("{tag}" + {day_step(tag)} AS INTEGER) AS "{tag}"' for tag in tags if day_step(tag)
    ]
    replaced = f"REPLACE ({', '.join(moved)}) " if moved else ""
    return f"SELECT * {replaced}FROM {read}"


def _select(
    place: int, name: str, touchpoint: Touchpoint, whose: str, timing: TimingSql, as_of: date
) -> str:
    """Write the query of a touchpoint for the customers of a variant."""
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
    since = timing.since
    if trigger.once_per == "year":
        # A contact on the same day of last year was of last year.
        since = day_text(as_of + timedelta(2 - YEAR_DAYS))
    signed = f'{day_text(as_of + timedelta(1))} - "{SIGNED}"'
    ends = endings(touchpoint)
    lines = _texts(sorted(products(touchpoint)) if "bought" in ends else ())
    return (
        f"SELECT customer_id, {sql_text(name)}, {timing.reason}, {timing.due_on}, "
        f"{timing.window_end}, {sql_text(touchpoint.kind)}, {sql_text(trigger.by)}, {channels}, "
        f"{service}, star_level, {place}, {since}, {'renewed' in ends}, "
        f"{lines}::VARCHAR[], {signed} "
        f"FROM {BATCH} WHERE {whose} AND {timing.met} AND ({condition})"
    )


def _timings(trigger: Trigger, occasions: Sequence[Occasion], as_of: date) -> Iterator[TimingSql]:
    """Compile when a touchpoint is due; nothing if the day of contact is timely for nobody."""
    day = as_of + timedelta(1)
    if trigger.window:
        window = trigger.window
        label = catalogue()[window.tag].label
        # The day on which it is 0 is fixed.
        value = f'"{window.tag}"'
        zero = f"{day_text(day)} - {window.step} * {value}"
        low, high = sorted((window.first, window.last))
        opens = f"{zero} + {window.step * window.first}"
        yield TimingSql(
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
        for occasion in occasions:
            if occasion.kind == trigger.occasion and occasion.is_timely(day, trigger.days_before):
                begins = occasion.begins - timedelta(trigger.days_before)
                timing = _fixed(begins, occasion.ends, f"{occasion.label} {occasion.begins}")
                met = f"branch IN {_list(occasion.branches)}" if occasion.branches else "true"
                yield replace(timing, met=met)
    else:
        yield _fixed(day, day, "符合条件")


def _fixed(first: date, last: date, reason: str) -> TimingSql:
    return TimingSql("true", day_text(first), day_text(last), sql_text(reason), day_text(first))


def _variant_condition(stage_branch: StageBranch, variants: Iterable[StageBranch]) -> str:
    """Write the condition for customers of a variant: not of a place with a variant of its own."""
    tests = []
    for place, tag in enumerate(("life_cycle_stage", "branch")):
        own = stage_branch[place]
        others = sorted({variant[place] or "" for variant in variants} - {""})
        if own is not None:
            tests.append(f"{tag} = {sql_text(own)}")
        elif others:
            tests.append(f"({tag} IN {_list(others)}) IS NOT TRUE")
    return " AND ".join(tests) or "true"


def day_text(day: date) -> str:
    """Write a date as SQL."""
    return f"DATE '{day}'"


def _texts(values: Iterable[str]) -> str:
    return f"[{', '.join(map(sql_text, values))}]"


def _list(values: Iterable[str]) -> str:
    return f"({', '.join(map(sql_text, values))})"
