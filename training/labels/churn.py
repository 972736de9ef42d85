"""Label churn: does all motor cover end within 180 days, and if so, by which month?"""

from collections.abc import Sequence
from datetime import date

import ibis
import ibis.expr.types as ir

from features.contracts.vocabulary import MOTOR_LINES
from features.lake import Lake
from features.lake.joins import union_all
from features.lake.terms import cover_end, existed
from training.labels import questions

DAYS = 180
GRACE_DAYS = 30
MONTH_DAYS = 30
MONTHS = 6


def within_180_days(lake: Lake, known_by: date, as_ofs: Sequence[date]) -> ir.Table:
    """Label each customer with a motor term in force at `as_of`: does the cover end in 180 days?

    True if on some day within 180 days no motor term is in force and none follows within 30 days.

    Parameters
    ----------
    lake : Lake
        Home with the checked policies.
    known_by : date
        Last day whose records may be used for outcomes.
    as_ofs : sequence of date
        Prediction dates; those whose outcome is not ripe by `known_by` have no rows.

    Returns
    -------
    ibis.Table
        `customer_id`, `as_of`, `cutoff`, `matures`, `label` (boolean).
    """
    rows = _covered(lake, known_by, questions.ripe_dates(lake, as_ofs, known_by, DAYS + GRACE_DAYS))
    # No chain at all means that the cover was cancelled in hindsight: it is gone as well.
    gone = rows.chain_end.isnull() | (rows.chain_end <= rows.as_of + ibis.interval(days=DAYS))
    return rows.select("customer_id", "as_of", "cutoff", "matures", label=gone)


def by_month(lake: Lake, known_by: date, as_ofs: Sequence[date]) -> ir.Table:
    """Label each customer who churns within 180 days: has the cover ended by the end of a month?

    A month is 30 days; the first begins at `as_of`. Every customer of whom `within_180_days` is
    true has a row for each month but the last, in which the cover of all of them has ended.

    Parameters
    ----------
    lake : Lake
        Home with the checked policies.
    known_by : date
        Last day whose records may be used for outcomes.
    as_ofs : sequence of date
        Prediction dates; those whose outcome is not ripe by `known_by` have no rows.

    Returns
    -------
    ibis.Table
        `customer_id`, `as_of`, `cutoff`, `matures`, `month_ahead` (1 to 5), `label` (boolean).
    """
    rows = _covered(lake, known_by, questions.ripe_dates(lake, as_ofs, known_by, DAYS + GRACE_DAYS))
    # No chain at all means that the cover was cancelled in hindsight: it ends in the first month.
    last = rows.chain_end.coalesce(rows.as_of + ibis.interval(days=1))
    rows = rows.mutate(last=last).filter(last <= rows.as_of + ibis.interval(days=DAYS))
    months = [
        rows.mutate(
            month_ahead=ibis.literal(month, "int64"),
            label=rows["last"] <= rows.as_of + ibis.interval(days=MONTH_DAYS * month),
        )
        for month in range(1, MONTHS)
    ]
    return union_all(months).select(
        "customer_id", "as_of", "cutoff", "matures", "month_ahead", "label"
    )


def _covered(lake: Lake, known_by: date, dates: ir.Table) -> ir.Table:
    """Select motor customers at some dates, with the end of their cover as known by `known_by`."""
    holders = questions.holders(lake, dates, MOTOR_LINES)
    chains = _chains(questions.known_policies(lake, known_by))
    ends = (
        holders.select("customer_id", "as_of")
        .distinct()
        .join(chains, ibis._.customer_id == chains.chain_customer)
        .filter(lambda t: (t.chain_start <= t.as_of) & (t.chain_end > t.as_of))
        .select(end_customer="customer_id", end_as_of="as_of", chain_end="chain_end")
    )
    return holders.left_join(
        ends, [holders.customer_id == ends.end_customer, holders.as_of == ends.end_as_of]
    )


def _chains(known: ir.Table) -> ir.Table:
    """Join motor terms with gaps of at most 30 days into chains: start and end by customer."""
    terms = known.filter(known.line.isin(MOTOR_LINES), existed(known))
    terms = terms.select("customer_id", "policy_id", start="inception", end=cover_end(terms))
    before = ibis.window(
        group_by="customer_id",
        order_by=["start", "end", "policy_id"],
        preceding=(None, 1),
    )
    terms = terms.mutate(covered_to=terms.end.max().over(before))
    breaks = terms.covered_to.isnull() | (
        terms.start > terms.covered_to + ibis.interval(days=GRACE_DAYS)
    )
    upto = ibis.window(
        group_by="customer_id", order_by=["start", "end", "policy_id"], preceding=(None, 0)
    )
    terms = terms.mutate(begins=breaks.cast("int64"))
    terms = terms.mutate(chain=terms.begins.sum().over(upto))
    return (
        terms.group_by(["customer_id", "chain"])
        .aggregate(chain_start=terms.start.min(), chain_end=terms.end.max())
        .rename(chain_customer="customer_id")
    )
