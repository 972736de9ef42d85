"""Remember waiting rows that `guanjia quarantine replay` settled, so that they wait no more.

A wrong row stays in its file under `raw/`, or is delivered again. Once somebody corrected or
discarded it, the same row, with the same fault, is settled: it is counted, and neither quarantined
nor good. `<home>/quarantine/settled.parquet` knows rows by a hash of their cells with the key of
erasures, so that nobody without the key finds out what a row said, and says whose they were: an
erasure takes them out, like any row. A row is hashed without `recorded_at`, which differs from one
whole dump to the next.
"""

import hmac
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from features.checking.queries import BROKEN, ROW, TYPED, count
from features.contracts.rules import AS_DELIVERED
from features.erased import erasure_key
from features.lake import Lake
from features.sql import quoted, sql_text

OWNERS = ("customer_id", "policy_id", "vehicle_id", "claim_id")
"""Columns that say whose a row is."""
SCHEMA = pa.schema([(name, pa.string()) for name in ("row_id", "outcome", *OWNERS)])
BETWEEN = "\x1f"
"""Separates the cells of a row that is hashed: no cell holds it."""
KEY = "settled_rows_key"
"""Variable of the engine that holds the key of the hashes: no query shows it."""


@dataclass(frozen=True)
class Settled:
    """What became of a row that waited, and whose it was.

    Attributes
    ----------
    outcome : str
        `corrected`, `discarded`, `superseded` or `erased`.
    owners : tuple of (str or None)
        Its cells under `OWNERS`; None: there is no such column, or it is empty.
    """

    outcome: str
    owners: tuple[str | None, ...] = (None,) * len(OWNERS)


def settled_file(lake: Lake) -> Path:
    """Return the file of the settled rows; it is absent until there is one."""
    return lake.home / "quarantine" / "settled.parquet"


def row_id(lake: Lake, table: str, cells: Mapping[str, str]) -> str:
    """Write the hash of a row as SQL, with the key of the home, which the engine gets.

    Parameters
    ----------
    lake : Lake
        Whose engine computes it.
    table : str
        The raw table.
    cells : mapping of str to str
        Column -> its cell as SQL; absent cells and `recorded_at` are not hashed.
    """
    parts = [
        f"{sql_text(name + '=')} || CAST({cell} AS VARCHAR)"
        for name, cell in sorted(cells.items())
        if name != "recorded_at"
    ]
    key = hmac.digest(erasure_key(lake.settings), KEY.encode(), "sha256").hex()
    lake.con.execute(f"SET VARIABLE {KEY} = {sql_text(key)}")
    text = f"concat_ws({sql_text(BETWEEN)}, {', '.join([sql_text(table), *parts])})"
    # Hashed twice with the key, as HMAC does: the engine has no function for it.
    inner = f"sha256(getvariable('{KEY}') || {text})"
    return f"left(sha256(getvariable('{KEY}') || {inner}), 32)"


def mark_settled(lake: Lake, table: str, types: Collection[str]) -> int:
    """Mark the rows of BROKEN that were settled, in its column `settled`; return their number.

    Parameters
    ----------
    lake : Lake
        Whose engine holds TYPED and BROKEN.
    table : str
        The raw table.
    types : collection of str
        The delivered columns.
    """
    lake.engine.raw_sql(f"ALTER TABLE {BROKEN} ADD COLUMN settled BOOLEAN DEFAULT false")
    path = settled_file(lake)
    if not path.exists():
        return 0
    hashed = row_id(lake, table, {name: quoted(AS_DELIVERED + name) for name in types})
    lake.engine.raw_sql(
        f"UPDATE {BROKEN} SET settled = true WHERE {ROW} IN (SELECT {ROW} FROM {TYPED}"
        f" SEMI JOIN {BROKEN} USING ({ROW})"
        f" WHERE {hashed} IN (SELECT row_id FROM read_parquet({sql_text(path)})))"
    )
    return count(lake, f"SELECT count(*) FROM {BROKEN} WHERE settled")


def read_settled(lake: Lake) -> dict[str, Settled]:
    """Return the settled rows by their hash."""
    path = settled_file(lake)
    if not path.exists():
        return {}
    rows = pq.read_table(path, schema=SCHEMA).to_pylist()
    return {
        row["row_id"]: Settled(row["outcome"], tuple(row[name] for name in OWNERS)) for row in rows
    }


def write_settled(draft: Path, settled: Mapping[str, Settled]) -> None:
    """Write the settled rows to a draft of their file."""
    rows = [
        {"row_id": row, "outcome": what.outcome, **dict(zip(OWNERS, what.owners, strict=True))}
        for row, what in settled.items()
    ]
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), draft)
