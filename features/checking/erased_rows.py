"""Remove rows of erased customers from delivered tables, and count them.

The core system may deliver a customer again after they were erased here. Each customer id is hashed
once: those of the customers table first, of other tables only ids that are new.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from features.checking.cells import read_text
from features.checking.queries import LINE_FAULT, ROW
from features.contracts.contract import Contract
from features.erased import Erased
from features.lake import Lake
from features.lake.merged_numbers import linked
from features.sql import quoted

SEEN, ERASED, ERASED_KEYS = "check_seen_customers", "check_erased", "check_erased_keys"
ERASED_LINES = "check_erased_lines"
"""Temporary tables: customer ids hashed so far, those erased, what belongs to them alone, and torn
lines that name them."""
REFERENCES = ("policy_id", "vehicle_id", "claim_id")


@dataclass
class ErasedRowFilter:
    """Removes rows of erased customers from one table after another, `customers` first.

    Attributes
    ----------
    lake : Lake
        Its DuckDB connection holds the temporary tables.
    erased : Erased
        Who was erased.
    merges : sequence of (str, str)
        Numbers of one customer, as merges of the delivery link them: they are erased together.
    rows : dict of str to int
        Table -> rows removed.
    """

    lake: Lake
    erased: Erased
    merges: Sequence[tuple[str, str]] = ()
    rows: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        con = self.lake.con
        numbers = {number for pair in self.merges for number in pair}
        self._merged = linked(self.erased.among(numbers), self.merges)
        con.execute(f"CREATE OR REPLACE TEMP TABLE {SEEN} (customer VARCHAR)")
        con.execute(f"CREATE OR REPLACE TEMP TABLE {ERASED} (customer VARCHAR)")
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE {ERASED_KEYS} (reference VARCHAR, value VARCHAR)"
        )

    def without(
        self, contract: Contract, select: str, columns: list[str], *, torn: bool = False
    ) -> str:
        """Write the query of a table's delivered rows without those of erased customers.

        A row that names no customer belongs to the owner of the policy, vehicle or claim it names.

        Parameters
        ----------
        contract : Contract
            The contract of the table.
        select : str
            Query of the delivered rows.
        columns : list of str
            Columns of that query.
        torn : bool
            The query tells torn lines (LINE_FAULT): they belong to whomever they name.
        """
        con = self.lake.con
        customer = "NULL" if "customer_id" not in columns else _text("customer_id")
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE check_new AS SELECT DISTINCT {customer} AS customer FROM"
            f" ({select}) WHERE {customer} IS NOT NULL AND {customer} NOT IN (FROM {SEEN})"
        )
        new = [customer_id for (customer_id,) in con.execute("FROM check_new").fetchall()]
        con.execute(f"INSERT INTO {SEEN} FROM check_new")
        newly_erased = sorted({*self.erased.among(new), *self._merged & {*new}})
        con.register(
            "check_new_erased", pa.table({"customer": pa.array(newly_erased, pa.string())})
        )
        con.execute(f"INSERT INTO {ERASED} FROM check_new_erased")
        con.unregister("check_new_erased")
        con.execute("DROP TABLE check_new")
        is_erased = f"{customer} IN (FROM {ERASED})"
        key = contract.key
        if key in REFERENCES and key in columns:
            # A car that was sold belongs to the next owner too.
            con.execute(
                f"INSERT INTO {ERASED_KEYS} SELECT '{key}', {_text(key)} FROM ({select}) WHERE"
                f" {customer} IS NOT NULL AND {_text(key)} IS NOT NULL"
                f" GROUP BY ALL HAVING bool_and({is_erased})"
            )
        by_reference = [
            f"{_text(name)} IN (SELECT value FROM {ERASED_KEYS} WHERE reference = '{name}')"
            for name in REFERENCES
            if name in columns
        ]
        if by_reference:
            is_erased += f" OR ({customer} IS NULL AND ({' OR '.join(by_reference)}))"
        is_erased = f"coalesce({is_erased}, false)"
        if torn and self._find_torn(select, columns):
            is_erased = f"({is_erased} OR {ROW} IN (FROM {ERASED_LINES}))"
        counting = f"SELECT count(*) FROM ({select}) WHERE {is_erased}"
        (count,) = con.execute(counting).fetchone() or (0,)
        self.rows[contract.name] = int(count)
        return f"SELECT * FROM ({select}) WHERE NOT {is_erased}" if count else select

    def _find_torn(self, select: str, columns: list[str]) -> bool:
        """Fill ERASED_LINES with torn lines of which any word names an erased customer.

        Their cells stand in wrong columns, as in the quarantine that an erasure rewrote.
        """
        cells = ", ".join(map(_text, columns))
        lines = self.lake.con.execute(
            f"SELECT {ROW}, concat_ws(' ', {cells}) FROM ({select}) WHERE {LINE_FAULT} IS NOT NULL"
        ).fetchall()
        words = {row: set(re.findall(r"[\w-]+", text)) for row, text in lines}
        named = self.erased.among(set().union(*words.values())) | self._merged
        torn = [row for row, listed in words.items() if listed & named]
        self.lake.con.register("check_torn", pa.table({"line": pa.array(torn, pa.string())}))
        self.lake.con.execute(f"CREATE OR REPLACE TEMP TABLE {ERASED_LINES} AS FROM check_torn")
        self.lake.con.unregister("check_torn")
        return bool(torn)

    def close(self) -> None:
        """Drop the temporary tables."""
        for table in (SEEN, ERASED, ERASED_KEYS, ERASED_LINES):
            self.lake.con.execute(f"DROP TABLE IF EXISTS {table}")


def merge_pairs(lake: Lake, select: str, columns: Collection[str]) -> list[tuple[str, str]]:
    """Read which numbers the delivered merges link, as the check reads ids.

    Parameters
    ----------
    lake : Lake
        Whose engine reads them.
    select : str
        Query of the delivered rows of `customer_merges`.
    columns : collection of str
        Columns of that query.
    """
    names = ("customer_id", "merged_into")
    if not {*names} <= {*columns}:
        return []
    cells = ", ".join(map(_text, names))
    rows = lake.con.execute(f"SELECT {cells} FROM ({select})").fetchall()
    return [(number, owner) for number, owner in rows if number and owner]


def _text(column: str) -> str:
    """Write a column of ids as the check reads them: nobody comes back by a blank in their id."""
    return read_text(f"CAST({quoted(column)} AS VARCHAR)", as_id=True)
