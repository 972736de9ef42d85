"""Name the periods of a report: the month, the same day of other months, a Monday's week."""

import calendar
from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True)
class Period:
    """A month, and the day up to which it is looked at.

    Attributes
    ----------
    first, last : date
        First and last day of the month.
    day : date
        Terms that expire by then have expired.
    """

    first: date
    last: date
    day: date


def month_of(day: date) -> Period:
    """Return the month of a day, looked at on that day.

    Parameters
    ----------
    day : date
        The day.
    """
    last = calendar.monthrange(day.year, day.month)[1]
    return Period(day.replace(day=1), day.replace(day=last), day)


def months_back(day: date, months: int) -> Period:
    """Return an earlier month, looked at on the same day of it; a last day stays a last day.

    Parameters
    ----------
    day : date
        The day.
    months : int
        How many months earlier.

    Examples
    --------
    >>> months_back(date(2026, 6, 30), 1).day, months_back(date(2026, 3, 30), 1).day
    (datetime.date(2026, 5, 31), datetime.date(2026, 2, 28))
    """
    number = day.year * 12 + day.month - 1 - months
    year, month = divmod(number, 12)
    last = calendar.monthrange(year, month + 1)[1]
    ends = day == month_of(day).last
    return month_of(date(year, month + 1, last if ends else min(day.day, last)))


def eve_of_week(day: date) -> date:
    """Return the Sunday before the week of a day: the last day that its Monday's report knows.

    Parameters
    ----------
    day : date
        Any day of the week.

    Examples
    --------
    >>> eve_of_week(date(2026, 6, 29)), eve_of_week(date(2026, 7, 5))
    (datetime.date(2026, 6, 28), datetime.date(2026, 6, 28))
    """
    return day - timedelta(days=day.weekday() + 1)
