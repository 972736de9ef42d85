"""Rows of erased customers among what is delivered: they go nowhere, and their number is told.

The core system may deliver a customer again after he was erased here. Numbers are hashed once: all
that the table of customers has, and of other tables those that it does not have.
"""

from dataclasses import dataclass, field

import pyarrow as pa

from features.contracts.contract import Contract
from features.erased import Erased
from features.lake import Lake
from features.sql import quoted

SEEN, GONE, THEIRS = "check_seen_customers", "check_erased", "check_erased_keys"
REFERENCES = ("policy_id", "vehicle_id", "claim_id")


@dataclass
class LeftOut:
    """Leaves out erased customers' rows of one table after the other, the customers' first.

    Attributes
    ----------
    rows : dict of str to int
        Table -> rows left out.
    """

    lake: Lake
    erased: Erased
    rows: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        con = self.lake.con
        con.execute(f"CREATE OR REPLACE TEMP TABLE {SEEN} (customer VARCHAR)")
        con.execute(f"CREATE OR REPLACE TEMP TABLE {GONE} (customer VARCHAR)")
        con.execute(f"CREATE OR REPLACE TEMP TABLE {THEIRS} (reference VARCHAR, value VARCHAR)")

    def without(self, contract: Contract, select: str, columns: list[str]) -> str:
        """Delivered rows of a table without those of erased customers, as SQL.

        A row that names no customer is his whose policy, vehicle or claim it names.
        """
        con = self.lake.con
        named = "NULL" if "customer_id" not in columns else _text("customer_id")
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE check_new AS SELECT DISTINCT {named} AS customer FROM"
            f" ({select}) WHERE {named} IS NOT NULL AND {named} NOT IN (FROM {SEEN})"
        )
        new = [one for (one,) in con.execute("FROM check_new").fetchall()]
        con.execute(f"INSERT INTO {SEEN} FROM check_new")
        found = pa.table({"customer": pa.array(sorted(self.erased.among(new)), pa.string())})
        con.register("check_found", found)
        con.execute(f"INSERT INTO {GONE} FROM check_found")
        con.unregister("check_found")
        con.execute("DROP TABLE check_new")
        theirs = f"{named} IN (FROM {GONE})"
        key = contract.key
        if key in REFERENCES and key in columns:
            # A car that was sold is the next owner's too.
            con.execute(
                f"INSERT INTO {THEIRS} SELECT '{key}', {_text(key)} FROM ({select}) WHERE"
                f" {named} IS NOT NULL AND {_text(key)} IS NOT NULL"
                f" GROUP BY ALL HAVING bool_and({theirs})"
            )
        hanging = [
            f"{_text(one)} IN (SELECT value FROM {THEIRS} WHERE reference = '{one}')"
            for one in REFERENCES
            if one in columns
        ]
        if hanging:
            theirs += f" OR ({named} IS NULL AND ({' OR '.join(hanging)}))"
        theirs = f"coalesce({theirs}, false)"
        (count,) = con.execute(f"SELECT count(*) FROM ({select}) WHERE {theirs}").fetchone() or (0,)
        self.rows[contract.name] = int(count)
        return f"SELECT * FROM ({select}) WHERE NOT {theirs}" if count else select

    def forget(self) -> None:
        """Drop what was needed while tables were checked."""
        for table in (SEEN, GONE, THEIRS):
            self.lake.con.execute(f"DROP TABLE IF EXISTS {table}")


def _text(column: str) -> str:
    """A column as text without blanks around it; what is empty is null."""
    return f"nullif(trim(CAST({quoted(column)} AS VARCHAR), E' \\t\\r\\n'), '')"
