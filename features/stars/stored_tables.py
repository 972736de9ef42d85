"""Write and read the tables of stored SQL about one customer: what it reads, the rows it made.

Shared by the explained rating and the ledger of entitlements; it imports no Ibis.
"""

from collections.abc import Iterable
from datetime import date
from typing import Any

from features.lake import Lake
from features.lake.compiled import open_tables
from features.lake.plain_rows import plain_rows
from features.settings import cutoff
from features.sql import instant_sql, sql_text


def open_own_rows(
    lake: Lake, tables: Iterable[str], customer_id: str
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Open the rows of one customer by the names at which stored SQL reads checked tables.

    Each file is read once, whatever the number of places at which the SQL reads the table.

    Parameters
    ----------
    lake : Lake
        The home of the tables.
    tables : iterable of str
        Names of raw tables that have a customer's number.
    customer_id : str
        The customer.

    Returns
    -------
    tuple of (str, tuple of str)
        As `open_tables`.

    Raises
    ------
    GuanjiaError
        As `Lake.require`.
    """
    opened = open_tables(lake, tables)
    for table, _ in opened:
        lake.con.execute(
            f'CREATE OR REPLACE TEMP TABLE "own_{table}" AS '
            f'SELECT * FROM "checked_{table}" WHERE customer_id = {sql_text(customer_id)}'
        )
        lake.con.execute(
            f'CREATE OR REPLACE TEMP VIEW "checked_{table}" AS SELECT * FROM "own_{table}"'
        )
    return opened


def write_pair(lake: Lake, table: str, customer_id: str, as_of: date) -> None:
    """Write a table of one row: `customer_id`, `as_of` and `cutoff`, the end of that date.

    Parameters
    ----------
    lake : Lake
        On whose connection the table is written, in place of an earlier one.
    table : str
        Its name.
    customer_id : str
        The customer.
    as_of : date
        The date.
    """
    lake.con.execute(
        f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT {sql_text(customer_id)} AS customer_id, "
        f"DATE '{as_of}' AS as_of, "
        f"{instant_sql(cutoff(as_of, lake.settings.timezone))} AS cutoff"
    )


def read_rows(lake: Lake, table: str, order: str) -> list[dict[str, Any]]:
    """Read a table that stored SQL made, as dicts of column to value.

    Parameters
    ----------
    lake : Lake
        On whose connection the table lies.
    table : str
        Its name.
    order : str
        Columns to order the rows by, with commas between.
    """
    query = f"SELECT * FROM {table} ORDER BY {order}"
    return plain_rows(lake.con.execute(query).to_arrow_table())
