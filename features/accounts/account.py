"""Compute customer accounts (客户账户): motor and non-motor premium, claims, cost and profit.

An account is a sum of entries (`features.accounts.entries`) by customer, household, account manager
or branch, as of a date and over a period. The rules are in `docs/account.md`. The SQL is stored in
the home: only where it is not there yet is Ibis imported.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, get_args

import pyarrow as pa
import pyarrow.compute as pc

from features.accounts.items import DETAILS, LEVELS, TABLES, Level
from features.accounts.session import CUSTOMER, KEY, Period, set_text
from features.errors import GuanjiaError, suggestions
from features.lake import Lake
from features.lake.compiled import compile_once, open_tables
from features.lake.known_customers import refuse_unknown

if TYPE_CHECKING:
    import ibis.expr.types as ir


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
        One row an account, highest profit first, with the columns of
        `features.accounts.sums.account_sums`.
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


def accounts(
    lake: Lake, since: date, as_of: date, by: Level, customer_id: str | None = None
) -> Accounts:
    """Fetch the accounts of a level with their total, or the account that a customer belongs to.

    Parameters
    ----------
    lake : Lake
        Holds the checked tables `customers`, `policies` and `claims`; those of `DETAILS` may be
        missing.
    since, as_of : date
        First and last day of the period; rows recorded by the end of `as_of` count.
    by : {"customer", "household", "manager", "branch"}
        The level.
    customer_id : str, optional
        Only the account to which this customer belongs; default: all.

    Raises
    ------
    GuanjiaError
        If the level or the customer is not known, the period ends before it begins, or the
        customers were checked by an older version.
    """
    if by not in get_args(Level):
        cure, chinese_cure = suggestions(by, LEVELS)
        chinese = f"汇总层级 {by}", "不存在", chinese_cure
        raise GuanjiaError(f"level {by}", "is not known", cure, chinese=chinese)
    Period(since, as_of).set_in(lake)
    present = [table for table in TABLES if table not in DETAILS or lake.has(table)]
    form = (by, lake.settings.costs_repeat_details, open_tables(lake, present))

    def fetch(what: str, build: "Callable[[], ir.Table]") -> pa.Table:
        query = compile_once(lake, ("account", what, *form), build)
        return lake.con.execute(query).to_arrow_table()

    def sums() -> "ir.Table":
        from features.accounts.sums import account_sums

        return account_sums(lake, by, own=customer_id is not None)

    def key() -> "ir.Table":
        from features.accounts.sums import own_key

        return own_key(lake, by)

    if customer_id is None:
        rows = fetch("sums", sums)
    else:
        refuse_unknown(lake, customer_id, as_of)
        set_text(lake, CUSTOMER, customer_id)
        set_text(lake, KEY, fetch("key", key)["key"][0].as_py())
        rows = fetch("own sums", sums)
    money = [name for name in rows.column_names if name not in ("key", "customers")]
    total: dict[str, Any] = {name: _total(rows[name]) for name in money}
    total["customers"] = pc.sum(rows["customers"]).as_py() or 0
    absent = tuple(table for table in DETAILS if not lake.has(table))
    return Accounts(by, since, as_of, rows, total, absent)


def _total(amounts: pa.ChunkedArray) -> Decimal | None:
    """Sum amounts exactly; 0 for no rows, None if an amount is null."""
    if amounts.null_count:
        return None
    total: Decimal | None = pc.sum(amounts).as_py()
    return total if total is not None else Decimal("0.00")
