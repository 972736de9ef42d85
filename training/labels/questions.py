"""Labels: what came true, told only where the outcome can no longer change.

Each function reads the policies as known by a date and returns one row per prediction that could
have been made: `customer_id`, `as_of`, `matures` (last day that decides the outcome), `label`, and
for renewals `policy_id`, `expiry`, `lead_days`. A row whose `matures` lies after `known_by` does
not appear, so unfinished outcomes are never read as "no". Who is eligible is decided by what was
recorded at `as_of`; only the outcome looks ahead.
"""

from collections.abc import Sequence
from datetime import date, timedelta

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from features.contracts.vocabulary import MOTOR_LINES
from features.lake import Lake
from features.lake.known_at import known_at
from features.lake.terms import cover_end, existed, in_force
from features.settings import cutoff
from training.labels.leads import LEAD_DAYS, LEADS

RENEWAL_GRACE_DAYS = 30
CROSS_SELL_DAYS = 90
GRID_MONTHS = 42


def renewal(lake: Lake, known_by: date) -> ir.Table:
    """One row per motor commercial term and lead time: has its vehicle a next motor term with us?

    True if another motor term of the same customer and vehicle incepts no earlier than 30 days
    before the expiry and is signed by 30 days after it. A next term cancelled before it began does
    not count. Terms already cancelled at `as_of`, as then known, have nothing to renew.
    """
    known = policies_known(lake, known_by)
    days = calendar(lake, known_by)
    term = known.filter(
        known.line == "motor_commercial",
        known.expiry + ibis.interval(days=RENEWAL_GRACE_DAYS) <= ibis.literal(known_by),
    ).select("policy_id", "customer_id", "vehicle_id", "inception", "expiry")
    term = term.mutate(matures=day_of(term.expiry + ibis.interval(days=RENEWAL_GRACE_DAYS)))
    term = term.join(days, term.matures == days.day).drop("day").rename(deadline="cutoff")

    later = known.filter(known.line.isin(MOTOR_LINES), existed(known)).select(
        next_policy="policy_id",
        next_customer="customer_id",
        next_vehicle="vehicle_id",
        next_inception="inception",
        next_signed="signed_at",
    )
    renewed = (
        term.join(
            later,
            [term.customer_id == later.next_customer, term.vehicle_id == later.next_vehicle],
        )
        .filter(
            lambda t: (
                (t.next_policy != t.policy_id)
                & (t.next_inception > t.inception)
                & (t.next_inception >= t.expiry - ibis.interval(days=RENEWAL_GRACE_DAYS))
                & (t.next_signed < t.deadline)
            )
        )
        .select(renewed_policy="policy_id")
        .distinct()
    )
    labelled = term.left_join(renewed, term.policy_id == renewed.renewed_policy)
    labelled = labelled.mutate(label=labelled.renewed_policy.notnull())
    leads = ibis.memtable(pa.table({LEAD_DAYS: pa.array(LEADS, pa.int64())}))
    rows = labelled.cross_join(leads)
    rows = rows.mutate(as_of=day_of(rows.expiry - rows.lead_days.as_interval("D")))
    rows = rows.join(days, rows.as_of == days.day).drop("day")
    versions = lake.table("policies")
    # Of the rows' own columns only those of the prediction, so that the others are the version's.
    rows = rows.select(
        "customer_id", "as_of", "cutoff", "matures", "label", "lead_days", "policy_id", "expiry"
    )
    versions = versions.filter(versions.line == "motor_commercial")
    rows = rows.join(versions, "policy_id")
    rows = rows.filter(
        known_at(rows, rows.cutoff), rows.cancelled_on.isnull() | (rows.cancelled_on > rows.as_of)
    )
    return rows.select(
        "customer_id", "as_of", "cutoff", "matures", "label", "lead_days", "policy_id", "expiry"
    )


def cross_sell(lake: Lake, known_by: date, as_ofs: Sequence[date], line: str) -> ir.Table:
    """One row per motor customer who does not hold `line` at `as_of`: bought within 90 days?"""
    asked = questions(lake, as_ofs, known_by, CROSS_SELL_DAYS)
    motor = holders(lake, asked, MOTOR_LINES)
    held = holders(lake, asked, (line,), begun=False).select(
        held_customer="customer_id", held_as_of="as_of"
    )
    rows = motor.anti_join(
        held, [motor.customer_id == held.held_customer, motor.as_of == held.held_as_of]
    )
    known = policies_known(lake, known_by)
    bought = known.filter(known.line == line, existed(known))
    return comes_true(lake, known_by, rows, bought.select("customer_id", at="signed_at"))


def trial(lake: Lake, known_by: date, name: str, arms: Sequence[str]) -> ir.Table:
    """One row per term drawn by lot into one of these arms: is it renewed, as `renewal` says?

    The tags are those of the evening before the lot, so that nothing it set off is in them. Further
    columns: `arm`, and its `probability` as stated. A draw about no commercial term has no row.
    """
    drawn = lake.table("assignments")
    end = ibis.literal(cutoff(known_by, lake.settings.timezone))
    drawn = drawn.filter(
        drawn.trial == name,
        drawn.arm.isin(list(arms)),
        known_at(drawn, end),
    ).mutate(as_of=day_of(drawn.assigned_on - ibis.interval(days=1)))
    drawn = drawn.select("policy_id", "as_of", "arm", "probability")
    days = calendar(lake, known_by)
    drawn = drawn.join(days, drawn.as_of == days.day).drop("day")
    # The label is the term's own: alike at every lead time.
    terms = renewal(lake, known_by)
    terms = terms.select("policy_id", "customer_id", "expiry", "matures", "label").distinct()
    rows = drawn.join(terms, "policy_id")
    return rows.select(
        "customer_id", "as_of", "cutoff", "matures", "label", "policy_id", "expiry", "arm",
        "probability", lead_days=rows.expiry.delta(rows.as_of, unit="day"),
    )  # fmt: skip


def comes_true(lake: Lake, known_by: date, rows: ir.Table, events: ir.Table) -> ir.Table:
    """The rows with `label`: has the customer an event after `as_of`, by the end of `matures`?

    Parameters
    ----------
    rows : ibis.Table
        `customer_id`, `as_of`, `cutoff` (its instant), `matures`.
    events : ibis.Table
        `customer_id` and `at`, an instant.
    """
    days = calendar(lake, known_by).rename(deadline="cutoff")
    ripe = rows.join(days, rows.matures == days.day).drop("day")
    events = events.rename(whose="customer_id")
    came = (
        ripe.join(events, ripe.customer_id == events.whose)
        .filter(lambda t: (t["at"] >= t.cutoff) & (t["at"] < t.deadline))
        .select(came_customer="customer_id", came_as_of="as_of")
        .distinct()
    )
    found = ripe.left_join(
        came, [ripe.customer_id == came.came_customer, ripe.as_of == came.came_as_of]
    )
    return found.select(
        "customer_id", "as_of", "cutoff", "matures", label=found.came_customer.notnull()
    )


def policies_known(lake: Lake, known_by: date) -> ir.Table:
    """The policies as recorded by the end of `known_by`: of each term its then latest version."""
    instant = ibis.literal(cutoff(known_by, lake.settings.timezone))
    versions = lake.table("policies")
    return versions.filter(known_at(versions, instant))


def quarter_starts(first: date, last: date) -> list[date]:
    """First days of the quarters between two dates, both included.

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
    """The quarter starts of `GRID_MONTHS` whose outcome, `horizon` days later, is ripe."""
    last = known_by - timedelta(days=horizon)
    return quarter_starts(last - timedelta(days=GRID_MONTHS * 31), last)


def day_of(value: ir.Value) -> ir.Value:
    """The civil day of a date that something was added to."""
    # Ibis takes date + interval for a date, DuckDB makes a timestamp of it.
    return value.cast("timestamp").date()


def calendar(lake: Lake, known_by: date) -> ir.Table:
    """Each day up to `known_by` with the instant at which it is over."""
    first = lake.engine.to_pyarrow(lake.table("policies").inception.min()).as_py()
    start = first - timedelta(days=400)
    days = (known_by - start).days + 1
    return _instants(lake, [start + timedelta(days=number) for number in range(days)])


def _instants(lake: Lake, days: Sequence[date]) -> ir.Table:
    instants = [cutoff(day, lake.settings.timezone) for day in days]
    table = pa.table(
        {
            "day": pa.array(days, pa.date32()),
            "cutoff": pa.array(instants, pa.timestamp("us", "UTC")),
        }
    )
    return ibis.memtable(table)


def questions(lake: Lake, as_ofs: Sequence[date], known_by: date, horizon: int) -> ir.Table:
    """The dates whose outcome, `horizon` days later, is ripe: `as_of`, `cutoff`, `matures`."""
    matured = [day for day in as_ofs if day + timedelta(days=horizon) <= known_by]
    dates = _instants(lake, matured).rename(as_of="day")
    return dates.mutate(matures=day_of(dates.as_of + ibis.interval(days=horizon)))


def holders(lake: Lake, asked: ir.Table, lines: Sequence[str], *, begun: bool = True) -> ir.Table:
    """List the customers who had cover of some lines at the dates asked, as then known.

    Parameters
    ----------
    lake : Lake
        Where the checked policies lie.
    asked : ibis.Table
        `as_of`, `cutoff` (its instant), and whatever else the question has.
    lines : sequence of str
        Any of these lines of business will do.
    begun : bool
        Whether the term must be in force; if not, one that was signed and begins later will do.

    Returns
    -------
    ibis.Table
        `customer_id` and the columns of `asked`, each pair once.
    """
    versions = lake.table("policies")
    terms = versions.filter(versions.line.isin(lines))
    covered = in_force(terms, asked.as_of) if begun else cover_end(terms) > asked.as_of
    joined = terms.join(asked, [known_at(terms, asked.cutoff), covered])
    return joined.select("customer_id", *asked.columns).distinct()
