"""Put the delivered files of a raw table into one relation, and compare headings with contracts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from features.checking.csv_lines import read_batches, read_heading
from features.checking.queries import LINE_FAULT, ROW
from features.contracts.contract import Contract
from features.contracts.tables import CONTRACTS
from features.errors import GuanjiaError, similar_names
from features.lake import Lake
from features.sql import quoted, sql_text

CSV_ROWS = "check_csv"
"""Temporary table of the rows of CSV files, as text."""
SIMILAR = 0.8
"""Similarity from which one name may be a misspelling of another."""


@dataclass(frozen=True)
class Headings:
    """The columns of the files of one table, compared with its contract.

    Attributes
    ----------
    by_file : mapping of Path to list of str
        Columns of each file.
    extra : tuple of str
        Delivered columns that the contract does not know.
    absent : tuple of str
        Columns of the contract that no file has.
    partly : mapping of str to list of str
        Column of the contract -> names of the files that lack it, though others have it.
    """

    by_file: Mapping[Path, list[str]]
    extra: tuple[str, ...]
    absent: tuple[str, ...]
    partly: Mapping[str, list[str]]


def read_headings(contract: Contract, files: Sequence[Path]) -> Headings:
    """Read the headings of the files of a table.

    Raises
    ------
    GuanjiaError
        If a file cannot be read as what its name says.
    """
    by_file = {path: _columns(path, contract) for path in files}
    delivered = dict.fromkeys(name for names in by_file.values() for name in names)
    return Headings(
        by_file=by_file,
        extra=tuple(name for name in delivered if name not in contract.columns),
        absent=tuple(name for name in contract.columns if by_file and name not in delivered),
        partly={
            name: lacking
            for name in contract.columns
            if name in delivered
            and (lacking := [path.name for path, names in by_file.items() if name not in names])
        },
    )


def refuse_missing(lake: Lake, headings: Mapping[str, Headings]) -> None:
    """Refuse a delivery that lacks tables or columns, all of them in one error.

    Parameters
    ----------
    lake : Lake
        The home, to name its folders.
    headings : mapping of str to Headings
        Those of each table of the contracts.

    Raises
    ------
    GuanjiaError
        If a required table has no file, or a required column is missing.
    """
    faults: list[tuple[str, str]] = []
    cures: list[str] = []
    for name, contract in CONTRACTS.items():
        heading = headings[name]
        if contract.required and not heading.by_file:
            faults.append((f"table {name}", f"has no Parquet or CSV file in {lake.raw(name)}"))
            cures.append("deliver it there, or make one with `guanjia simulate`")
        needed = [column for column in contract.columns if not contract.declared[column].nullable]
        missing = [column for column in needed if column in heading.absent]
        if missing:
            faults.append((f"table {name}", f"has no column {', '.join(missing)}"))
            cures.append(f"deliver {', '.join(missing)} too{_hint(heading.extra, heading.absent)}")
        for column in needed:
            for file in heading.partly.get(column, []):
                faults.append((f"file {name}/{file}", f"has no column {column}"))
                cures.append("deliver the file with the columns of the others")
    if len(faults) == 1:
        raise GuanjiaError(*faults[0], cures[0])
    if faults:
        listed = "; ".join(f"{thing} {fault}" for thing, fault in faults)
        raise GuanjiaError("raw tables", listed, "; ".join(dict.fromkeys(cures)))


def suggestion(column: str, absent: Sequence[str]) -> str:
    """Suggest which absent column an unknown one may be; empty: none is similar."""
    similar = similar_names(column.lower(), absent, most=1, least=SIMILAR)
    return similar[0] if similar else ""


def _hint(extra: Sequence[str], absent: Sequence[str]) -> str:
    similar = [f"is {name} {likely}?" for name in extra if (likely := suggestion(name, absent))]
    return f" ({' '.join(similar)})" if similar else ""


def delivered_rows(lake: Lake, contract: Contract, headings: Headings) -> str:
    """Write the query of the delivered rows, each with its identity ROW and its LINE_FAULT.

    Parameters
    ----------
    lake : Lake
        Whose engine runs the query; the rows of CSV files are read into its table CSV_ROWS.
    contract : Contract
        The contract of the table.
    headings : Headings
        Of at least one file.
    """
    files = list(headings.by_file)
    if files[0].suffix.lower() == ".parquet":
        paths = "[" + ", ".join(sql_text(path) for path in files) + "]"
        return (
            "SELECT * EXCLUDE (filename, file_row_number), filename || ':' || (file_row_number + 1)"
            f" AS {ROW}, NULL::VARCHAR AS {LINE_FAULT} FROM read_parquet({paths},"
            " union_by_name=true, filename=true, file_row_number=true)"
        )
    names = list(dict.fromkeys(name for columns in headings.by_file.values() for name in columns))
    declared = ", ".join(f"{quoted(name)} VARCHAR" for name in [*names, ROW, LINE_FAULT])
    # Text first, types by the contract afterwards: a cell that cannot be read costs itself.
    lake.con.execute(f"CREATE OR REPLACE TEMP TABLE {CSV_ROWS} ({declared})")
    for batch in _batches(contract, headings, names):
        lake.con.register("check_batch", batch)
        lake.con.execute(f"INSERT INTO {CSV_ROWS} FROM check_batch")
        lake.con.unregister("check_batch")
    return f"SELECT * FROM {CSV_ROWS}"


def file_and_line(row: str) -> tuple[str, int]:
    """Split the identity of a delivered row into its file and its line, or row, there from 1.

    Examples
    --------
    >>> file_and_line("raw/policies/a.csv:17")
    ('a.csv', 17)
    """
    path, _, number = row.rpartition(":")
    return Path(path).name, int(number)


def _columns(path: Path, contract: Contract) -> list[str]:
    if path.suffix.lower() == ".csv":
        return read_heading(path, contract)
    try:
        names: list[str] = pq.read_schema(path).names
    except (pa.ArrowException, OSError) as error:
        fault = "cannot be read as Parquet: it is cut off or damaged"
        raise GuanjiaError(f"file {path}", fault, "deliver it again, whole") from error
    return names


def _batches(
    contract: Contract, headings: Headings, names: Sequence[str]
) -> Iterator[pa.RecordBatch]:
    """Read the rows of CSV files as text columns; an empty cell is null."""
    schema = pa.schema([(name, pa.string()) for name in [*names, ROW, LINE_FAULT]])
    for path, heading in headings.by_file.items():
        for batch in read_batches(path, contract, heading):
            columns = dict(zip(heading, batch.columns, strict=True))
            rows = [f"{path}:{number:09}" for number in batch.numbers]
            columns[ROW] = pa.array(rows, pa.string())
            columns[LINE_FAULT] = pa.array(batch.faults, pa.string())
            empty = pa.nulls(len(rows), pa.string())
            arrays = [columns.get(name, empty) for name in schema.names]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)
