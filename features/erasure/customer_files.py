"""Read which customers a Parquet or CSV file names, and rewrite the file without some of them.

A file that holds a customer is rewritten as a whole, because statistics, dictionaries and indexes
of a Parquet file name them too. All other rows keep their values and order; in a CSV file, their
bytes.
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
    """List the columns of a Parquet or CSV file that say to whom its rows belong.

    Raises
    ------
    GuanjiaError
        If the file cannot be read.
    """
    with _readable(path):
        if path.suffix.lower() == ".parquet":
            names = pq.read_schema(path).names
        else:
            with _opened(path) as file:
                names = _header(next(csv.reader(file), []))
        return [name for name in (*CUSTOMER_COLUMNS, *REFERENCES) if name in names]


def rows_of(path: Path, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Read columns of a file in batches of at most 65,536 rows; a CSV file gives texts.

    Raises
    ------
    GuanjiaError
        If the file cannot be read.
    """
    with _readable(path):
        if path.suffix.lower() == ".parquet":
            with pq.ParquetFile(path) as file:
                yield from file.iter_batches(BATCH, columns=list(columns))
            return
        waiting: list[dict[str, str]] = []
        for row, _, _ in _csv_rows(path):
            waiting.append(row)
            if len(waiting) == BATCH:
                yield _texts(waiting, columns)
                waiting = []
        yield _texts(waiting, columns)


def customers_in(path: Path) -> set[str]:
    """Collect the ids of all customers that a file names."""
    columns = [name for name in columns_of(path) if name in CUSTOMER_COLUMNS]
    customers: set[str] = set()
    for batch in rows_of(path, columns) if columns else ():
        for column in batch.columns:
            customers.update(str(value).strip() for value in pc.unique(column).to_pylist() if value)
    return customers


def holds(path: Path, belongings: Belongings) -> bool:
    """Check whether any row of a file belongs to one of the customers."""
    columns = columns_of(path)
    if not columns:
        return False
    if path.suffix.lower() == ".parquet":
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
    with _readable(path):
        return any(_owner(row, torn, belongings) is not None for row, _, torn in _csv_rows(path))


def write_without(path: Path, draft: Path, belongings: Belongings) -> Counter[str]:
    """Write a copy of a file without the rows of the customers, and count the rows of each.

    Parameters
    ----------
    path : Path
        The Parquet or CSV file to read; it stays as it is.
    draft : Path
        Where the copy is written.
    belongings : Belongings
        The customers, and what belongs to them.

    Returns
    -------
    Counter of str
        Rows left out, by customer.

    Raises
    ------
    GuanjiaError
        If the file cannot be read.
    """
    with _readable(path):
        if path.suffix.lower() == ".parquet":
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
        with RowGroupFile(draft, file.schema_arrow, size, packed) as remaining:
            for batch in file.iter_batches(BATCH):
                owners = belongings.owners(batch)
                gone.update(owners.drop_null().to_pylist())
                remaining.write([batch.filter(pc.is_null(owners))])
    return gone


def _csv_without(path: Path, draft: Path, belongings: Belongings) -> Counter[str]:
    gone: Counter[str] = Counter()
    with draft.open("w", encoding="utf-8", errors="surrogateescape", newline="") as remaining:
        for row, text, torn in _csv_rows(path, head=remaining):
            owner = _owner(row, torn, belongings)
            if owner is None:
                remaining.write(text)
            else:
                gone[owner] += 1
    return gone


def _owner(row: dict[str, str], torn: list[str], belongings: Belongings) -> str | None:
    """Return the customer of a row of a CSV file; of a torn line: whom one of its cells names."""
    return belongings.named_by(torn) if torn else belongings.owner(row)


def _csv_rows(
    path: Path, head: TextIO | None = None
) -> Iterator[tuple[dict[str, str], str, list[str]]]:
    """Yield rows by the names of their columns, each with its text and, of a torn line, its cells.

    A line is torn if it has more or fewer cells than the header, whose text goes to `head`.
    """
    with _opened(path) as file:
        consumed: list[str] = []

        def lines() -> Iterator[str]:
            for line in file:
                consumed.append(line)
                yield line

        names: list[str] | None = None
        for cells in csv.reader(lines()):
            text = "".join(consumed)
            consumed.clear()
            if names is None:
                names = _header(cells)
                if head is not None:
                    head.write(text)
            else:
                # An apostrophe keeps a spreadsheet from taking a number for a formula.
                plain = [cell.removeprefix("'") for cell in cells]
                torn = len(plain) != len(names) and text.count("\n") <= 1
                yield dict(zip(names, plain, strict=False)), text, plain if torn else []


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
            return True  # a customer who is not named may still own the policy
        # Delivered ids may be empty or have blanks around them, which sort elsewhere: before all
        # other characters, or, the wide blank of Chinese, after ASCII.
        least, most = about.min, about.max
        plain = "!" <= least == least.strip() and "~" >= most == most.strip()
        return not plain or any(least <= customer <= most for customer in belongings.customers)
    return True


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    """Open a CSV file of any bytes, such that they can be written back unchanged."""
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
        cure = "repair the file or remove it, then run the command again"
        raise GuanjiaError(f"file {path}", f"cannot be read ({first})", cure) from error
