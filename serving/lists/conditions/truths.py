"""Read for whom a test of a condition holds: one bit a customer, in the order of the snapshot.

The files of a snapshot and its scores have the same customers in the same order. So only the
columns that are asked for are read, side by side by position, without a join by customer
(docs/adr/0048). Files are verified once a process: by their hashes, and by the order of their
customers. Truths are remembered, so that of a condition that is being edited only what is new is
read.
"""

import threading
from collections import OrderedDict
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

import duckdb
import pyarrow as pa

from features.errors import GuanjiaError, InputError
from features.lake import Lake
from features.progress_bar import hide_progress_bar
from features.publishing import FileVersion, version_of
from features.snapshots.snapshots import Snapshot
from features.snapshots.tag_columns import forget_hashes, snapshot_files
from features.sql import quoted, sql_text
from features.tags.catalogue import catalogue
from serving.predictions.scores_file import score_columns, scores_path

INCOMPARABLE = (
    "条件",
    "比较了不能比较的取值",
    "数字与数字比，文字与文字比，日期写成 '2026-06-30'",
)
"""What an error of the database over a condition says in Chinese."""

THREADS = 2
MEMORY = "1GB"
MOST_BYTES = 64 * 2**20
"""Bytes of truths that are remembered: 256 tests of a million customers."""


def read_truths(
    lake: Lake, snapshot: Snapshot, tests: Mapping[str, Collection[str]]
) -> dict[str, pa.BooleanArray]:
    """Read for whom tests hold; null where that is unknown.

    Parameters
    ----------
    lake : Lake
        The home with the snapshot and, if a test names a score, the scores.
    snapshot : Snapshot
        The snapshot whose customers are tested.
    tests : mapping of str to collection of str
        Tests in SQL over tags and scores, as `compile_condition` writes them, each with the
        columns that it reads.

    Returns
    -------
    dict of str to pyarrow.BooleanArray, shape (customers,)
        By test, in the order of the snapshot's customers.

    Raises
    ------
    GuanjiaError
        If there are no scores, the files do not belong together, or a test compares unlike things.
    """
    if not tests:
        return {}
    places = _places(lake, snapshot, {name for names in tests.values() for name in names})
    versions = {path: version_of(path) for path in places.values()}
    _check_customers(lake, snapshot, [*versions.values()])
    keys = {
        test: (
            snapshot.snapshot_id,
            tuple(versions[path] for path in sorted({places[name] for name in names})),
            test,
        )
        for test, names in tests.items()
    }
    truths = {test: _REMEMBERED.get(key) for test, key in keys.items()}
    together: dict[frozenset[Path], list[str]] = {}
    for test in (test for test, truth in truths.items() if truth is None):
        together.setdefault(frozenset(places[name] for name in tests[test]), []).append(test)
    # Tests of one file by themselves: the engine reads files side by side in one thread.
    for missing in together.values():
        columns: dict[Path, set[str]] = {}
        for name in (name for test in missing for name in tests[test]):
            columns.setdefault(places[name], set()).add(name)
        for test, truth in zip(missing, _evaluate(missing, columns), strict=True):
            _REMEMBERED.put(keys[test], truth)
            truths[test] = truth
    return {test: truth for test, truth in truths.items() if truth is not None}


def _evaluate(
    tests: Sequence[str], columns: Mapping[Path, Collection[str]]
) -> Iterator[pa.BooleanArray]:
    """Evaluate tests over columns of files; those of several files are read side by side."""
    truths = ", ".join(f"({test}) AS p{place}" for place, test in enumerate(tests))
    parts = [
        f"(SELECT {', '.join(map(quoted, sorted(names)))} FROM read_parquet({sql_text(path)})) f{n}"
        for n, (path, names) in enumerate(columns.items())
    ]
    query = f"SELECT {truths} FROM {' POSITIONAL JOIN '.join(parts)}"
    try:
        table = _engine().cursor().execute(query).to_arrow_table()
    except (duckdb.ConversionException, duckdb.BinderException) as error:
        first = str(error).splitlines()[0]
        fault = f"compares what cannot be compared ({first})"
        cure = "compare numbers with numbers, texts with texts, dates with '2026-06-30'"
        raise InputError("condition", fault, cure, chinese=INCOMPARABLE) from None
    return (column.cast(pa.bool_()).combine_chunks() for column in table.columns)


def _places(lake: Lake, snapshot: Snapshot, names: Collection[str]) -> dict[str, Path]:
    """Find the file of each column: the scores, where they have it, as lists read it."""
    scores = scores_path(lake, snapshot.day)
    of_scores = sorted({*score_columns()} & {*names})
    if not scores.exists():
        of_scores = [name for name in of_scores if name not in catalogue()]
        if of_scores:
            raise GuanjiaError(
                f"scores of {snapshot.as_of}",
                "are not there",
                f"run `guanjia score --as-of {snapshot.as_of}`",
                chinese=(f"{snapshot.as_of} 的客户评分", "没有", "请运行人员对这一天评分"),
            )
    files = snapshot_files(lake, snapshot, sorted({*names} - {*of_scores}))
    places = {tag: path for path, tags in files.values() for tag in tags}
    if of_scores:
        _check_scores(snapshot, version_of(scores))
    return places | dict.fromkeys(of_scores, scores)


def _check_customers(lake: Lake, snapshot: Snapshot, versions: Sequence[FileVersion]) -> None:
    """Refuse files that do not have the same customers in the same order."""
    first = _customers(versions[0])
    for version in versions:
        if _customers(version) != first or first.rows != snapshot.customers:
            raise GuanjiaError(
                f"file {version.path.relative_to(lake.data)}",
                f"has other customers than the snapshot of {snapshot.as_of}",
                f"run `guanjia tags --as-of {snapshot.as_of}` and `guanjia score` again",
                chinese=(
                    f"{snapshot.as_of} 的标签与评分",
                    "不是同一批客户的",
                    "请运行人员重新计算这一天的标签和评分",
                ),
            )


class _Customers(NamedTuple):
    """How many customers a file has, and a mark of who they are, in their order."""

    rows: int
    mark: int


@lru_cache(maxsize=256)
def _customers(version: FileVersion) -> _Customers:
    """Mark the customers of a file in their order; read once a version."""
    path = sql_text(version.path)
    query = (
        "SELECT count(*), coalesce(bit_xor(hash(concat(customer_id, ':', file_row_number))), 0) "
        f"FROM read_parquet({path}, file_row_number = true)"
    )
    rows, mark = _engine().cursor().execute(query).fetchone() or (0, 0)
    return _Customers(rows, mark)


def _check_scores(snapshot: Snapshot, version: FileVersion) -> None:
    if _snapshots_of(version) - {snapshot.snapshot_id, *snapshot.former_ids}:
        cure = f"run `guanjia score --as-of {snapshot.as_of}` again"
        fault = "were made from an earlier snapshot"
        chinese = (
            f"{snapshot.as_of} 的客户评分",
            "不是由这一天现有的标签算出的",
            "请运行人员重新对这一天评分",
        )
        raise GuanjiaError(f"scores of {snapshot.as_of}", fault, cure, chinese=chinese)


@lru_cache(maxsize=16)
def _snapshots_of(version: FileVersion) -> frozenset[str]:
    query = f"SELECT DISTINCT snapshot_id FROM read_parquet({sql_text(version.path)})"
    return frozenset(row[0] for row in _engine().cursor().execute(query).fetchall())


def snapshots_of_scores(path: Path) -> frozenset[str]:
    """Return the ids of the snapshots that scores say they are of; read once a version."""
    return _snapshots_of(version_of(path))


def has_text(path: Path, column: str, text: str) -> bool:
    """Check whether any customer has a text; read once a version of the file.

    Parameters
    ----------
    path : Path
        A file of tags or scores.
    column : str
        The column.
    text : str
        The text.
    """
    return _has_text(version_of(path), column, text)


@lru_cache(maxsize=1_024)
def _has_text(version: FileVersion, column: str, text: str) -> bool:
    query = (
        f"SELECT 1 FROM read_parquet({sql_text(version.path)}) "
        f"WHERE CAST({quoted(column)} AS VARCHAR) = {sql_text(text)} LIMIT 1"
    )
    return _engine().cursor().execute(query).fetchone() is not None


def places_of(lake: Lake, snapshot: Snapshot, customers: Collection[str]) -> pa.Int64Array:
    """Find the places of customers in the order of truths; who is not in it has none.

    Parameters
    ----------
    lake : Lake
        The home with the snapshot.
    snapshot : Snapshot
        The snapshot whose customers are tested.
    customers : collection of str
        The customers.
    """
    path = lake.data / next(iter(snapshot.files.values()))["path"]
    cursor = _engine().cursor()
    cursor.register("asked", pa.table({"customer_id": pa.array(customers, pa.string())}))
    query = (
        f"SELECT file_row_number FROM read_parquet({sql_text(path)}, file_row_number = true) "
        "SEMI JOIN asked USING (customer_id)"
    )
    try:
        return cursor.execute(query).to_arrow_table()[0].combine_chunks()
    finally:
        cursor.close()


@cache
def _engine() -> duckdb.DuckDBPyConnection:
    """Open a database in memory that remembers the layout of files; threads share it."""
    engine = duckdb.connect(config={"threads": THREADS, "memory_limit": MEMORY})
    engine.execute("LOAD parquet")
    engine.execute("SET parquet_metadata_cache = true")
    engine.execute("SET TimeZone = 'UTC'")
    engine.execute("SET python_enable_replacements = false")
    hide_progress_bar(engine)
    return engine


Key = tuple[str, tuple[FileVersion, ...], str]


class _Truths:
    """Truths by snapshot, files and test; those that were asked for long ago are forgotten."""

    def __init__(self, most: int) -> None:
        self._most, self._bytes = most, 0
        self._truths: OrderedDict[Key, pa.BooleanArray] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Key) -> pa.BooleanArray | None:
        """Return the truths of a test, None if they are not remembered."""
        with self._lock:
            if key in self._truths:
                self._truths.move_to_end(key)
            return self._truths.get(key)

    def put(self, key: Key, truth: pa.BooleanArray) -> None:
        """Keep the truths of a test."""
        with self._lock:
            if key not in self._truths:
                self._truths[key] = truth
                self._bytes += truth.nbytes
            while self._bytes > self._most and len(self._truths) > 1:
                self._bytes -= self._truths.popitem(last=False)[1].nbytes

    def clear(self) -> None:
        """Forget all truths."""
        with self._lock:
            self._truths.clear()
            self._bytes = 0


_REMEMBERED = _Truths(MOST_BYTES)


def forget_truths() -> None:
    """Forget all remembered truths; a benchmark measures what is read without them."""
    _REMEMBERED.clear()


def forget_files() -> None:
    """Forget which files were verified; a benchmark measures the first count of a process."""
    _customers.cache_clear()
    _snapshots_of.cache_clear()
    forget_hashes()
