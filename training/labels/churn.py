"""Labels of churn: is all motor cover gone, within 180 days or in one of the six months ahead?"""

from collections.abc import Sequence
from datetime import date

import ibis
import ibis.expr.types as ir

from features.contracts.vocabulary import MOTOR_LINES
from features.lake import Lake
from features.lake.joins import union_all
from features.lake.terms import cover_end, existed
from training.labels import questions as labels

DAYS = 180
GRACE_DAYS = 30
MONTH_DAYS = 30
MONTHS = 6


def within_180_days(lake: Lake, known_by: date, as_ofs: Sequence[date]) -> ir.Table:
    """One row per customer with a motor term in force at `as_of`: is the cover gone in 180 days?

    True if on some day within 180 days no motor term is in force and none follows within 30 days.
    """
    rows = _covered(lake, known_by, labels.questions(lake, as_ofs, known_by, DAYS + GRACE_DAYS))
    # No chain at all means that the cover was cancelled in hindsight: it is gone as well.
    gone = rows.chain_end.isnull() | (rows.chain_end <= rows.as_of + ibis.interval(days=DAYS))
    return rows.select("customer_id", "as_of", "cutoff", "matures", label=gone)


def hazard(lake: Lake, known_by: date, as_ofs: Sequence[date]) -> ir.Table:
    """One row per customer, date and one month ahead of six, if covered till that month begins.

    True if the cover ends within the month and none follows within 30 days. A month is 30 days;
    `month_ahead` 1 begins at `as_of`. Which of the six a customer is asked about changes with the
    date, by hash: all six would say nearly the same six times over.
    """
    spans = [
        labels.questions(lake, as_ofs, known_by, MONTH_DAYS * month + GRACE_DAYS).mutate(
            month_ahead=ibis.literal(month, "int64")
        )
        for month in range(1, MONTHS + 1)
    ]
    rows = _covered(lake, known_by, union_all(spans))
    digit = ibis.literal("0123456789abcdef").find(rows.customer_id.hexdigest("md5").substr(0, 1))
    asked = (digit + rows.as_of.year() * 4 + rows.as_of.quarter()) % MONTHS + 1
    begins = rows.as_of + ((rows.month_ahead - 1) * MONTH_DAYS).as_interval("D")
    ends = rows.as_of + (rows.month_ahead * MONTH_DAYS).as_interval("D")
    # No chain at all means that the cover was cancelled in hindsight: it ends in the first month.
    last = rows.chain_end.coalesce(rows.as_of + ibis.interval(days=1))
    rows = rows.mutate(label=last <= ends).filter(rows.month_ahead == asked, last > begins)
    return rows.select("customer_id", "as_of", "cutoff", "matures", "month_ahead", "label")


def _covered(lake: Lake, known_by: date, asked: ir.Table) -> ir.Table:
    """Motor customers at the dates asked, and when their cover ends, as known by `known_by`."""
    holders = labels.holders(lake, asked, MOTOR_LINES)
    chains = _chains(labels.policies_known(lake, known_by))
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
    """Motor cover of each customer without a gap of more than 30 days: its start and end."""
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
