"""Leave customers who were erased out of a delivery: the core system delivers them again."""

from collections.abc import Mapping as Map

from features.checking.erased_rows import ErasedRowFilter
from features.contracts.tables import CONTRACTS
from features.erased import Erased
from features.imports.rows import Prepared
from features.lake import Lake


def drop_erased(lake: Lake, tables: Map[str, Prepared]) -> None:
    """Delete the rows of erased customers from `ready_<table>` and count them.

    Parameters
    ----------
    lake : Lake
        The home that remembers who was erased.
    tables : mapping of str to Prepared
        The tables; `good`, `waiting` and `erased` are counted anew.
    """
    erased = Erased(lake.settings)
    if not erased:
        return
    rows, con = ErasedRowFilter(lake, erased), lake.con
    for name in sorted(tables, key=lambda name: name != "customers"):
        ready, contract = f"ready_{name}", CONTRACTS[name]
        query = rows.without(contract, f"SELECT * FROM {ready}", list(contract.columns))
        tables[name].erased = rows.rows[name]
        if not rows.rows[name]:
            continue
        con.execute(f"CREATE OR REPLACE TEMP TABLE kept AS {query}")
        con.execute(f"DROP TABLE {ready}; ALTER TABLE kept RENAME TO {ready}")
        (tables[name].good, tables[name].waiting) = con.execute(
            "SELECT count(*) FILTER (len(_reasons) = 0), count(*) FILTER (len(_reasons) > 0)"
            f" FROM {ready}"
        ).fetchone() or (0, 0)
    rows.close()
