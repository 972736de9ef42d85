"""Label claims: number and mean cost in the commercial term that a renewal begins.

One row per commercial term that followed another of the same vehicle, as of 30 days before it: what
the insurer knew when it could still decide whether, and at what price, to renew. A claim counts
with what was paid and reserved 90 days after the term's end, for every term alike; a claim that
cost nothing by then does not count. So frequency times severity is the cost of the term.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from features.errors import GuanjiaError
from features.lake import Lake
from features.lake.known_at import known_at
from features.lake.terms import existed
from training.labels import questions, renewals

LEAD = 30
DEVELOPMENT_DAYS = 90
LATEST_START_DAYS = 60
"""Days after the expiry; a term that begins later does not renew it."""
KEYS = ("customer_id", "as_of", "cutoff", "matures", "lead_days", "policy_id", "expiry")
"""Columns of every row; `policy_id` and `expiry` are those of the term renewed."""


def frequency(lake: Lake, known_by: date) -> ir.Table:
    """Label each term that a renewal began with the number of its claims, as float64."""
    rows = _costs(lake, known_by)
    return rows.select(*KEYS, label=rows.claims.cast("float64"))


def severity(lake: Lake, known_by: date) -> ir.Table:
    """Label each such term that had a claim with the mean cost of its claims in yuan."""
    rows = _costs(lake, known_by).filter(lambda t: t.claims > 0)
    return rows.select(*KEYS, label=rows.cost.cast("float64") / rows.claims)


def _costs(lake: Lake, known_by: date) -> ir.Table:
    """Join the terms with the number of their claims and their cost in yuan."""
    for table in ("claims", "claim_movements"):
        if not lake.has(table):
            raise GuanjiaError(
                "the models of claims",
                f"need the table {table}, which is missing in this home",
                "deliver its files, run `guanjia check` and train again, or train other models",
            )
    terms = _terms(lake, known_by)
    ripe = terms.select("term", "deadline").distinct()
    claims = lake.table("claims").rename(term="policy_id")
    claims = ripe.join(claims, "term")
    claims = claims.filter(known_at(claims, claims.deadline))
    claims = claims.select("term", "deadline", "claim_id")
    moved = claims.join(lake.table("claim_movements"), "claim_id")
    moved = moved.filter(known_at(moved, moved.deadline))
    costs = moved.group_by(["term", "claim_id"]).aggregate(
        cost=(moved.paid_change + moved.outstanding_change).sum()
    )
    costs = costs.filter(costs.cost > 0)
    sums = costs.group_by("term").aggregate(claims=costs.count(), cost=costs.cost.sum())
    terms = terms.left_join(sums, "term")
    return terms.select(*KEYS, "cost", claims=terms.claims.coalesce(0))


def _terms(lake: Lake, known_by: date) -> ir.Table:
    """Pair renewed terms with the `term` that renews them and its `deadline`, when it is ripe."""
    renewed = renewals.renewal_at(lake, known_by, LEAD)
    renewed = renewed.filter(renewed.label).drop("matures", "label")
    known = questions.known_policies(lake, known_by)
    renewed = renewed.join(known.select("policy_id", "vehicle_id"), "policy_id")
    later = known.filter(known.line == "motor_commercial", existed(known)).select(
        "customer_id", "vehicle_id", term="policy_id", begins="inception", ends="expiry"
    )
    pairs = renewed.join(later, ["customer_id", "vehicle_id"])
    pairs = pairs.filter(
        pairs.term != pairs.policy_id,
        pairs.begins >= pairs.expiry - ibis.interval(days=renewals.RENEWAL_GRACE_DAYS),
        pairs.begins <= pairs.expiry + ibis.interval(days=LATEST_START_DAYS),
    )
    first = ibis.window(group_by="policy_id", order_by=["begins", "term"])
    pairs = pairs.mutate(place=ibis.row_number().over(first)).filter(lambda t: t.place == 0)
    pairs = pairs.mutate(
        matures=questions.day_of(pairs.ends + ibis.interval(days=DEVELOPMENT_DAYS))
    )
    days = questions.calendar(lake, known_by).rename(deadline="cutoff")
    return pairs.join(days, pairs.matures == days.day).select(*KEYS, "term", "deadline")
