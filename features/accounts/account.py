"""The customer account (客户账户): motor and non-motor premium, claims, cost and profit together.

Sums of `features.accounts.entries.entries` by customer, household of policies, account manager or
branch, as of a date and over a period. The rules are in `docs/account.md`.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Literal, get_args

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.compute as pc

from features.accounts.entries import BUSINESSES, COSTS, ITEMS, Period, entries, known_by
from features.errors import GuanjiaError, did_you_mean
from features.lake import Lake
from features.lake.joins import left_join
from features.stars.explain import spine_of_one
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


@dataclass(frozen=True)
class Accounts:
    """The accounts of one level.

    Attributes
    ----------
    rows : pyarrow Table
        As `account` has them, best profit first.
    total : dict
        The sums of all rows, with `customers`.
    absent : tuple of str
        Tables that are not there: their amounts are in no sum.
    """

    by: Level
    since: date
    as_of: date
    rows: pa.Table
    total: dict[str, Any]
    absent: tuple[str, ...]


def account(lake: Lake, since: date, as_of: date, by: Level) -> ir.Table:
    """The account of every customer, household, account manager or branch that has an entry.

    Parameters
    ----------
    since, as_of : date
        First and last day of the period; what was recorded by the end of `as_of` counts.
    by : {"customer", "household", "manager", "branch"}
        A customer's amounts go to the household, manager and branch that he has on `as_of`,
        whoever had him before; a cost booked to no customer goes to the branch it names.

    Returns
    -------
    ibis Table
        `key` (string; null is the row of what is assigned to nobody), `customers` (int64, with an
        entry), and in yuan (decimal(18, 2)) each of `ITEMS`, `profit` and `earned_profit`: a
        column in all and one for each business (`claims`, `claims_motor`, `claims_non_motor`,
        `claims_unallocated`).
        profit = written_premium - claims - costs; earned_profit has the earned premium instead.
        Claims and profits are null without the table claim_movements.

    Raises
    ------
    GuanjiaError
        If the period ends before it begins, or the customers were checked by an older version.
    """
    period = Period(since, as_of, lake.settings.timezone)
    rows = _owned(lake, period, by)
    sums = {}
    for item in ITEMS:
        of_item = rows.item == item
        sums[item] = _sum(rows, of_item)
        for business in BUSINESSES:
            sums[f"{item}_{business}"] = _sum(rows, of_item & (rows.business == business))
    found = rows.group_by("key").agg(customers=rows.customer_id.nunique(), **sums)
    endings = ["", *(f"_{business}" for business in BUSINESSES)]
    if not lake.has("claim_movements"):
        found = found.mutate(**{f"claims{ending}": ibis.null(MONEY) for ending in endings})
    profits = {}
    for ending in endings:
        spent = sum((found[cost + ending] for cost in COSTS), found[f"claims{ending}"])
        profits[f"profit{ending}"] = (found[f"written_premium{ending}"] - spent).cast(MONEY)
        earned = (found[f"earned_premium{ending}"] - spent).cast(MONEY)
        profits[f"earned_profit{ending}"] = earned
    return found.mutate(**profits)


def accounts(
    lake: Lake, since: date, as_of: date, by: Level, customer_id: str | None = None
) -> Accounts:
    """The accounts of a level, or of that level's one account which a customer belongs to.

    Raises
    ------
    GuanjiaError
        If the level or the customer is not known, or as `account` says.
    """
    if by not in get_args(Level):
        raise GuanjiaError(f"level {by}", "is not known", did_you_mean(by, LEVELS))
    found = account(lake, since, as_of, by)
    if customer_id is not None:
        spine_of_one(lake, customer_id, as_of)
        own = _keys(lake, Period(since, as_of, lake.settings.timezone), by)
        own = own.filter(own.customer_id == customer_id).select("key")
        found = found.filter(found.key.identical_to(own.as_scalar()))
    rows = lake.engine.to_pyarrow(found.order_by(found.profit.desc(), found.key))
    money = [name for name in rows.column_names if name not in ("key", "customers")]
    total: dict[str, Any] = {name: _total(rows[name]) for name in money}
    total["customers"] = pc.sum(rows["customers"]).as_py() or 0
    absent = tuple(table for table in DETAILS if not lake.has(table))
    return Accounts(by, since, as_of, rows, total, absent)


def _owned(lake: Lake, period: Period, by: Level) -> ir.Table:
    """The entries, each with the key of its owner at a level."""
    found = entries(lake, period)
    keys = _keys(lake, period, by)
    joined = left_join(found, keys, ["customer_id"])
    if by in ("customer", "household"):
        # Whoever is not known by then has amounts all the same.
        return joined.mutate(key=joined.key.fill_null(joined.customer_id))
    if by == "branch":
        own = joined.customer_id.isnull().ifelse(joined.branch, ibis.null("string"))
        return joined.mutate(key=joined.key.fill_null(own))
    return joined


def _keys(lake: Lake, period: Period, by: Level) -> ir.Table:
    """Each customer known by the end of the period with his key at a level."""
    rows = known_by(lake, "customers", period.closes)
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


def _sum(rows: ir.Table, of_them: ir.Value) -> ir.Value:
    nothing = ibis.literal(Decimal(0), MONEY)
    return rows.amount.sum(where=of_them).cast(MONEY).fill_null(nothing)


def _total(amounts: pa.ChunkedArray) -> Decimal | None:
    """The exact sum; 0 of no rows, None where an amount is not known."""
    if amounts.null_count:
        return None
    total: Decimal | None = pc.sum(amounts).as_py()
    return total if total is not None else Decimal("0.00")
