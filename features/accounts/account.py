"""Compute customer accounts (客户账户): motor and non-motor premium, claims, cost and profit.

An account is a sum of entries (`features.accounts.entries`) by customer, household, account manager
or branch, as of a date and over a period. The rules are in `docs/account.md`.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Literal, get_args

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.compute as pc

from features.accounts.entries import BUSINESSES, COSTS, ITEMS, Period, entries, known_table
from features.errors import GuanjiaError, did_you_mean
from features.lake import Lake
from features.lake.joins import left_join
from features.stars.explain import refuse_unknown
from features.stars.value import MONEY

Level = Literal["customer", "household", "manager", "branch"]
LEVELS: dict[Level, str] = {
    "customer": "客户",
    "household": "家庭",
    "manager": "客户经理",
    "branch": "机构",
}
ITEM_LABELS = {
    "written_premium": "签单保费",
    "earned_premium": "已赚保费",
    "claims": "已发生赔款",
    "service_cost": "服务成本",
    "contact_cost": "触达成本",
    "acquisition_cost": "获客成本",
    "other_cost": "其他费用",
    "profit": "利润(签单)",
    "earned_profit": "利润(已赚)",
    "booked_again": "重复入账(未计)",
}
BUSINESS_LABELS = {"motor": "车险", "non_motor": "非车险", "unallocated": "未分摊"}
DETAILS = ("claim_movements", "entitlements", "interactions", "costs")
"""Tables that may be missing."""


@dataclass(frozen=True)
class Accounts:
    """The accounts of one level over a period.

    Attributes
    ----------
    by : {"customer", "household", "manager", "branch"}
        The level.
    since, as_of : date
        First and last day of the period.
    rows : pyarrow.Table
        One row an account, with the columns of `account`, highest profit first.
    total : dict of str to Decimal, int or None
        Sums of all rows by column, and `customers`.
    absent : tuple of str
        Tables that are missing: their amounts are in no sum.
    """

    by: Level
    since: date
    as_of: date
    rows: pa.Table
    total: dict[str, Any]
    absent: tuple[str, ...]


def account(lake: Lake, since: date, as_of: date, by: Level) -> ir.Table:
    """Compute the account of every customer, household, manager or branch that has an entry.

    Parameters
    ----------
    lake : Lake
        Where the checked tables lie.
    since, as_of : date
        First and last day of the period; rows recorded by the end of `as_of` count.
    by : {"customer", "household", "manager", "branch"}
        The level. The amounts of a customer go to the household, manager and branch they have on
        `as_of`, also those from before; a cost booked to no customer goes to the branch it names.

    Returns
    -------
    ibis.Table
        `key` (string; null for amounts that no account of the level owns), `customers` (int64,
        number with an entry), and in yuan (decimal(18, 2)) each of `ITEMS`, `profit` and
        `earned_profit`: one column in all and one for each business (`claims`, `claims_motor`,
        `claims_non_motor`, `claims_unallocated`).
        profit = written_premium - claims - costs; earned_profit has the earned premium instead.
        Claims and profits are null without the table claim_movements.

    Raises
    ------
    GuanjiaError
        If the period ends before it begins, or the customers were checked by an older version.
    """
    return _sums(lake, _owned(lake, Period(since, as_of, lake.settings.timezone), by))


def _sums(lake: Lake, rows: ir.Table) -> ir.Table:
    """Sum entries by `key`, item and business."""
    sums = {}
    for item in ITEMS:
        is_item = rows.item == item
        sums[item] = _sum(rows, is_item)
        for business in BUSINESSES:
            sums[f"{item}_{business}"] = _sum(rows, is_item & (rows.business == business))
    totals = rows.group_by("key").agg(customers=rows.customer_id.nunique(), **sums)
    endings = ["", *(f"_{business}" for business in BUSINESSES)]
    if not lake.has("claim_movements"):
        totals = totals.mutate(**{f"claims{ending}": ibis.null(MONEY) for ending in endings})
    profits = {}
    for ending in endings:
        spent = sum((totals[cost + ending] for cost in COSTS), totals[f"claims{ending}"])
        profits[f"profit{ending}"] = (totals[f"written_premium{ending}"] - spent).cast(MONEY)
        earned = (totals[f"earned_premium{ending}"] - spent).cast(MONEY)
        profits[f"earned_profit{ending}"] = earned
    return totals.mutate(**profits)


def accounts(
    lake: Lake, since: date, as_of: date, by: Level, customer_id: str | None = None
) -> Accounts:
    """Fetch the accounts of a level with their total, or the account that a customer belongs to.

    Parameters
    ----------
    lake : Lake
        Where the checked tables lie.
    since, as_of : date
        First and last day of the period; rows recorded by the end of `as_of` count.
    by : {"customer", "household", "manager", "branch"}
        The level, as in `account`.
    customer_id : str, optional
        Only the account to which this customer belongs; default: all.

    Raises
    ------
    GuanjiaError
        If the level or the customer is not known, the period ends before it begins, or the
        customers were checked by an older version.
    """
    if by not in get_args(Level):
        raise GuanjiaError(f"level {by}", "is not known", did_you_mean(by, LEVELS))
    period = Period(since, as_of, lake.settings.timezone)
    entered = _owned(lake, period, by)
    if customer_id is not None:
        refuse_unknown(lake, customer_id, as_of)
        keys = _keys(lake, period, by)
        (own,) = lake.rows(keys.filter(keys.customer_id == customer_id).select("key"))
        # Before the sums: those of everybody take longer than all the rest.
        entered = entered.filter(entered.key.identical_to(ibis.literal(own["key"], "string")))
        if by == "customer":
            entered = entered.filter(entered.customer_id == customer_id)
    selected = _sums(lake, entered)
    rows = lake.arrow(selected.order_by(selected.profit.desc(), selected.key))
    money = [name for name in rows.column_names if name not in ("key", "customers")]
    total: dict[str, Any] = {name: _total(rows[name]) for name in money}
    total["customers"] = pc.sum(rows["customers"]).as_py() or 0
    absent = tuple(table for table in DETAILS if not lake.has(table))
    return Accounts(by, since, as_of, rows, total, absent)


def _owned(lake: Lake, period: Period, by: Level) -> ir.Table:
    """Add to each entry the `key` of the account that it belongs to at a level."""
    keys = _keys(lake, period, by)
    joined = left_join(entries(lake, period), keys, ["customer_id"])
    if by in ("customer", "household"):
        # A customer who is not known by then has amounts all the same.
        return joined.mutate(key=joined.key.fill_null(joined.customer_id))
    if by == "branch":
        own = joined.customer_id.isnull().ifelse(joined.branch, ibis.null("string"))
        return joined.mutate(key=joined.key.fill_null(own))
    return joined


def _keys(lake: Lake, period: Period, by: Level) -> ir.Table:
    """List the customers known by the end of the period, each with their `key` at a level."""
    rows = known_table(lake, "customers", period.closes)
    if by == "household":
        if "household_id" not in rows.columns:
            raise GuanjiaError(
                "table customers",
                "was checked before it had a household_id",
                "run `guanjia check` again",
            )
        return rows.select("customer_id", key=rows.household_id.fill_null(rows.customer_id))
    column = {"customer": "customer_id", "manager": "account_manager_id", "branch": "branch"}[by]
    return rows.select("customer_id", key=rows[column])


def _sum(rows: ir.Table, where: ir.Value) -> ir.Value:
    zero = ibis.literal(Decimal(0), MONEY)
    return rows.amount.sum(where=where).cast(MONEY).fill_null(zero)


def _total(amounts: pa.ChunkedArray) -> Decimal | None:
    """Sum amounts exactly; 0 for no rows, None if an amount is null."""
    if amounts.null_count:
        return None
    total: Decimal | None = pc.sum(amounts).as_py()
    return total if total is not None else Decimal("0.00")
