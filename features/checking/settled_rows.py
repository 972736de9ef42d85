"""Remember waiting rows that `guanjia quarantine replay` settled, so that they wait no more.

A wrong row stays in its file under `raw/`, or is delivered again. Once somebody corrected or
discarded it, the same row, with the same fault, is settled: it is counted, and neither quarantined
nor good. `<home>/quarantine/settled.parquet` knows rows by a hash of their cells; it names nobody.
A row is hashed without `recorded_at`, which differs from one whole dump to the next.
"""

from collections.abc import Collection, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from features.checking.queries import BROKEN, ROW, TYPED, count
from features.contracts.rules import AS_DELIVERED
from features.lake import Lake
from features.sql import quoted, sql_text

SCHEMA = pa.schema([("row_id", pa.string()), ("outcome", pa.string())])
BETWEEN = "\x1f"
"""Separates the cells of a row that is hashed: no cell holds it."""


def settled_file(lake: Lake) -> Path:
    """Return the file of the settled rows; it is absent until there is one."""
    return lake.home / "quarantine" / "settled.parquet"


def row_id(table: str, cells: Mapping[str, str]) -> str:
    """Write the hash of a row as SQL.

    Parameters
    ----------
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
    return f"md5(concat_ws({sql_text(BETWEEN)}, {', '.join([sql_text(table), *parts])}))"


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
    hashed = row_id(table, {name: quoted(AS_DELIVERED + name) for name in types})
    lake.engine.raw_sql(
        f"UPDATE {BROKEN} SET settled = true WHERE {ROW} IN (SELECT {ROW} FROM {TYPED}"
        f" SEMI JOIN {BROKEN} USING ({ROW})"
        f" WHERE {hashed} IN (SELECT row_id FROM read_parquet({sql_text(path)})))"
    )
    return count(lake, f"SELECT count(*) FROM {BROKEN} WHERE settled")


def read_settled(lake: Lake) -> dict[str, str]:
    """Return the settled rows: the hash of each and its outcome, `corrected` or `discarded`."""
    path = settled_file(lake)
    if not path.exists():
        return {}
    table = pq.read_table(path, schema=SCHEMA)
    return dict(zip(table["row_id"].to_pylist(), table["outcome"].to_pylist(), strict=True))


def write_settled(draft: Path, settled: Mapping[str, str]) -> None:
    """Write the settled rows to a draft of their file."""
    columns = [pa.array(list(settled), pa.string()), pa.array(list(settled.values()), pa.string())]
    pq.write_table(pa.Table.from_arrays(columns, schema=SCHEMA), draft)
