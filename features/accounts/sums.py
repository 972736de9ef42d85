"""Sum the entries of accounts by customer, household, account manager or branch, in Ibis.

The amounts of a customer go to the household, manager and branch they have at the end of the
period, also those from before; a cost booked to no customer goes to the branch it names.
"""

from decimal import Decimal

import ibis
import ibis.expr.types as ir

from features.accounts.entries import entries, known_table
from features.accounts.items import BUSINESSES, COSTS, ITEMS, Level
from features.accounts.session import CLOSES, CUSTOMER, KEY
from features.errors import GuanjiaError
from features.lake import Lake
from features.lake.joins import left_join
from features.lake.variables import instant_variable, text_variable
from features.stars.value import MONEY


def account_sums(lake: Lake, by: Level, *, own: bool) -> ir.Table:
    """Compute the account of every customer, household, manager or branch that has an entry.

    Parameters
    ----------
    lake : Lake
        Where the checked tables lie; the period is set in its session (`Period.set_in`).
    by : {"customer", "household", "manager", "branch"}
        The level.
    own : bool
        Whether only the account with the key that the session names is computed.

    Returns
    -------
    ibis.Table
        `key` (string; null for amounts that no account of the level owns), `customers` (int64,
        number with an entry), and in yuan (decimal(18, 2)) each of `ITEMS`, `profit` and
        `earned_profit`: one column in all and one for each business (`claims`, `claims_motor`,
        `claims_non_motor`, `claims_unallocated`); highest profit first.
        profit = written_premium - claims - costs; earned_profit has the earned premium instead.
        Claims and profits are null without the table claim_movements.

    Raises
    ------
    GuanjiaError
        If the customers were checked by an older version.
    """
    entered = _owned(lake, by)
    if own:
        # Before the sums: those of everybody take longer than all the rest.
        entered = entered.filter(entered.key.identical_to(text_variable(KEY)))
        if by == "customer":
            entered = entered.filter(entered.customer_id == text_variable(CUSTOMER))
    sums = _sums(lake, entered)
    return sums.order_by(sums.profit.desc(), sums.key)


def own_key(lake: Lake, by: Level) -> ir.Table:
    """Look up the `key` at a level of the customer whom the session names.

    Parameters
    ----------
    lake : Lake
        Where the checked tables lie; the period and the customer are set in its session.
    by : {"customer", "household", "manager", "branch"}
        The level.
    """
    keys = _keys(lake, by)
    return keys.filter(keys.customer_id == text_variable(CUSTOMER)).select("key")


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


def _owned(lake: Lake, by: Level) -> ir.Table:
    """Add to each entry the `key` of the account that it belongs to at a level."""
    joined = left_join(entries(lake), _keys(lake, by), ["customer_id"])
    if by in ("customer", "household"):
        # A customer who is not known by then has amounts all the same.
        return joined.mutate(key=joined.key.fill_null(joined.customer_id))
    if by == "branch":
        own = joined.customer_id.isnull().ifelse(joined.branch, ibis.null("string"))
        return joined.mutate(key=joined.key.fill_null(own))
    return joined


def _keys(lake: Lake, by: Level) -> ir.Table:
    """List the customers known by the end of the period, each with their `key` at a level."""
    rows = known_table(lake, "customers", instant_variable(CLOSES))
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
