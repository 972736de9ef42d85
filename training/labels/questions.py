"""Label past predictions with what came true, only where the outcome can no longer change.

Each function reads the policies as known by a date and returns one row per prediction that could
have been made: `customer_id`, `as_of`, `matures` (last day that decides the outcome), `label`. A
row whose `matures` lies after `known_by` does not appear, so unfinished outcomes are never read as
"no". Who is eligible is decided by what was recorded at `as_of`; only the outcome looks ahead.
"""

from collections.abc import Sequence
from datetime import date, timedelta

import ibis
import ibis.expr.types as ir

from features.contracts.vocabulary import MOTOR_LINES
from features.lake import Lake
from features.lake.known_at import known_at
from features.lake.terms import cover_end, existed, in_force
from features.settings import cutoff

CROSS_SELL_DAYS = 90
GRID_MONTHS = 42


def cross_sell(lake: Lake, known_by: date, as_ofs: Sequence[date], line: str) -> ir.Table:
    """Label each motor customer without `line` at `as_of`: do they buy it within 90 days?

    Parameters
    ----------
    lake : Lake
        Home with the checked policies.
    known_by : date
        Last day whose records may be used for outcomes.
    as_ofs : sequence of date
        Prediction dates; those whose outcome is not ripe by `known_by` have no rows.
    line : str
        Line of business, as in the table policies.

    Returns
    -------
    ibis.Table
        `customer_id`, `as_of`, `cutoff`, `matures`, `label` (boolean).
    """
    dates = ripe_dates(lake, as_ofs, known_by, CROSS_SELL_DAYS)
    motor = holders(lake, dates, MOTOR_LINES)
    owners = holders(lake, dates, (line,), begun=False).select(
        owner="customer_id", owned_as_of="as_of"
    )
    rows = motor.anti_join(
        owners, [motor.customer_id == owners.owner, motor.as_of == owners.owned_as_of]
    )
    known = known_policies(lake, known_by)
    bought = known.filter(known.line == line, existed(known))
    return label_by_events(lake, known_by, rows, bought.select("customer_id", at="signed_at"))


def label_by_events(lake: Lake, known_by: date, rows: ir.Table, events: ir.Table) -> ir.Table:
    """Label rows: has the customer an event after `as_of`, by the end of `matures`?

    Parameters
    ----------
    lake : Lake
        Home with the checked policies, which begin the calendar.
    known_by : date
        Last day event_customer records may be used for outcomes.
    rows : ibis.Table
        `customer_id`, `as_of`, `cutoff` (its instant), `matures`.
    events : ibis.Table
        `customer_id` and `at`, an instant.

    Returns
    -------
    ibis.Table
        The columns of `rows`, and `label` (boolean).
    """
    days = calendar(lake, known_by).rename(deadline="cutoff")
    ripe = rows.join(days, rows.matures == days.day).drop("day")
    events = events.rename(event_customer="customer_id")
    positives = (
        ripe.join(events, ripe.customer_id == events.event_customer)
        .filter(lambda t: (t["at"] >= t.cutoff) & (t["at"] < t.deadline))
        .select(positive_customer="customer_id", positive_as_of="as_of")
        .distinct()
    )
    labelled = ripe.left_join(
        positives,
        [ripe.customer_id == positives.positive_customer, ripe.as_of == positives.positive_as_of],
    )
    return labelled.select(
        "customer_id", "as_of", "cutoff", "matures", label=labelled.positive_customer.notnull()
    )


def known_policies(lake: Lake, known_by: date) -> ir.Table:
    """Select the version of each term that was the latest recorded by the end of `known_by`."""
    instant = ibis.literal(cutoff(known_by, lake.settings.timezone))
    versions = lake.table("policies")
    return versions.filter(known_at(versions, instant))


def quarter_starts(first: date, last: date) -> list[date]:
    """List the first days of the quarters between two dates, both included.

    Four dates a year: the outcomes of 90 days then do not overlap, and models that look 90 and 180
    days ahead share their dates.

    Examples
    --------
    >>> [str(day) for day in quarter_starts(date(2026, 1, 2), date(2026, 7, 1))]
    ['2026-04-01', '2026-07-01']
    """
    years = range(first.year, last.year + 1)
    days = [date(year, month, 1) for year in years for month in (1, 4, 7, 10)]
    return [day for day in days if first <= day <= last]


def grid(known_by: date, horizon: int) -> list[date]:
    """List the quarter starts of `GRID_MONTHS` whose outcome is ripe `horizon` days later."""
    last = known_by - timedelta(days=horizon)
    return quarter_starts(last - timedelta(days=GRID_MONTHS * 31), last)


def day_of(value: ir.Value) -> ir.Value:
    """Cast a date that days were added to back to a civil day."""
    # Ibis takes date + interval for a date, DuckDB makes a timestamp of it.
    return value.cast("timestamp").date()


def calendar(lake: Lake, known_by: date) -> ir.Table:
    """List the days up to `known_by`, each with the instant at which it is over (`cutoff`)."""
    first = lake.engine.to_pyarrow(lake.table("policies").inception.min()).as_py()
    start = first - timedelta(days=400)
    days = (known_by - start).days + 1
    return _instants(lake, [start + timedelta(days=number) for number in range(days)])


def _instants(lake: Lake, days: Sequence[date]) -> ir.Table:
    import pyarrow as pa

    instants = [cutoff(day, lake.settings.timezone) for day in days]
    table = pa.table(
        {
            "day": pa.array(days, pa.date32()),
            "cutoff": pa.array(instants, pa.timestamp("us", "UTC")),
        }
    )
    return ibis.memtable(table)


def ripe_dates(lake: Lake, as_ofs: Sequence[date], known_by: date, horizon: int) -> ir.Table:
    """Select the dates whose outcome is ripe `horizon` days later.

    Parameters
    ----------
    lake : Lake
        Home whose time zone says when a day is over.
    as_ofs : sequence of date
        Dates to choose from.
    known_by : date
        Last day whose records may be used for outcomes.
    horizon : int
        Days from the date until the outcome can no longer change.

    Returns
    -------
    ibis.Table
        `as_of`, `cutoff` (its instant), `matures`.
    """
    matured = [day for day in as_ofs if day + timedelta(days=horizon) <= known_by]
    dates = _instants(lake, matured).rename(as_of="day")
    return dates.mutate(matures=day_of(dates.as_of + ibis.interval(days=horizon)))


def without_merged(lake: Lake, known_by: date, rows: ir.Table) -> ir.Table:
    """Leave out the rows of customers who have another number since: outcomes are told of that one.

    Parameters
    ----------
    lake : Lake
        Home with the checked merges, if there are any.
    known_by : date
        Merges recorded up to its end count.
    rows : ibis.Table
        Labelled rows with `customer_id`.
    """
    if not lake.has("customer_merges"):
        return rows
    merges = lake.table("customer_merges")
    merged = merges.filter(known_at(merges, ibis.literal(cutoff(known_by, lake.settings.timezone))))
    return rows.anti_join(merged.select("customer_id"), "customer_id")


def holders(lake: Lake, dates: ir.Table, lines: Sequence[str], *, begun: bool = True) -> ir.Table:
    """List the customers who had cover of some lines at some dates, as then known.

    Parameters
    ----------
    lake : Lake
        Home with the checked policies.
    dates : ibis.Table
        `as_of`, `cutoff` (its instant), and any further columns.
    lines : sequence of str
        Lines of business; cover of any of them counts.
    begun : bool
        True: the term must be in force. False: a signed term that begins later counts as well.

    Returns
    -------
    ibis.Table
        `customer_id` and the columns of `dates`, each pair once.
    """
    versions = lake.table("policies")
    terms = versions.filter(versions.line.isin(lines))
    covered = in_force(terms, dates.as_of) if begun else cover_end(terms) > dates.as_of
    joined = terms.join(dates, [known_at(terms, dates.cutoff), covered])
    return joined.select("customer_id", *dates.columns).distinct()
