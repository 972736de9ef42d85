"""Convert the insurer's civil days to instants, to join instants with the day they fall on.

Python computes the bounds of the days, because engines disagree on how to name a time zone.
"""

from datetime import date, timedelta
from typing import TYPE_CHECKING

from features.instants import microseconds
from features.lake import Lake
from features.settings import cutoff

if TYPE_CHECKING:
    # Commands that run stored SQL do not wait for Ibis.
    import ibis.expr.types as ir


def civil_days_sql(lake: Lake, first: date, last: date) -> str:
    """Write the query of the civil days of a period, each once for every UTC date it touches.

    Parameters
    ----------
    lake : Lake
        The home whose settings name the insurer's time zone.
    first, last : date
        First and last civil day; no rows if `last` is before `first`.

    Returns
    -------
    str
        SQL of the columns `day` (date), `opens` and `closes` (timestamps, UTC; the day is
        [opens, closes)), and `utc_date` (date), by which instants can be joined without comparing
        every pair.
    """
    zone = lake.settings.timezone
    bounds = (
        cutoff(first + timedelta(number - 1), zone) for number in range((last - first).days + 2)
    )
    listed = ", ".join(str(microseconds(bound)) for bound in bounds)
    return f"""
        SELECT day, opens, closes, unnest(list_distinct([
            opens::DATE, (closes - INTERVAL 1 MICROSECOND)::DATE
        ])) AS utc_date
        FROM (
            SELECT DATE '{first}' + number::INTEGER AS day,
                make_timestamptz(bounds[number + 1]) AS opens,
                make_timestamptz(bounds[number + 2]) AS closes
            FROM (SELECT [{listed}]::BIGINT[] AS bounds), range(len(bounds) - 1) AS r(number)
        )
        """


def with_day(rows: "ir.Table", instant: str, days: "ir.Table") -> "ir.Table":
    """Add to each row the civil day on which an instant of it falls; drop rows of other days.

    Parameters
    ----------
    rows : ibis.Table
        Rows with the column `instant`.
    instant : str
        Name of a timestamp column (UTC).
    days : ibis.Table
        Civil days, the rows of `civil_days_sql`.

    Returns
    -------
    ibis.Table
        The columns of `rows`, then `day` (date).
    """
    joined = rows.inner_join(days, rows[instant].date() == days.utc_date)
    inside = (joined[instant] >= joined.opens) & (joined[instant] < joined.closes)
    return joined.filter(inside).select(*rows.columns, "day")


def years_before(day: date, years: int) -> date:
    """Shift a day back by whole years; 29 February becomes 28 February in a common year.

    Examples
    --------
    >>> years_before(date(2024, 2, 29), 5)
    datetime.date(2019, 2, 28)
    """
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return day.replace(year=day.year - years, day=28)
