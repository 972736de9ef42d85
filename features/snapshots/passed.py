"""Test, in SQL, whether a date of a row passed a limit of its tags between two dates."""

from collections.abc import Iterable
from datetime import date, timedelta

from features.contracts.contract import Day
from features.contracts.tables import CONTRACTS
from features.lake import Lake
from features.lake.known import HORIZONS
from features.sql import quoted
from features.stars.settings import load_star_settings
from features.tags.moving import ANY, BIRTHDAY, Turn
from features.tags.relations.claims_standards import load_claims_standards


def passed_turns(lake: Lake, turns: Iterable[Turn], then: date, as_of: date) -> str:
    """Write the condition that a date of a row passed one of its turns between two dates.

    Parameters
    ----------
    lake : Lake
        Its home has the settings that limits depend on.
    turns : iterable of Turn
        Of one raw table.
    then, as_of : date
        The earlier date and the new one.

    Returns
    -------
    str
        SQL over the columns of the checked table; "false" where the dates are the same.
    """
    if then == as_of:
        return "false"
    tests: list[str] = []
    passing: dict[str, set[date]] = {}
    for turn in sorted(turns, key=str):
        column = quoted(turn.column)
        if turn.kind == ANY:
            tests += _any_limit(lake, turn.table, turn.column, then, as_of)
        elif turn.kind == BIRTHDAY:
            tests.append(_half_year(column, then, as_of))
        elif turn.months or turn.now_months:
            spans = f"INTERVAL ({turn.now_months}) MONTH + INTERVAL ({turn.now_days}) DAY"
            low, high = f"DATE '{then}' + {spans}", f"DATE '{as_of}' + {spans}"
            value = f"({column} + INTERVAL ({turn.months}) MONTH)"
            over, under = (">=", "<") if turn.begins else (">", "<=")
            tests.append(f"({value} {over} {low} AND {value} {under} {high})")
        else:
            first = turn.now_days + (0 if turn.begins else 1)
            days = (then + timedelta(first + n) for n in range((as_of - then).days))
            passing.setdefault(column, set()).update(days)
    for column, among in passing.items():
        listed = ", ".join(f"DATE '{day}'" for day in sorted(among))
        tests.append(f"{column} IN ({listed})")
    return " OR ".join(f"coalesce({test}, false)" for test in tests) or "false"


def _any_limit(lake: Lake, table: str, column: str, then: date, as_of: date) -> list[str]:
    """List tests of all limits that `features.lake.known` allows, for a tag that is not read."""
    step = (as_of - then).days
    star = load_star_settings(lake.home)
    horizons = (*HORIZONS, *load_claims_standards(lake.home).horizons)
    # An instant that lies ahead is not known yet, a day can be.
    of_day = CONTRACTS[table].columns.get(column) == Day
    name, before, now = quoted(column), f"DATE '{then}'", f"DATE '{as_of}'"
    limits = ", ".join(map(str, _limits(horizons, step, ahead=of_day)))
    tests = [f"date_diff('day', {name}, {now}) IN ({limits})"]
    for count in sorted({36, star.break_months, 12 * star.window_years}):
        span = f"INTERVAL {count} MONTH"
        tests.append(f"({name} > {before} - {span} AND {name} <= {now} - {span})")
        tests.append(f"({name} + {span} >= {before} AND {name} + {span} < {now})")
    if of_day and table in ("customers", "vehicles"):
        tests.append(_half_year(name, then, as_of))
    return tests


def _limits(horizons: Iterable[int], step: int, ahead: bool) -> list[int]:
    """List the distances to `as_of`, in days, at which a comparison turned within `step` days."""
    turns = {turn for days in horizons for turn in (days, days + 1)}
    turns |= {turn for days in horizons for turn in (-days, 1 - days)} if ahead else set()
    return sorted({turn + later for turn in turns for later in range(step)})


def _half_year(column: str, then: date, as_of: date) -> str:
    """Test whether half a year from a date, or a multiple, ended: ages, inspections."""
    nearby = [then + timedelta(n) for n in range((as_of - then).days + 1)]
    if any((day.month, day.day) in ((2, 28), (2, 29), (3, 1), (3, 2)) for day in nearby):
        # What 29 February stands for is counted on either side of it.
        nearby = [then + timedelta(n) for n in range(-3, (as_of - then).days + 4)]
    numbers = {(day.month - 1) % 6 * 31 + number for day in nearby for number in _days(day)}
    listed = ", ".join(map(str, sorted(numbers)))
    return f"(month({column}) - 1) % 6 * 31 + day({column}) IN ({listed})"


def _days(day: date) -> Iterable[int]:
    """Number the day of its month; the last day of a month stands for the days it lacks too."""
    last = (day + timedelta(1)).month != day.month
    return range(day.day, 32) if last else (day.day,)
