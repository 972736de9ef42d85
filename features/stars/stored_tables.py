"""Write and read the tables of stored SQL about one customer: the pair it reads, the rows it made.

Shared by the explained rating and the ledger of entitlements; it imports no Ibis.
"""

from datetime import date
from typing import Any

from features.lake import Lake
from features.lake.plain_rows import plain_rows
from features.settings import cutoff
from features.sql import instant_sql, sql_text


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
