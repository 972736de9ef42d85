"""Label the terms of motor commercial cover that ended: did a next motor term with us follow?

As in `training.labels.questions`; rows have `policy_id`, `expiry` and `lead_days` besides, the days
from `as_of` to the expiry.
"""

from collections.abc import Mapping, Sequence
from datetime import date

import ibis
import ibis.expr.types as ir

from features.contracts.vocabulary import MOTOR_LINES
from features.lake import Lake
from features.lake.known_at import known_at
from features.lake.terms import existed
from features.settings import cutoff
from training.labels.leads import LEAD_DAYS, LONGEST_LEAD, SEED, STRATA
from training.labels.questions import calendar, day_of, known_policies

RENEWAL_GRACE_DAYS = 30


def renewal(lake: Lake, known_by: date) -> ir.Table:
    """Label each motor commercial term on drawn days: does a next motor term with us follow?

    True if another motor term of the same customer and vehicle incepts no earlier than 30 days
    before the expiry and is signed by 30 days after it. A next term cancelled before it began does
    not count. Terms known at `as_of` to be cancelled, by then or to a date ahead, be it the expiry,
    have nothing to renew: those of the tag `commercial_cancellation_known`. The days
    before the expiry are one of each of `STRATA`; the same term has the same days in every run.
    """
    terms = _renewed_terms(lake, known_by)
    strata = [{"stratum": n, "first": low, "days": high - low + 1}
              for n, (low, high) in enumerate(STRATA)]  # fmt: skip
    rows = terms.cross_join(_memtable(strata))
    drawn = _hash(ibis.literal(f"{SEED}:") + rows.stratum.cast("string") + ":" + rows.policy_id)
    rows = rows.mutate(**{LEAD_DAYS: rows["first"] + drawn % rows.days})
    return _in_force_at_lead(lake, known_by, rows)


def renewal_at(lake: Lake, known_by: date, lead: int) -> ir.Table:
    """Label each motor commercial term as `renewal` does, all on the same day before the expiry.

    Parameters
    ----------
    lake : Lake
        Home with the checked policies.
    known_by : date
        Last day whose records may be used for outcomes.
    lead : int
        Days before the expiry.
    """
    terms = _renewed_terms(lake, known_by)
    return _in_force_at_lead(
        lake, known_by, terms.mutate(**{LEAD_DAYS: ibis.literal(lead, "int64")})
    )


def renewed_terms(lake: Lake, known_by: date) -> ir.Table:
    """Label each motor commercial term whose outcome is ripe, with the premium of what followed.

    The label is that of `renewal`, and belongs to the term: alike on every day before the expiry.

    Parameters
    ----------
    lake : Lake
        Home with the checked policies.
    known_by : date
        Last day whose records may be used for outcomes.

    Returns
    -------
    ibis.Table
        `policy_id`, `label` (boolean), and `premium`, yuan of the next motor terms; null without.
    """
    term, pairs = _next_terms(lake, known_by)
    known = known_policies(lake, known_by)
    paid = known.select(paid_policy="policy_id", paid_premium="written_premium")
    premiums = (
        pairs.join(paid, pairs.next_policy == paid.paid_policy)
        .group_by(renewed_policy="policy_id")
        .aggregate(premium=lambda t: t.paid_premium.sum())
    )
    labelled = term.left_join(premiums, term.policy_id == premiums.renewed_policy)
    return labelled.select("policy_id", "premium", label=labelled.renewed_policy.notnull())


def _renewed_terms(lake: Lake, known_by: date) -> ir.Table:
    """Label each motor commercial term whose outcome is ripe."""
    term, pairs = _next_terms(lake, known_by)
    renewed = pairs.select(renewed_policy="policy_id").distinct()
    labelled = term.left_join(renewed, term.policy_id == renewed.renewed_policy)
    return labelled.mutate(label=labelled.renewed_policy.notnull())


def _next_terms(lake: Lake, known_by: date) -> tuple[ir.Table, ir.Table]:
    """Select the terms whose outcome is ripe, and pair them with the motor terms that followed."""
    known = known_policies(lake, known_by)
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
    pairs = term.join(
        later,
        [term.customer_id == later.next_customer, term.vehicle_id == later.next_vehicle],
    ).filter(
        lambda t: (
            (t.next_policy != t.policy_id)
            & (t.next_inception > t.inception)
            & (t.next_inception >= t.expiry - ibis.interval(days=RENEWAL_GRACE_DAYS))
            & (t.next_signed < t.deadline)
        )
    )
    return term, pairs


def _in_force_at_lead(lake: Lake, known_by: date, rows: ir.Table) -> ir.Table:
    """Date each row by its days before expiry; drop terms that were then known to be cancelled."""
    days = calendar(lake, known_by)
    rows = rows.mutate(as_of=day_of(rows.expiry - rows.lead_days.as_interval("D")))
    rows = rows.join(days, rows.as_of == days.day).drop("day")
    versions = lake.table("policies")
    # Of the rows' own columns only those of the prediction, so that the others are the version's.
    rows = rows.select(
        "customer_id", "as_of", "cutoff", "matures", "label", "lead_days", "policy_id", "expiry"
    )
    versions = versions.filter(versions.line == "motor_commercial")
    rows = rows.join(versions, "policy_id")
    rows = rows.filter(known_at(rows, rows.cutoff), rows.cancelled_on.isnull())
    return rows.select(
        "customer_id", "as_of", "cutoff", "matures", "label", "lead_days", "policy_id", "expiry"
    )


def trial_renewals(lake: Lake, known_by: date, name: str, arms: Sequence[str]) -> ir.Table:
    """Label each term that was drawn by lot into some arms of a trial: is it renewed?

    The label is that of `renewal`. Tags are read as of the day before the lot, so that they hold
    nothing that it set off. A draw about no commercial term has no row.

    Parameters
    ----------
    lake : Lake
        Home with the checked tables `assignments` and `policies`.
    known_by : date
        Last day whose records may be used for outcomes.
    name : str
        Name of the trial.
    arms : sequence of str
        Only draws into these arms.

    Returns
    -------
    ibis.Table
        The columns of `renewal`, the `arm`, and its `probability` as stated.
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
    terms = renewal_at(lake, known_by, LONGEST_LEAD)
    terms = terms.select("policy_id", "customer_id", "expiry", "matures", "label").distinct()
    rows = drawn.join(terms, "policy_id")
    return rows.select(
        "customer_id", "as_of", "cutoff", "matures", "label", "policy_id", "expiry", "arm",
        "probability", lead_days=rows.expiry.delta(rows.as_of, unit="day"),
    )  # fmt: skip


def _hash(text: ir.Value) -> ir.Value:
    """Hash texts to whole numbers from 0 to 4,095, alike on every engine."""
    digits = [text.hexdigest("md5").substr(place, 1) for place in range(3)]
    high, middle, low = (ibis.literal("0123456789abcdef").find(digit) for digit in digits)
    return high * 256 + middle * 16 + low


def _memtable(rows: Sequence[Mapping[str, int]]) -> ir.Table:
    import pyarrow as pa  # who only names the models does not wait for Arrow

    return ibis.memtable(pa.Table.from_pylist([dict(row) for row in rows]))
