"""Pass rows to DuckDB without importing pandas.

DuckDB imports pandas where an Arrow table is registered or a list is a parameter, and pyarrow where
a list becomes an array; a command would wait for it. A file in between takes a quarter of that time
for 100,000 rows of 40 columns.
"""

import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.parquet as pq

from features.lake.connection import Lake
from features.sql import quoted, sql_text


@contextmanager
def rows_as_file(lake: Lake, rows: pa.Table) -> Iterator[str]:
    """Write an Arrow table to a file that goes at the end of the block, for the engine to read.

    Parameters
    ----------
    lake : Lake
        The home, whose folder of temporary files takes it.
    rows : pyarrow.Table
        The rows.

    Yields
    ------
    str
        A table function in SQL that reads them.
    """
    with tempfile.NamedTemporaryFile(dir=_folder(lake), suffix=".parquet") as file:
        pq.write_table(rows, file.name, compression="none", use_dictionary=False)
        yield f"read_parquet({sql_text(file.name)})"


def load_rows(
    lake: Lake, table: str, types: Mapping[str, str], rows: Iterable[Sequence[object]]
) -> None:
    """Load rows of plain values into a temporary table of the engine.

    Parameters
    ----------
    lake : Lake
        The home and its engine.
    table : str
        Name of the table; one of that name is replaced.
    types : mapping of str to str
        Column -> its type in SQL.
    rows : iterable of sequence
        Values in the order of the columns: texts, numbers, dates or None.
    """
    columns = ", ".join(f"{quoted(name)}: {sql_text(type_)}" for name, type_ in types.items())
    with tempfile.NamedTemporaryFile("w", dir=_folder(lake), suffix=".json") as file:
        for row in rows:
            file.write(json.dumps(dict(zip(types, row, strict=True)), default=str) + "\n")
        file.flush()
        lake.con.execute(
            f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT * FROM read_json("
            f"{sql_text(file.name)}, format = 'newline_delimited', columns = {{{columns}}})"
        )


def _folder(lake: Lake) -> str:
    folder = lake.home / "tmp"
    folder.mkdir(parents=True, exist_ok=True)
    return str(folder)
