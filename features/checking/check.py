"""Check raw rows against their contracts: publish good rows, quarantine bad rows with reasons.

Each row of `raw/<table>` ends in `checked/<table>.parquet`, typed, with the civil days of its
instants and `superseded_at`, or in `quarantine/<table>.parquet`, as it was delivered and with the
sentences of all rules it breaks.
"""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import ibis.expr.types as ir
import pyarrow as pa

from features.checking.erased_rows import ErasedRowFilter
from features.checking.owners import OWNERS, find_owners, has_owner
from features.checking.queries import BROKEN, ROW, SOURCE, TYPED, copy_rows, count, described, fetch
from features.checking.typed_rows import REPEATED, REPEATS, drop_typed, type_rows
from features.contracts.contract import Contract
from features.contracts.contract_sql import civil_columns
from features.contracts.rules import (
    AS_DELIVERED,
    broken_rules,
    contradictions,
    disagreement,
    sentences,
)
from features.contracts.tables import CONTRACTS
from features.erased import Erased
from features.errors import GuanjiaError
from features.events.inbox import EventInbox
from features.events.versions import merged, staged
from features.lake import Lake
from features.lake.compiled import compile_once
from features.lake.known_at import superseded_sql
from features.progress import Report, quiet
from features.publishing import published
from features.sql import quoted, sql_text

ODD, KNOWN = "check_odd", "check_known"
Rows = Iterable[pa.RecordBatch]


@dataclass(frozen=True)
class TableCheck:
    """The result of checking one table.

    Attributes
    ----------
    table : str
        The table's name.
    rows, good, bad : int
        Rows delivered, published and quarantined; always `rows == good + bad`.
    erased : int
        Rows of erased customers, which were dropped; not counted in `rows`.
    reasons : dict of str to int
        Broken rule, as a sentence, -> rows that break it. A row can break several.
    extra_columns : tuple of str
        Delivered columns that the contract does not know; ignored.
    absent_columns : tuple of str
        Nullable columns that were not delivered; they are null.
    notes : dict of str to int
        What is odd about published rows and how they count, as a sentence -> rows.
    """

    table: str
    rows: int
    good: int
    bad: int
    erased: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    extra_columns: tuple[str, ...] = ()
    absent_columns: tuple[str, ...] = ()
    notes: dict[str, int] = field(default_factory=dict)


def check_tables(lake: Lake, report: Report = quiet) -> list[TableCheck]:
    """Check every raw table that was delivered, together with the rows of events.

    Parameters
    ----------
    lake : Lake
        The home: raw tables are read from it, checked ones written to it.
    report : Report
        Progress: called with a step, tables done and tables in all.

    Returns
    -------
    list of TableCheck
        One a table, `customers` first.

    Raises
    ------
    GuanjiaError
        If a required table or column is missing, or a table comes in two formats at once.
    """
    delivered = {name: _files(lake, name) for name in CONTRACTS}
    inbox = EventInbox(lake)
    event_tables = inbox.tables()
    for name, contract in CONTRACTS.items():
        if contract.required and not delivered[name]:
            raise GuanjiaError(
                f"table {name}",
                f"has no Parquet or CSV file in {lake.raw(name)}",
                "deliver it there, or make one with `guanjia simulate`",
            )
    names = [name for name in CONTRACTS if delivered[name] or name in event_tables]
    names.sort(key=lambda name: name != "customers")
    checks = []
    erased = Erased(lake.settings)
    erased_rows = ErasedRowFilter(lake, erased) if erased else None
    for done, name in enumerate(names):
        report("check", done, len(names))
        events = inbox.rows(name) if name in event_tables else None
        checks.append(_check(lake, CONTRACTS[name], delivered[name], events, erased_rows))
    if erased_rows is not None:
        erased_rows.close()
    for name in set(CONTRACTS) - set(names):
        # The rows of an earlier check go if the table is no longer delivered.
        lake.checked(name).unlink(missing_ok=True)
        lake.quarantine(name).unlink(missing_ok=True)
    report("check", len(names), len(names))
    return checks


def _files(lake: Lake, table: str) -> list[Path]:
    """List the raw files of a table, all Parquet or all CSV."""
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
    erased_rows: ErasedRowFilter | None = None,
) -> TableCheck:
    with _source(lake, contract, files, events, erased_rows) as (types, extra, absent):
        type_rows(lake, contract, types)
        _find_broken(lake, contract)
        columns = ", ".join(quoted(name) for name in contract.columns)
        notes = find_owners(lake, contract)
        order = ", ".join(
            quoted(name)
            for name in dict.fromkeys(["customer_id", contract.key, "recorded_at"])
            if name in contract.columns
        )
        zone = sql_text(lake.settings.timezone)
        days = civil_columns(contract, lake.settings.timezone)
        valid, left_out = _valid(lake, contract)
        if events is not None:
            valid = merged(contract, valid, ROW)
        good_rows = (
            f"SELECT {columns}, {days}, {superseded_sql(contract)} FROM ({valid}) ORDER BY {order}"
        )
        delivered = ", ".join(f"{quoted(AS_DELIVERED + name)} AS {quoted(name)}" for name in types)
        bad_rows = (
            f"SELECT {delivered}, reasons FROM {TYPED} JOIN {BROKEN} USING ({ROW}) ORDER BY ALL"
        )
        with (
            published(lake.checked(contract.name)) as good_draft,
            published(lake.quarantine(contract.name)) as bad_draft,
        ):
            copy_rows(lake, good_rows, good_draft, f", KV_METADATA {{timezone: {zone}}}")
            copy_rows(lake, bad_rows, bad_draft)
            rows = count(lake, f"SELECT count(*) FROM {SOURCE}")
            good = count(lake, f"SELECT count(*) FROM read_parquet({sql_text(good_draft)})")
            bad = count(lake, f"SELECT count(*) FROM read_parquet({sql_text(bad_draft)})")
            reasons = count_reasons(lake, bad_draft)
            if rows != good + bad:
                raise GuanjiaError(
                    f"table {contract.name}",
                    f"changed while it was checked: {rows} rows became {good} + {bad}",
                    "run `guanjia check` again when its delivery is complete",
                )
    erased = erased_rows.rows[contract.name] if erased_rows is not None else 0
    return TableCheck(
        table=contract.name,
        rows=rows,
        good=good,
        bad=bad,
        erased=erased,
        reasons=reasons,
        extra_columns=tuple(extra),
        absent_columns=tuple(absent),
        notes=left_out | notes,
    )


def count_reasons(lake: Lake, quarantined: Path) -> dict[str, int]:
    """Count the rows of a quarantine file by the rule they break (a sentence), most first."""
    counts = fetch(
        lake,
        "SELECT reason, count(*) FROM (SELECT unnest(reasons) AS reason FROM"
        f" read_parquet({sql_text(quarantined)})) GROUP BY reason ORDER BY 2 DESC, 1",
    )
    return {str(reason): int(str(number)) for reason, number in counts}


@contextmanager
def _source(
    lake: Lake,
    contract: Contract,
    files: list[Path],
    events: Rows | None,
    erased_rows: ErasedRowFilter | None,
) -> Iterator[tuple[dict[str, str], list[str], list[str]]]:
    """Create the relation SOURCE; yield its columns with types, extra ones, and absent ones."""
    sql = lake.engine.raw_sql
    kind, select = _delivered(files)
    with ExitStack() as stack:
        missing: list[str] = []
        if files:
            columns = described(lake, select)
            missing = [name for name in contract.columns if name not in columns]
        for name in missing:
            if not contract.declared[name].nullable:
                raise GuanjiaError(
                    f"table {contract.name}", f"has no column {name}", f"deliver {name} too"
                )
        if events is not None:
            event_rows = stack.enter_context(staged(lake, contract, events, ROW))
            select = f"{select} UNION ALL BY NAME {event_rows}" if files else event_rows
        if erased_rows is not None:
            select = erased_rows.without(contract, select, list(described(lake, select)))
        sql(f"CREATE OR REPLACE TEMP {kind} {SOURCE} AS {select}")
        try:
            types = described(lake, f"FROM {SOURCE}")
            yield types, [name for name in types if name not in contract.columns], missing
        finally:
            drop_typed(lake)
            for table in (BROKEN, ODD, OWNERS):
                sql(f"DROP TABLE IF EXISTS {table}")
            sql(f"DROP {kind} IF EXISTS {SOURCE}")


def _delivered(files: list[Path]) -> tuple[str, str]:
    """Write the query of the rows of files with their identity; say VIEW or TABLE to create."""
    paths = "[" + ", ".join(sql_text(path) for path in files) + "]"
    if not files or files[0].suffix == ".parquet":
        return "VIEW", (
            "SELECT * EXCLUDE (filename, file_row_number), filename || ':' || file_row_number AS"
            f" {ROW} FROM read_parquet({paths}, union_by_name=true, filename=true,"
            " file_row_number=true)"
        )
    # Text first, types by the contract afterwards: an invalid cell costs its row, not the
    # delivery. A table, because CSV rows have no number of their own.
    return "TABLE", (
        f"SELECT *, row_number() OVER () AS {ROW} FROM read_csv({paths}, header=true,"
        " delim=',', quote='\"', escape='\"', all_varchar=true, union_by_name=true, nullstr='')"
    )


def _find_broken(lake: Lake, contract: Contract) -> None:
    """Create the table BROKEN: bad rows with `reasons`, the sentences of all rules they break.

    Bad rows are few: the rules are asked once, and good rows are those that are not in it. ODD
    holds the rows with contradicted milestones beside them.
    """
    if _is_owned(contract):
        lake.engine.read_parquet(str(lake.checked("customers")), table_name=KNOWN)
    # The types of the delivered cells are the delivery's own.
    columns = tuple(described(lake, f"FROM {TYPED}").items())
    query = compile_once(
        lake, ("reasons", contract.name, columns), lambda: _reasoned(lake, contract)
    )
    lake.engine.raw_sql(
        f"CREATE OR REPLACE TEMP TABLE {ODD} AS SELECT * FROM ({query})"
        " WHERE len(reasons) > 0 OR len(left_out) > 0"
    )
    lake.engine.raw_sql(
        f"CREATE OR REPLACE TEMP TABLE {BROKEN} AS SELECT {ROW}, reasons FROM {ODD}"
        " WHERE len(reasons) > 0"
    )


def _valid(lake: Lake, contract: Contract) -> tuple[str, dict[str, int]]:
    """Write the query of the good rows; count the milestones that are left out, by sentence."""
    good = f"FROM {TYPED} t ANTI JOIN {BROKEN} USING ({ROW})"
    counts = fetch(
        lake,
        f"SELECT note, count(*) FROM (SELECT unnest(left_out) AS note FROM {ODD}"
        " WHERE len(reasons) = 0) GROUP BY note ORDER BY 1",
    )
    left_out = {str(note): int(str(number)) for note, number in counts}
    changed = {name: f"t.{quoted(name)}" for name in contract.columns}
    if left_out:
        good += f" LEFT JOIN {ODD} j USING ({ROW})"
        for name in contract.milestones:
            lost = (
                f"list_contains(list_transform(j.left_out, x -> split_part(x, ' ', 1)), '{name}')"
            )
            changed[name] = f"CASE WHEN {lost} IS NOT TRUE THEN t.{quoted(name)} END"
    if has_owner(contract):
        good += f" LEFT JOIN {OWNERS} o USING ({ROW})"
        changed["customer_id"] = "coalesce(o.owner, t.customer_id)"
    columns = ", ".join(f"{value} AS {quoted(name)}" for name, value in changed.items())
    return f"SELECT {columns}, {ROW} {good}", left_out


def _is_owned(contract: Contract) -> bool:
    """Check whether the rows of a table belong to customers that the check must know."""
    return "customer_id" in contract.columns and contract.name != "customers"


def _reasoned(lake: Lake, contract: Contract) -> ir.Table:
    """Express the rows of TYPED with `reasons`."""
    row: ir.Table = lake.engine.table(TYPED)
    repeated = lake.engine.table(REPEATED)
    row = row.left_join(repeated, row[ROW] == repeated.repeated_row).drop("repeated_row")
    if _is_owned(contract):
        known = lake.engine.table(KNOWN)
        known = known.select(known_id=known.customer_id).distinct()
        row = row.left_join(known, row.customer_id == known.known_id)
    broken = broken_rules(contract, row)
    broken += [(sentence, row.fault == sentence) for sentence in (REPEATS, disagreement(contract))]
    if _is_owned(contract):
        unknown = row.customer_id.notnull() & row.known_id.isnull()
        broken.append(("customer_id is not a known customer", unknown))
    left_out = [
        (f"{milestone} is left out: {sentence}", where)
        for milestone, sentence, where in contradictions(contract, row)
    ]
    return row.select(ROW, reasons=sentences(broken), left_out=sentences(left_out))
