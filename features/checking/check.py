"""Hold raw rows against their contracts: good rows go on, bad rows wait with every reason.

Each row of `raw/<table>` ends in `checked/<table>.parquet`, typed, with the civil days of its
instants and `superseded_at`, or in `quarantine/<table>.parquet`, as it was delivered and with the
sentences of all rules it breaks.
"""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pyarrow as pa

from features.checking.erased_rows import LeftOut
from features.contracts.contract import Contract
from features.contracts.contract_sql import civil_columns, sql_type
from features.contracts.rules import AS_DELIVERED, broken_rules, disagreement, sentences
from features.contracts.tables import CONTRACTS
from features.erased import Erased
from features.errors import GuanjiaError
from features.events.inbox import EventInbox
from features.events.versions import merged, staged
from features.lake import Lake
from features.lake.known_at import superseded_sql
from features.progress import Report, quiet
from features.publishing import published
from features.sql import quoted, sql_text

SOURCE, TYPED, JUDGED, REPEATED = "check_source", "check_typed", "check_judged", "check_repeated"
ROW = "_row"
ROW_GROUP = 20_480
"""Rows of a Parquet row group: small enough that the rows of one customer are found fast."""
Rows = Iterable[pa.RecordBatch]
REPEATS = "the row repeats another row"


@dataclass(frozen=True)
class TableCheck:
    """What the check of one table found.

    Attributes
    ----------
    table : str
        The table's name.
    rows, good, bad : int
        Rows delivered, gone on and held back; always `rows == good + bad`.
    erased : int
        Rows beside these that are of erased customers and went nowhere.
    reasons : dict of str to int
        Broken rule, as a sentence, -> rows that break it. A row can break several.
    extra_columns : tuple of str
        Columns delivered that the contract does not know; ignored.
    absent_columns : tuple of str
        Nullable columns that were not delivered; they read null.
    """

    table: str
    rows: int
    good: int
    bad: int
    erased: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    extra_columns: tuple[str, ...] = ()
    absent_columns: tuple[str, ...] = ()


def check_tables(lake: Lake, report: Report = quiet) -> list[TableCheck]:
    """Check every raw table that is there, customers first, with the rows that events made.

    Parameters
    ----------
    lake : Lake
        Where raw tables lie and checked ones go.
    report : Report
        Told after each table.

    Raises
    ------
    GuanjiaError
        If a required table or column is missing, or a table comes in two formats at once.
    """
    delivered = {name: _files(lake, name) for name in CONTRACTS}
    inbox = EventInbox(lake)
    told = inbox.tables()
    for name, contract in CONTRACTS.items():
        if contract.required and not delivered[name]:
            raise GuanjiaError(
                f"table {name}",
                f"has no Parquet or CSV file in {lake.raw(name)}",
                "deliver it there, or make one with `guanjia simulate`",
            )
    names = [name for name in CONTRACTS if delivered[name] or name in told]
    names.sort(key=lambda name: name != "customers")
    checks = []
    erased = Erased(lake.settings)
    left_out = LeftOut(lake, erased) if erased else None
    for done, name in enumerate(names):
        report("check", done, len(names))
        events = inbox.rows(name) if name in told else None
        checks.append(_check(lake, CONTRACTS[name], delivered[name], events, left_out))
    if left_out is not None:
        left_out.forget()
    for name in set(CONTRACTS) - set(names):
        # A table that is no longer delivered must not live on from an earlier check.
        lake.checked(name).unlink(missing_ok=True)
        lake.quarantine(name).unlink(missing_ok=True)
    report("check", len(names), len(names))
    return checks


def _files(lake: Lake, table: str) -> list[Path]:
    """The raw files of a table, all Parquet or all CSV."""
    folder = lake.raw(table)
    parquet, csv = (sorted(folder.glob(f"*.{suffix}")) for suffix in ("parquet", "csv"))
    if parquet and csv:
        raise GuanjiaError(
            f"table {table}", f"has both Parquet and CSV files in {folder}", "keep one of the two"
        )
    return parquet or csv


def _check(
    lake: Lake,
    contract: Contract,
    files: list[Path],
    events: Rows | None = None,
    left_out: LeftOut | None = None,
) -> TableCheck:
    with _source(lake, contract, files, events, left_out) as (found, extra, absent):
        _type(lake, contract, found)
        _mark_repeated(lake, contract)
        _judge(lake, contract)
        columns = ", ".join(quoted(name) for name in contract.columns)
        order = ", ".join(
            quoted(name)
            for name in dict.fromkeys(["customer_id", contract.key, "recorded_at"])
            if name in contract.columns
        )
        zone = sql_text(lake.settings.timezone)
        days = civil_columns(contract, lake.settings.timezone)
        kept = f"SELECT {columns}, {ROW} FROM {JUDGED} WHERE len(reasons) = 0"
        if events is not None:
            kept = merged(contract, kept, ROW)
        good_rows = (
            f"SELECT {columns}, {days}, {superseded_sql(contract)} FROM ({kept}) ORDER BY {order}"
        )
        as_found = ", ".join(f"{quoted(AS_DELIVERED + name)} AS {quoted(name)}" for name in found)
        bad_rows = f"SELECT {as_found}, reasons FROM {JUDGED} WHERE len(reasons) > 0 ORDER BY ALL"
        with (
            published(lake.checked(contract.name)) as good_draft,
            published(lake.quarantine(contract.name)) as bad_draft,
        ):
            _copy(lake, good_rows, good_draft, f", KV_METADATA {{timezone: {zone}}}")
            _copy(lake, bad_rows, bad_draft)
            rows = _count(lake, f"SELECT count(*) FROM {SOURCE}")
            good = _count(lake, f"SELECT count(*) FROM read_parquet({sql_text(good_draft)})")
            bad = _count(lake, f"SELECT count(*) FROM read_parquet({sql_text(bad_draft)})")
            reasons = reasons_of(lake, bad_draft)
            if rows != good + bad:
                raise GuanjiaError(
                    f"table {contract.name}",
                    f"changed while it was checked: {rows} rows became {good} + {bad}",
                    "run `guanjia check` again when its delivery is complete",
                )
    erased = left_out.rows[contract.name] if left_out is not None else 0
    return TableCheck(contract.name, rows, good, bad, erased, reasons, tuple(extra), tuple(absent))


def reasons_of(lake: Lake, quarantined: Path) -> dict[str, int]:
    """Broken rule, as a sentence, -> rows of a quarantine file that break it; most first."""
    counted = _fetch(
        lake,
        "SELECT reason, count(*) FROM (SELECT unnest(reasons) AS reason FROM"
        f" read_parquet({sql_text(quarantined)})) GROUP BY reason ORDER BY 2 DESC, 1",
    )
    return {str(reason): int(str(number)) for reason, number in counted}


@contextmanager
def _source(
    lake: Lake,
    contract: Contract,
    files: list[Path],
    events: Rows | None,
    left_out: LeftOut | None,
) -> Iterator[tuple[dict[str, str], list[str], list[str]]]:
    """The relation SOURCE: rows as delivered and a row identity; yields its columns and types."""
    sql = lake.engine.raw_sql
    kind, select = _delivered(files)
    with ExitStack() as stack:
        missing: list[str] = []
        if files:
            columns = _described(lake, select)
            missing = [name for name in contract.columns if name not in columns]
        for name in missing:
            if not contract.declared[name].nullable:
                raise GuanjiaError(
                    f"table {contract.name}", f"has no column {name}", f"deliver {name} too"
                )
        if events is not None:
            told = stack.enter_context(staged(lake, contract, events, ROW))
            select = f"{select} UNION ALL BY NAME {told}" if files else told
        if left_out is not None:
            select = left_out.without(contract, select, list(_described(lake, select)))
        sql(f"CREATE OR REPLACE TEMP {kind} {SOURCE} AS {select}")
        try:
            found = _described(lake, f"FROM {SOURCE}")
            yield found, [name for name in found if name not in contract.columns], missing
        finally:
            for view in (JUDGED, TYPED):
                sql(f"DROP VIEW IF EXISTS {view}")
            sql(f"DROP TABLE IF EXISTS {REPEATED}")
            sql(f"DROP {kind} IF EXISTS {SOURCE}")


def _delivered(files: list[Path]) -> tuple[str, str]:
    """Rows of files with their identity as SQL, and whether that is for a view or for a table."""
    paths = "[" + ", ".join(sql_text(path) for path in files) + "]"
    if not files or files[0].suffix == ".parquet":
        return "VIEW", (
            "SELECT * EXCLUDE (filename, file_row_number), filename || ':' || file_row_number AS"
            f" {ROW} FROM read_parquet({paths}, union_by_name=true, filename=true,"
            " file_row_number=true)"
        )
    # Text first, types by the contract afterwards: a cell that does not fit costs its row,
    # not the delivery. A table, because CSV rows have no number of their own.
    return "TABLE", (
        f"SELECT *, row_number() OVER () AS {ROW} FROM read_csv({paths}, header=true,"
        " delim=',', quote='\"', escape='\"', all_varchar=true, union_by_name=true, nullstr='')"
    )


def _described(lake: Lake, query: str) -> dict[str, str]:
    """Columns and types of what a query gives, without the row identity."""
    described = _fetch(lake, f"DESCRIBE {query}")
    return {str(name): str(type_) for name, type_, *_ in described if name != ROW}


def _type(lake: Lake, contract: Contract, found: dict[str, str]) -> None:
    """The view TYPED: contract columns cast, beside the cells as found."""
    parts = [ROW, *(f"{quoted(name)} AS {quoted(AS_DELIVERED + name)}" for name in found)]
    for name, type_ in contract.columns.items():
        target = sql_type(type_)
        cell = f"s.{quoted(name)}" if name in found else "NULL"
        cast = f"TRY_CAST({cell} AS {target})"
        if isinstance(type_, dt.Integer) and found.get(name) != target:
            # DuckDB rounds 3.7 to 4; a count that is no whole number is a fault, not a four.
            cast = f"CASE WHEN TRY_CAST({cell} AS DOUBLE) = {cast} THEN {cast} END"
        if isinstance(type_, dt.Floating | dt.Date | dt.Timestamp):
            cast = f"CASE WHEN isfinite({cast}) THEN {cast} END"
        parts.append(f"{cast} AS {quoted(name)}")
    lake.engine.raw_sql(
        f"CREATE OR REPLACE TEMP VIEW {TYPED} AS SELECT {', '.join(parts)} FROM {SOURCE} s"
    )


def _mark_repeated(lake: Lake, contract: Contract) -> None:
    """The table REPEATED: rows that share key and `recorded_at`, each with its reason."""
    key = quoted(contract.key)
    whole = ", ".join(quoted(name) for name in contract.columns)
    lake.engine.raw_sql(
        f"""
        CREATE OR REPLACE TEMP TABLE {REPEATED} AS
        WITH shared AS (
            SELECT {key} AS k, recorded_at AS r FROM {TYPED}
            WHERE k IS NOT NULL AND r IS NOT NULL GROUP BY ALL HAVING count(*) > 1
        ), numbered AS (
            SELECT {ROW}, {key} AS k, recorded_at AS r,
                row_number() OVER (PARTITION BY {whole} ORDER BY {ROW}) AS n,
                row({whole})::VARCHAR AS content
            FROM {TYPED} SEMI JOIN shared ON {key} = k AND recorded_at = r
        ), judged AS (
            SELECT *, min(content) OVER w <> max(content) OVER w AS disagree
            FROM numbered WINDOW w AS (PARTITION BY k, r)
        )
        SELECT {ROW} AS repeated_row,
            CASE WHEN disagree THEN {sql_text(disagreement(contract))}
                ELSE {sql_text(REPEATS)} END AS fault
        FROM judged WHERE disagree OR n > 1
        """
    )


def _judge(lake: Lake, contract: Contract) -> None:
    """The view JUDGED: TYPED and `reasons`, the sentences of all rules a row breaks."""
    row: ir.Table = lake.engine.table(TYPED)
    repeated = lake.engine.table(REPEATED)
    row = row.left_join(repeated, row[ROW] == repeated.repeated_row).drop("repeated_row")
    owned = "customer_id" in contract.columns and contract.name != "customers"
    if owned:
        known = lake.engine.read_parquet(str(lake.checked("customers")))
        known = known.select(known_id=known.customer_id).distinct()
        row = row.left_join(known, row.customer_id == known.known_id)
    broken = broken_rules(contract, row)
    broken += [(sentence, row.fault == sentence) for sentence in (REPEATS, disagreement(contract))]
    if owned:
        unknown = row.customer_id.notnull() & row.known_id.isnull()
        broken.append(("customer_id is not a known customer", unknown))
    judged = row.mutate(reasons=sentences(broken))
    lake.engine.raw_sql(f"CREATE OR REPLACE TEMP VIEW {JUDGED} AS {ibis.to_sql(judged, 'duckdb')}")


def _copy(lake: Lake, query: str, path: Path, more: str = "") -> None:
    lake.engine.raw_sql(
        f"COPY ({query}) TO {sql_text(path)} (FORMAT parquet, COMPRESSION zstd, "
        f"ROW_GROUP_SIZE {ROW_GROUP}{more})"
    )


def _fetch(lake: Lake, query: str) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = lake.engine.raw_sql(query).fetchall()
    return rows


def _count(lake: Lake, query: str) -> int:
    (row,) = _fetch(lake, query)
    return int(str(row[0]))
