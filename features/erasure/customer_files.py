"""Parquet and CSV files with rows of customers: who is in them, and the same files without some.

A file that holds a customer is written anew as a whole: statistics, dictionaries and indexes of a
Parquet file name him too. All other rows stay as they are and in their order; in a CSV file their
very bytes do.
"""

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.erasure.belongings import CUSTOMER_COLUMNS, REFERENCES, Belongings
from features.errors import GuanjiaError
from features.row_group_file import RowGroupFile

BATCH = 65_536


def columns_of(path: Path) -> list[str]:
    """The columns of a Parquet or CSV file that say whose its rows are.

    Raises
    ------
    GuanjiaError
        If the file cannot be read.
    """
    with _readable(path):
        if path.suffix == ".parquet":
            names = pq.read_schema(path).names
        else:
            with _opened(path) as file:
                names = _header(next(csv.reader(file), []))
        return [name for name in (*CUSTOMER_COLUMNS, *REFERENCES) if name in names]


def rows_of(path: Path, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Some columns of a file, as texts where it is CSV.

    Raises
    ------
    GuanjiaError
        If the file cannot be read.
    """
    with _readable(path):
        if path.suffix == ".parquet":
            with pq.ParquetFile(path) as file:
                yield from file.iter_batches(BATCH, columns=list(columns))
            return
        some: list[dict[str, str]] = []
        for row, _ in _csv_rows(path):
            some.append(row)
            if len(some) == BATCH:
                yield _texts(some, columns)
                some = []
        yield _texts(some, columns)


def customers_in(path: Path) -> set[str]:
    """Every customer whom a file names."""
    columns = [name for name in columns_of(path) if name in CUSTOMER_COLUMNS]
    found: set[str] = set()
    for batch in rows_of(path, columns) if columns else ():
        for column in batch.columns:
            found.update(str(one).strip() for one in pc.unique(column).to_pylist() if one)
    return found


def holds(path: Path, belongings: Belongings) -> bool:
    """Whether any row of a file is one of these customers'."""
    columns = columns_of(path)
    if not columns:
        return False
    if path.suffix == ".parquet":
        with _readable(path), pq.ParquetFile(path) as file:
            groups = [
                group
                for group in range(file.num_row_groups)
                if _may_hold(file.metadata.row_group(group), columns, belongings)
            ]
            return any(
                belongings.owners(batch).null_count < batch.num_rows
                for batch in file.iter_batches(BATCH, groups, columns)
            )
    return any(
        belongings.owners(batch).null_count < batch.num_rows for batch in rows_of(path, columns)
    )


def write_without(path: Path, draft: Path, belongings: Belongings) -> Counter[str]:
    """Write a file anew without the rows of these customers; how many each of them had."""
    with _readable(path):
        if path.suffix == ".parquet":
            return _parquet_without(path, draft, belongings)
        return _csv_without(path, draft, belongings)


def _parquet_without(path: Path, draft: Path, belongings: Belongings) -> Counter[str]:
    gone: Counter[str] = Counter()
    with pq.ParquetFile(path) as file:
        about = file.metadata
        groups = [about.row_group(group) for group in range(about.num_row_groups)]
        size = max((group.num_rows for group in groups), default=BATCH)
        packed = groups[0].column(0).compression.lower() if groups else "zstd"
        packed = "none" if packed == "uncompressed" else packed
        with RowGroupFile(draft, file.schema_arrow, size, packed) as kept:
            for batch in file.iter_batches(BATCH):
                owners = belongings.owners(batch)
                gone.update(owners.drop_null().to_pylist())
                kept.write([batch.filter(pc.is_null(owners))])
    return gone


def _csv_without(path: Path, draft: Path, belongings: Belongings) -> Counter[str]:
    gone: Counter[str] = Counter()
    with draft.open("w", encoding="utf-8", errors="surrogateescape", newline="") as kept:
        for row, text in _csv_rows(path, head=kept):
            owner = belongings.owner(row)
            if owner is None:
                kept.write(text)
            else:
                gone[owner] += 1
    return gone


def _csv_rows(path: Path, head: TextIO | None = None) -> Iterator[tuple[dict[str, str], str]]:
    """Rows by the names of their columns, each with its text; the header's text goes to `head`."""
    with _opened(path) as file:
        taken: list[str] = []

        def lines() -> Iterator[str]:
            for line in file:
                taken.append(line)
                yield line

        names: list[str] | None = None
        for cells in csv.reader(lines()):
            text = "".join(taken)
            taken.clear()
            if names is None:
                names = _header(cells)
                if head is not None:
                    head.write(text)
            else:
                # An apostrophe keeps a spreadsheet from taking a number for a formula.
                row = zip(names, (cell.removeprefix("'") for cell in cells), strict=False)
                yield dict(row), text


def _header(cells: Sequence[str]) -> list[str]:
    return [cell.removeprefix("\ufeff").strip() for cell in cells]


def _texts(rows: Sequence[dict[str, str]], columns: Sequence[str]) -> pa.RecordBatch:
    values = {name: pa.array([row.get(name) for row in rows], pa.string()) for name in columns}
    return pa.RecordBatch.from_pydict(values)


def _may_hold(group: pq.RowGroupMetaData, columns: Sequence[str], belongings: Belongings) -> bool:
    """Whether the statistics of a row group allow a row of these customers in it."""
    for place in range(group.num_columns):
        column = group.column(place)
        if column.path_in_schema != "customer_id":
            continue
        about = column.statistics
        if about is None or not about.has_min_max or not isinstance(about.min, str):
            return True
        if about.null_count != 0 and len(columns) > 1:
            return True  # whoever is not named may be known by a policy
        # Delivered numbers may be empty or have blanks around them, which sort elsewhere: before
        # all other signs, or, the wide ones of Chinese, after ASCII.
        least, most = about.min, about.max
        plain = "!" <= least == least.strip() and "~" >= most == most.strip()
        return not plain or any(least <= one <= most for one in belongings.customers)
    return True


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    """A CSV file, whatever its bytes are: they can be written back as they were."""
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        yield file


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowInvalid, OSError, csv.Error) as error:
        if isinstance(error, FileNotFoundError):
            raise
        first = (str(error).splitlines() or ["no reason given"])[0]
        cure = "mend the file or remove it, and do it again"
        raise GuanjiaError(f"file {path}", f"cannot be read ({first})", cure) from error
