"""Make the entries of customer accounts (客户账户): each amount of a period once, by rule.

An entry has a customer, a business, an item and an amount. Every account is a sum of entries, so
the sums of all levels agree with each other and with the tables. The rules and the reasons for them
are in `docs/account.md`.
"""

from decimal import Decimal
from typing import Any

import ibis
import ibis.expr.types as ir

from features.accounts.session import BEFORE, CLOSES, OPENS, SINCE, UNTIL
from features.contracts.tables import CONTRACTS
from features.contracts.vocabulary import MOTOR_LINES
from features.lake import Lake
from features.lake.joins import left_join, union_all
from features.lake.known_at import known_rows, select_known
from features.lake.terms import cover_end
from features.lake.variables import day_variable, instant_variable
from features.stars.value import MONEY

ACQUISITION = ("acquisition", "commission")


def entries(lake: Lake) -> ir.Table:
    """List every amount of a period, as recorded by its end.

    Parameters
    ----------
    lake : Lake
        Holds the checked tables `policies` and `claims`; `claim_movements`, `entitlements`,
        `interactions` and `costs` may be missing and then have no entries. The period is set in
        its session (`features.accounts.session.Period.set_in`).

    Returns
    -------
    ibis.Table
        `customer_id` (null for a cost booked to no customer), `branch` (of a booked cost),
        `business` and `item` (those of `features.accounts.items`), `amount` (yuan, decimal(18, 2)).
    """
    policies = _policies(lake)
    parts = [_written(policies), _earned(policies)]
    if lake.has("claim_movements"):
        parts.append(_claims(lake, policies))
    if lake.has("entitlements"):
        parts.append(_services(lake))
    if lake.has("interactions"):
        parts.append(_contacts(lake, policies))
    if lake.has("costs"):
        parts.append(_costs(lake, policies))
    return union_all(parts)


def known_table(lake: Lake, table: str, closes: ir.Value, *columns: str) -> ir.Table:
    """Read a table as it was known at an instant, rows without a customer included.

    `features.lake.known.known_versions` does the same by customer, for many dates.

    Parameters
    ----------
    lake : Lake
        Where the checked tables lie.
    table : str
        Name of a raw table.
    closes : ibis timestamp
        The instant (UTC); rows recorded before it are known.
    *columns : str
        Columns that are read; default: all.

    Raises
    ------
    GuanjiaError
        If the table is not declared or was not checked.
    """
    rows = select_known(lake.table(table), CONTRACTS[table], columns)
    return known_rows(rows, CONTRACTS[table], closes)


def _policies(lake: Lake) -> ir.Table:
    rows = _known(
        lake,
        "policies",
        "policy_id",
        "customer_id",
        "line",
        "inception",
        "expiry",
        "cancelled_on",
        "written_premium",
    )
    return rows.select(
        "policy_id",
        "customer_id",
        "inception",
        "written_premium",
        cover_end=cover_end(rows),
        business=rows.line.isin(MOTOR_LINES).ifelse("motor", "non_motor"),
    )


def _written(policies: ir.Table) -> ir.Table:
    """Book premium, net of refunds, on the day on which cover begins."""
    rows = policies.filter(_has_day(policies.inception))
    return _entries(rows, rows.business, "written_premium", rows.written_premium)


def _earned(policies: ir.Table) -> ir.Table:
    """Book the premium that the days of the period earn: earned by its end less earned before."""
    rows = policies.filter(policies.inception <= day_variable(UNTIL))
    cents = _earned_by(rows, day_variable(UNTIL)) - _earned_by(rows, day_variable(BEFORE))
    amount = cents.cast(MONEY) * ibis.literal(Decimal("0.01"), MONEY)
    return _entries(rows, rows.business, "earned_premium", amount)


def _earned_by(terms: ir.Table, day: ir.Value) -> ir.Value:
    """Compute the cents earned by the end of a day, pro rata by day, rounded half up.

    Uses integers only: premium = quotient * days + rest. So no product is large, and no engine's
    division of decimals, which uses floats, decides a cent.
    """
    cents = (terms.written_premium * 100).cast("int64")
    # A term cancelled from its inception has no days: premium not refunded is earned at once.
    days = terms.cover_end.delta(terms.inception, unit="day").cast("int64").clip(lower=1)
    passed = day.delta(terms.inception, unit="day").cast("int64") + 1
    passed = ibis.least(ibis.greatest(passed, 0), days)
    rest = cents % days
    quotient = (cents - rest) // days
    return quotient * passed + (2 * rest * passed + days) // (2 * days)


def _claims(lake: Lake, policies: ir.Table) -> ir.Table:
    """Book paid plus outstanding of a claim on the day on which it occurred.

    A movement whose claim is not known counts on its own day, so that no amount is lost.
    """
    moves = _known(
        lake,
        "claim_movements",
        "claim_id",
        "customer_id",
        "moved_at",
        "paid_change",
        "outstanding_change",
    )
    moves = moves.select(
        "claim_id", "moved_at", mover=moves.customer_id,
        change=moves.paid_change + moves.outstanding_change,
    )  # fmt: skip
    claims = _known(
        lake,
        "claims",
        "claim_id",
        "customer_id",
        "policy_id",
        "occurred_at",
    )
    claims = claims.select("claim_id", "customer_id", "policy_id", "occurred_at")
    rows = left_join(moves, claims, ["claim_id"])
    rows = rows.filter(_has_instant(rows.occurred_at.fill_null(rows.moved_at)))
    rows = rows.mutate(customer_id=rows.customer_id.fill_null(rows.mover))
    rows = _with_business(rows, policies)
    return _entries(rows, rows.business, "claims", rows.change)


def _services(lake: Lake) -> ir.Table:
    """Book the cost of a service on the day of its use, as motor: stars are earned by motor."""
    rows = _known(lake, "entitlements", "customer_id", "used_at", "unit_cost")
    rows = rows.filter(_has_instant(rows.used_at))
    return _entries(rows, ibis.literal("motor"), "service_cost", rows.unit_cost)


def _contacts(lake: Lake, policies: ir.Table) -> ir.Table:
    """Book the cost of a contact on its day."""
    rows = _known(
        lake,
        "interactions",
        "customer_id",
        "policy_id",
        "occurred_at",
        "cost",
    )
    rows = rows.filter(_has_instant(rows.occurred_at))
    rows = _with_business(rows.select("customer_id", "policy_id", "cost"), policies)
    return _entries(rows, rows.business, "contact_cost", rows.cost)


def _costs(lake: Lake, policies: ir.Table) -> ir.Table:
    """Book costs on their day, but acquisition cost of a known term together with its premium."""
    rows = _known(
        lake,
        "costs",
        "customer_id",
        "policy_id",
        "branch",
        "kind",
        "incurred_at",
        "amount",
    )
    rows = rows.select("customer_id", "policy_id", "branch", "kind", "incurred_at", "amount")
    rows = _with_business(rows, policies)
    acquired = rows.kind.isin(ACQUISITION)
    with_term = acquired & rows.inception.notnull()
    inside = with_term.ifelse(
        _has_day(rows.inception).fill_null(False), _has_instant(rows.incurred_at)
    )
    rows = rows.filter(inside)
    rows = rows.mutate(customer_id=rows.customer_id.fill_null(rows.holder))
    item = ibis.cases(
        (rows.kind.isin(ACQUISITION), "acquisition_cost"),
        (_repeats(lake, rows, "service", "entitlements"), "booked_again"),
        (_repeats(lake, rows, "contact", "interactions"), "booked_again"),
        (rows.kind == "service", "service_cost"),
        (rows.kind == "contact", "contact_cost"),
        else_="other_cost",
    )
    return _entries(rows, rows.business, item, rows.amount, rows.branch)


def _repeats(lake: Lake, costs: ir.Table, kind: str, details: str) -> ir.Value:
    """Mark bookings to a customer that the detail table has already: details first (明细优先)."""
    if not (lake.settings.costs_repeat_details and lake.has(details)):
        return ibis.literal(False)
    return (costs.kind == kind) & costs.customer_id.notnull()


def _with_business(rows: ir.Table, policies: ir.Table) -> ir.Table:
    """Add business, inception and holder of the policy of each row; unallocated without one."""
    known = policies.select("policy_id", "business", "inception", holder=policies.customer_id)
    joined = left_join(rows, known, ["policy_id"])
    return joined.mutate(business=joined.business.fill_null("unallocated"))


def _entries(
    rows: ir.Table, business: Any, item: Any, amount: ir.Value, branch: Any = None
) -> ir.Table:
    return rows.select(
        "customer_id",
        branch=ibis.null("string") if branch is None else branch,
        business=business,
        item=ibis.literal(item) if isinstance(item, str) else item,
        amount=amount.cast(MONEY),
    ).filter(ibis._.amount.notnull() & (ibis._.amount != 0))


def _known(lake: Lake, table: str, *columns: str) -> ir.Table:
    """Read a table as it was known at the end of the period."""
    return known_table(lake, table, instant_variable(CLOSES), *columns)


def _has_instant(instant: ir.Value) -> ir.Value:
    """Check whether an instant lies in the period."""
    return (instant >= instant_variable(OPENS)) & (instant < instant_variable(CLOSES))


def _has_day(day: ir.Value) -> ir.Value:
    """Check whether a civil day lies in the period."""
    return day.between(day_variable(SINCE), day_variable(UNTIL))
