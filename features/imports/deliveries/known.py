"""Put the rows of a delivery beside what is known, and its files in their order."""

from collections.abc import Mapping as Map

from features.contracts.contract import Contract
from features.contracts.tables import CONTRACTS
from features.imports.mapping import Mapping
from features.imports.reading.text_tables import TextTable
from features.imports.versions import known_rows
from features.lake import Lake
from features.sql import quoted, sql_text

LATEST_HOLDS = ("customers", "vehicles")
"""Tables that may be read from rows of policies: of these the latest event says what holds."""


def rows_to_look_up(lake: Lake, table: str, *, ready: bool, known: bool) -> str | None:
    """Write the query, in brackets, of the rows in which other tables look something up.

    Parameters
    ----------
    lake : Lake
        Its engine holds `ready_<table>`, its home the raw table.
    table : str
        The raw table.
    ready : bool
        Whether the delivery has rows of it.
    known : bool
        Whether known rows that the delivery does not name are looked up too.

    Returns
    -------
    str or None
        None: there is no such table.
    """
    contract = CONTRACTS.get(table)
    if contract is None:
        return None
    columns, key = ", ".join(map(quoted, contract.columns)), quoted(contract.key)
    delivered = f"SELECT {columns} FROM ready_{table}"
    if not (known and list(lake.raw(table).glob("*.parquet"))):
        return f"({delivered})" if ready else None
    latest = (
        f"SELECT {columns} FROM {known_rows(lake, contract)} QUALIFY"
        f" row_number() OVER (PARTITION BY {key} ORDER BY recorded_at DESC) = 1"
    )
    if not ready:
        return f"({latest})"
    return f"({delivered} UNION ALL FROM ({latest}) k ANTI JOIN ready_{table} d USING ({key}))"


def drop_overtaken(
    lake: Lake, contract: Contract, mapping: Mapping, sources: Map[str, TextTable]
) -> int:
    """Drop rows of which a later file of the same increment says something; count them.

    Parameters
    ----------
    lake : Lake
        Its engine holds `ready_<table>`.
    contract : Contract
        Of the table.
    mapping : Mapping
        Says which sources are increments.
    sources : mapping of str to TextTable
        The files that were read, in order.
    """
    several = [
        name
        for name, source in mapping.sources.items()
        if source.delivery == "increment" and name in sources and len(sources[name].parts) > 1
    ]
    if not several or contract.name in LATEST_HOLDS:
        return 0
    con, table, key = lake.con, f"ready_{contract.name}", quoted(contract.key)
    con.execute(
        "CREATE OR REPLACE TEMP TABLE newest AS SELECT _source AS s, max(_file) AS f,"
        f" {key} AS k, recorded_at AS r FROM {table} WHERE len(_reasons) = 0"
        f" AND _source IN ({', '.join(map(sql_text, several))}) GROUP BY ALL"
    )
    (dropped,) = con.execute(
        f"DELETE FROM {table} USING newest WHERE _source = s AND _file < f AND {key} = k"
        " AND recorded_at IS NOT DISTINCT FROM r"
    ).fetchone() or (0,)
    con.execute("DROP TABLE newest")
    return int(dropped)
