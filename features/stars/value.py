"""Compute value, tenure and star of many customers and dates at once, in Ibis.

Money is exact decimal, tenure is integer arithmetic, and only rows recorded by the rating date
count, so a rating can be replayed for any past date.
"""

from decimal import Decimal
from typing import Any

import ibis
import ibis.expr.types as ir

from features.contracts.vocabulary import MOTOR_LINES
from features.lake import Lake
from features.lake.joins import left_join
from features.lake.known import known_versions
from features.lake.spine import Spine, months_before
from features.lake.terms import cover_end, existed
from features.stars.settings import StarSettings, load_star_settings

MONEY = "decimal(18, 2)"
COEFFICIENT = "decimal(5, 2)"
VALUE = "decimal(23, 4)"
KEYS = ("customer_id", "as_of")


def rate(lake: Lake, spine: Spine, settings: StarSettings | None = None) -> ir.Table:
    """Rate every customer of the spine as of their date.

    Parameters
    ----------
    lake : Lake
        Holds the checked tables `policies`, `claims` and `claim_movements`.
    spine : Spine
        Customers and dates; each pair gives one row.
    settings : StarSettings, optional
        Default: those of `<home>/star.toml`.

    Returns
    -------
    ibis.Table
        `customer_id`, `as_of`, `premium_5y` and `claims_5y` (yuan, decimal), `tenure_years` (int64,
        0 without cover), `chain_start`, `latest_inception`, `cover_end` (dates, null if no motor
        term incepted by then), `coefficient` (decimal), `value` (yuan, decimal(23, 4)),
        `star_level` (int64), `lapsed` (boolean; false for customers who never had motor cover).
        `claims_5y`, `value` and `star_level` are null if there is no table `claim_movements`.
    """
    settings = settings or load_star_settings(lake.home)
    motor = motor_terms(lake, spine, settings)
    premium = motor.filter(motor.in_premium).group_by(*KEYS).agg(premium=motor.premium.sum())
    chain = _chains(motor, settings)
    joined = left_join(left_join(spine.pairs, premium, KEYS), chain, KEYS)
    if lake.has("claim_movements"):
        costs = claim_costs(lake, spine, motor, settings)
        costs = costs.filter(costs.counts).group_by(*KEYS).agg(claims=ibis._.cost.sum())
        joined = left_join(joined, costs, KEYS).mutate(claims_5y=_money(ibis._.claims))
    else:
        joined = joined.mutate(claims_5y=ibis.null(MONEY))
    gap = ibis.interval(months=settings.break_months)
    joined = joined.mutate(
        premium_5y=_money(joined.premium),
        lapsed=(joined.as_of > joined.cover_end + gap).fill_null(False),
    )
    joined = joined.mutate(tenure_years=_tenure(joined, settings))
    joined = joined.mutate(coefficient=_coefficient(joined.tenure_years, settings))
    # A decimal has one zero only: 0 times a negative number is 0, not -0.
    net = (joined.premium_5y - joined.claims_5y).cast("decimal(18, 2)")
    joined = joined.mutate(value=(net * joined.coefficient).cast(VALUE))
    return joined.mutate(star_level=_star(joined.value, settings)).select(
        *KEYS,
        "premium_5y",
        "claims_5y",
        "tenure_years",
        "chain_start",
        "latest_inception",
        "cover_end",
        "coefficient",
        "value",
        "star_level",
        "lapsed",
    )


def window_start(as_of: ir.Value, settings: StarSettings) -> ir.Value:
    """Return the last day before the window (D - 5 years, D]; 29 February becomes 28 February."""
    return months_before(as_of, 12 * settings.window_years)


def motor_terms(lake: Lake, spine: Spine, settings: StarSettings) -> ir.Table:
    """List the motor terms in force or past as of each spine row, as known then.

    Parameters
    ----------
    lake : Lake
        Holds the checked table `policies`.
    spine : Spine
        Customers and dates.
    settings : StarSettings
        Which terms count for premium and tenure.

    Returns
    -------
    ibis.Table
        One row per spine row and term: the keys, `policy_id`, `vehicle_id`, `line`, `inception`,
        `cover_end` (expiry, or cancellation), `premium` (yuan), `in_chain` (counts for tenure),
        `in_value` (its claims count), `in_premium` (its premium counts).
    """
    terms = known_versions(
        lake,
        spine,
        "policies",
        "policy_id",
        "vehicle_id",
        "line",
        "inception",
        "expiry",
        "cancelled_on",
        "private_car",
        "written_premium",
    )
    terms = terms.filter(terms.line.isin(MOTOR_LINES))
    terms = terms.filter((terms.inception <= terms.as_of) & existed(terms))
    private = terms.private_car.fill_null(False)
    valued = terms.line.isin(settings.premium_lines) & private
    chained = terms.line.isin(settings.tenure_lines)
    if settings.tenure_private_cars_only:
        chained = chained & private
    return terms.select(
        *KEYS,
        "policy_id",
        "vehicle_id",
        "line",
        "inception",
        cover_end=cover_end(terms),
        premium=terms.written_premium.fill_null(ibis.literal(Decimal(0), "decimal(14, 2)")),
        in_chain=chained,
        in_value=valued,
        in_premium=valued & (terms.inception > window_start(terms.as_of, settings)),
    )


def claim_costs(lake: Lake, spine: Spine, motor: ir.Table, settings: StarSettings) -> ir.Table:
    """Sum paid and outstanding, as recorded then, of each claim of the window of a spine row.

    A claim counts if its term does. Where its term gives no answer, since it was not known, had not
    begun or never existed, the claim counts if its car has a term that does.

    Parameters
    ----------
    lake : Lake
        Holds the checked tables `claims` and `claim_movements`.
    spine : Spine
        Customers and dates.
    motor : ibis.Table
        `motor_terms` of this spine.
    settings : StarSettings
        Length of the window.

    Returns
    -------
    ibis.Table
        The keys, `claim_id`, `policy_id`, `occurred_at`, `occurred_on`, and in yuan `paid`,
        `outstanding`, `cost`; `counts` is true for those that make the value.
    """
    claims = known_versions(
        lake, spine, "claims", "claim_id", "policy_id", "vehicle_id", "occurred_at", "occurred_on"
    )
    after = claims.occurred_on > window_start(claims.as_of, settings)
    claims = claims.filter(after & (claims.occurred_at < claims.cutoff))
    claims = claims.select(
        *KEYS, "claim_id", "policy_id", "vehicle_id", "occurred_at", "occurred_on"
    )
    claims = _with_counts(lake, spine, motor, settings, claims)
    moves = known_versions(
        lake, spine, "claim_movements", "claim_id", "paid_change", "outstanding_change"
    )
    sums = moves.group_by(*KEYS, "claim_id").agg(
        paid=moves.paid_change.sum(), outstanding=moves.outstanding_change.sum()
    )
    costs = claims.inner_join(sums, [*KEYS, "claim_id"])
    return costs.mutate(cost=costs.paid + costs.outstanding)


def _with_counts(
    lake: Lake, spine: Spine, motor: ir.Table, settings: StarSettings, claims: ir.Table
) -> ir.Table:
    """Add to claims `counts`: is it a claim on a car whose premium makes the value?

    Parameters
    ----------
    lake : Lake
        Holds the checked table `policies`.
    spine : Spine
        Customers and dates.
    motor : ibis.Table
        `motor_terms` of this spine.
    settings : StarSettings
        Which lines count.
    claims : ibis.Table
        Claims with the spine's keys, `policy_id`, `vehicle_id` and `occurred_on`.
    """
    terms = known_versions(
        lake, spine, "policies", "policy_id", "vehicle_id", "line", "private_car",
        "inception", "expiry", "cancelled_on",
    )  # fmt: skip
    terms = terms.select(
        *KEYS,
        "policy_id",
        term_vehicle=terms.vehicle_id,
        answers=existed(terms) & (terms.inception <= terms.as_of),
        void=~existed(terms),
        valued=terms.line.isin(settings.premium_lines) & terms.private_car.fill_null(False),
    )
    claims = left_join(claims, terms, [*KEYS, "policy_id"])
    valued = motor.filter(motor.in_value)
    cars = valued.group_by(*KEYS, "vehicle_id").agg(covered_from=valued.inception.min())
    claims = claims.mutate(vehicle_id=ibis.coalesce(claims.vehicle_id, claims.term_vehicle))
    claims = left_join(claims, cars, [*KEYS, "vehicle_id"])
    # Of a term that never existed, the claim is that of a term of the car that had begun by then.
    begun = ~claims.void.fill_null(False) | (claims.covered_from <= claims.occurred_on)
    by_car = claims.covered_from.notnull() & begun & claims.valued.fill_null(True)
    counts = claims.answers.fill_null(False).ifelse(claims.valued, by_car)
    return claims.mutate(counts=counts.fill_null(False)).drop(
        "vehicle_id", "term_vehicle", "answers", "void", "valued", "covered_from"
    )


def chain_terms(motor: ir.Table, settings: StarSettings) -> ir.Table:
    """Select the motor terms that form chains; `starts` marks those that begin one."""
    terms = motor.filter(motor.in_chain)
    before = ibis.window(
        group_by=list(KEYS),
        order_by=["inception", "cover_end", "policy_id"],
        preceding=(None, 1),
    )
    terms = terms.mutate(end_so_far=terms.cover_end.max().over(before))
    gap = ibis.interval(months=settings.break_months)
    return terms.mutate(
        starts=terms.end_so_far.isnull() | (terms.inception > terms.end_so_far + gap)
    )


def _chains(motor: ir.Table, settings: StarSettings) -> ir.Table:
    """Find chain start, latest inception and latest end of cover of each spine row."""
    terms = chain_terms(motor, settings)
    return terms.group_by(*KEYS).agg(
        chain_start=terms.inception.max(where=terms.starts),
        latest_inception=terms.inception.max(),
        cover_end=terms.cover_end.max(),
    )


def _tenure(table: ir.Table, settings: StarSettings) -> ir.Value:
    """Compute 1 + floor((days + grace) / year) in hundredths of a day; 0 without cover."""
    days = table.latest_inception.delta(table.chain_start, unit="day")
    hundredths = (days + settings.tenure_grace_days) * 100
    years = 1 + hundredths // int(settings.year_days * 100)
    without = table.lapsed | table.chain_start.isnull()
    return ibis.ifelse(without, 0, years).cast("int64")


def _coefficient(tenure: ir.Value, settings: StarSettings) -> ir.Value:
    last = len(settings.coefficients)
    steps = [(tenure == years, _exact(settings.coefficient(years))) for years in range(last)]
    return ibis.cases(*steps, else_=_exact(settings.coefficient(last))).cast(COEFFICIENT)


def _star(value: ir.Value, settings: StarSettings) -> ir.Value:
    """Pick the highest tier whose threshold the value reaches; the lowest for a negative value."""
    reached = [
        (value >= ibis.literal(tier.threshold, VALUE), tier.level)
        for tier in reversed(settings.tiers)
    ]
    star = ibis.cases(*reached, else_=settings.tiers[0].level)
    return ibis.ifelse(value.isnull(), ibis.null("int64"), star.cast("int64"))


def _exact(coefficient: Decimal) -> Any:
    return ibis.literal(coefficient, COEFFICIENT)


def _money(amount: ir.Value) -> ir.Value:
    """Cast a sum to money; null (nothing to add) becomes 0."""
    return amount.cast(MONEY).fill_null(ibis.literal(Decimal(0), MONEY))
