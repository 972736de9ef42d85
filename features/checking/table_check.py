"""Check the rows of one raw table: write good rows, and bad ones with the sentences they break.

Each row ends in the draft of `checked/<table>.parquet`, typed, with the civil days of its instants
and `superseded_at`, or in that of `quarantine/<table>.parquet`, as it was delivered and with all
reasons; a row that only repeats another one is counted and dropped.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import ibis.expr.types as ir
import pyarrow as pa

from features.checking.closed_consents import closed_rows, count_closed
from features.checking.delivery import CSV_ROWS, Headings, delivered_rows
from features.checking.erased_rows import ErasedRowFilter
from features.checking.examples import find_examples, place_of
from features.checking.merged_customers import MergedCustomers
from features.checking.owners import OWNERS, find_owners, has_owner
from features.checking.queries import (
    BROKEN,
    KNOWN,
    LINE_FAULT,
    ODD,
    ROW,
    SOURCE,
    TYPED,
    copy_rows,
    count,
    described,
    fetch,
)
from features.checking.settled_rows import mark_settled
from features.checking.typed_rows import (
    REPEATED,
    count_repeats,
    drop_typed,
    has_versions,
    type_rows,
)
from features.contracts.contract import Contract
from features.contracts.contract_sql import civil_columns
from features.contracts.rules import (
    AS_DELIVERED,
    broken_rules,
    contradictions,
    disagreement,
    left_out,
    sentences,
)
from features.errors import GuanjiaError
from features.events.versions import merged, staged
from features.lake import Lake
from features.lake.compiled import compile_once
from features.lake.known_at import superseded_sql
from features.sql import quoted, sql_text

Rows = Iterable[pa.RecordBatch]
PLACE = (
    rf"regexp_extract({ROW}, '([^/]*):\d+$', 1) AS _file,"
    rf" CAST(regexp_extract({ROW}, '\d+$') AS BIGINT) AS _line"
)
"""Where a row was delivered, from its identity, as columns of the quarantine."""


@dataclass(frozen=True)
class TableCheck:
    """The result of checking one table.

    Attributes
    ----------
    table : str
        The table's name.
    rows, good, bad, repeated : int
        Rows delivered, published, quarantined, and dropped because they say what another row says;
        always `rows == good + bad + repeated + settled`.
    settled : int
        Rows that break a rule and were corrected or discarded in the quarantine since.
    erased : int
        Rows of erased customers, which were dropped; not counted in `rows`.
    reasons : dict of str to int
        Broken rule, as a sentence, -> rows that break it. A row can break several.
    extra_columns : tuple of str
        Delivered columns that the contract does not know; ignored.
    absent_columns : tuple of str
        Nullable columns that were not delivered; they are null.
    partly_absent : dict of str to list of str
        Column -> files that lack it, though other files of the table have it.
    notes : dict of str to int
        What is odd about published rows and how they count, as a sentence -> rows.
    examples : dict of str to str
        Sentence of `reasons` or `notes` -> a row of which it speaks: file, line and cell, or key.
    """

    table: str
    rows: int
    good: int
    bad: int
    repeated: int = 0
    settled: int = 0
    erased: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    extra_columns: tuple[str, ...] = ()
    absent_columns: tuple[str, ...] = ()
    partly_absent: Mapping[str, list[str]] = field(default_factory=dict)
    notes: dict[str, int] = field(default_factory=dict)
    examples: dict[str, str] = field(default_factory=dict)


def check_table(
    lake: Lake,
    contract: Contract,
    headings: Headings,
    drafts: Mapping[str, tuple[Path, Path]],
    events: Rows | None = None,
    erased_rows: ErasedRowFilter | None = None,
    merges: MergedCustomers | None = None,
) -> TableCheck:
    """Check the rows of one table, and write the drafts of its two files.

    Parameters
    ----------
    lake : Lake
        Whose engine reads and writes.
    contract : Contract
        The contract of the table.
    headings : Headings
        The delivered files with their columns.
    drafts : mapping of str to (Path, Path)
        Table -> draft of its good rows and of its bad rows; those of the tables that its rows name
        are written.
    events : iterable of pyarrow.RecordBatch, optional
        Rows of the table that events made.
    erased_rows : ErasedRowFilter, optional
        Removes the rows of erased customers.
    merges : MergedCustomers, optional
        Lets the rows of merged customers follow them.

    Raises
    ------
    GuanjiaError
        If a file is wrong as a whole, or changes while it is read.
    """
    good_draft, bad_draft = drafts[contract.name]
    checked = {name: good for name, (good, _) in drafts.items()}
    with _source(lake, contract, headings, events, erased_rows) as types:
        notes = type_rows(lake, contract, types)
        _find_broken(lake, contract, checked)
        settled = mark_settled(lake, contract.name, types)
        columns = ", ".join(quoted(name) for name in contract.columns)
        notes |= find_owners(lake, contract, checked)
        valid, lost_cells = _valid(lake, contract)
        if events is not None:
            valid = merged(contract, valid, ROW)
        closed = count_closed(lake, contract)
        if closed:
            valid = f"SELECT {columns} FROM ({valid}) UNION ALL {closed_rows(contract)}"
            notes |= closed
        published = valid if merges is None else merges.follow(contract, valid)
        alone = events is None and not closed and merges is None and not has_versions(lake)
        _write_good(lake, contract, published, good_draft, alone=alone)
        delivered = ", ".join(f"{quoted(AS_DELIVERED + name)} AS {quoted(name)}" for name in types)
        bad_rows = (
            f"SELECT {delivered}, reasons, {PLACE} FROM {TYPED} JOIN {BROKEN} USING ({ROW})"
            " WHERE NOT settled ORDER BY ALL"
        )
        copy_rows(lake, bad_rows, bad_draft)
        rows = count(lake, f"SELECT count(*) FROM {SOURCE}")
        in_file = f"SELECT count(*) FROM read_parquet({sql_text(good_draft)})"
        good = count(lake, in_file if merges is None else f"SELECT count(*) FROM ({valid})")
        good -= count(lake, f"SELECT count(*) FROM ({closed_rows(contract)})") if closed else 0
        bad = count(lake, f"SELECT count(*) FROM read_parquet({sql_text(bad_draft)})")
        repeated = count_repeats(lake)
        reasons = count_reasons(lake, bad_draft)
        examples = {sentence: place_of(first) for sentence, (_, first) in notes.items()}
        examples |= find_examples(lake, contract, [*reasons, *lost_cells])
        parts = (good, bad, repeated, settled)
        if rows != sum(parts):
            raise GuanjiaError(
                f"table {contract.name}",
                f"changed while it was checked: {rows} rows became {' + '.join(map(str, parts))}",
                "run `guanjia check` again when its delivery is complete",
            )
    erased = erased_rows.rows[contract.name] if erased_rows is not None else 0
    return TableCheck(
        table=contract.name,
        rows=rows,
        good=good,
        bad=bad,
        repeated=repeated,
        settled=settled,
        erased=erased,
        reasons=reasons,
        extra_columns=tuple(name for name in types if name not in contract.columns),
        absent_columns=headings.absent,
        partly_absent=headings.partly,
        notes=lost_cells | {sentence: number for sentence, (number, _) in notes.items()},
        examples=examples,
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
    headings: Headings,
    events: Rows | None,
    erased_rows: ErasedRowFilter | None,
) -> Iterator[dict[str, str]]:
    """Create the view SOURCE of the delivered rows; yield its columns with their types."""
    sql = lake.engine.raw_sql
    with ExitStack() as stack:
        select = delivered_rows(lake, contract, headings) if headings.by_file else ""
        if events is not None:
            event_rows = stack.enter_context(staged(lake, contract, events, ROW))
            event_rows = f"SELECT *, NULL::VARCHAR AS {LINE_FAULT} FROM ({event_rows})"
            select = f"{select} UNION ALL BY NAME {event_rows}" if select else event_rows
        if erased_rows is not None:
            names = list(described(lake, select))
            select = erased_rows.without(contract, select, names, torn=True)
        sql(f"CREATE OR REPLACE TEMP VIEW {SOURCE} AS {select}")
        try:
            yield described(lake, f"FROM {SOURCE}")
        finally:
            drop_typed(lake)
            for table in (BROKEN, ODD, OWNERS):
                sql(f"DROP TABLE IF EXISTS {table}")
            sql(f"DROP VIEW IF EXISTS {SOURCE}")
            sql(f"DROP TABLE IF EXISTS {CSV_ROWS}")


def _write_good(lake: Lake, contract: Contract, valid: str, draft: Path, *, alone: bool) -> None:
    """Write the good rows with the civil days of their instants, and until when each counted.

    Each row is the only one of its key if `alone`.
    """
    columns = ", ".join(quoted(name) for name in contract.columns)
    days = civil_columns(contract, lake.settings.timezone)
    order = ", ".join(
        quoted(name)
        for name in dict.fromkeys(["customer_id", contract.key, "recorded_at"])
        if name in contract.columns
    )
    superseded = superseded_sql(contract, alone=alone)
    query = f"SELECT {columns}, {days}, {superseded} FROM ({valid}) ORDER BY {order}"
    zone = sql_text(lake.settings.timezone)
    copy_rows(lake, query, draft, f", KV_METADATA {{timezone: {zone}}}")


def _find_broken(lake: Lake, contract: Contract, checked: Mapping[str, Path]) -> None:
    """Create the table BROKEN: bad rows with `reasons`, the sentences of all rules they break.

    Bad rows are few: the rules are asked once, and good rows are those that are not in it. ODD
    holds the rows with cells that are left out beside them.
    """
    if _is_owned(contract):
        customers = sql_text(checked["customers"])
        lake.engine.raw_sql(
            f"CREATE OR REPLACE TEMP VIEW {KNOWN} AS FROM read_parquet({customers})"
        )
    # The types of the delivered cells are the delivery's own.
    columns = tuple(described(lake, f"FROM {TYPED}").items())
    query = compile_once(
        lake, ("reasons", contract.name, columns), lambda: _reasoned(lake, contract)
    )
    lake.engine.raw_sql(
        f"CREATE OR REPLACE TEMP TABLE {ODD} AS SELECT * FROM ({query})"
        " WHERE len(reasons) > 0 OR len(left_out) > 0"
    )
    # A cell that is left out may be why a row is held back: the data owner reads both.
    lake.engine.raw_sql(
        f"CREATE OR REPLACE TEMP TABLE {BROKEN} AS SELECT {ROW},"
        f" CASE WHEN {LINE_FAULT} IS NULL THEN reasons || CAST(left_out AS VARCHAR[])"
        f" ELSE [{LINE_FAULT}] END"
        f" AS reasons FROM {ODD} WHERE len(reasons) > 0"
    )


def _valid(lake: Lake, contract: Contract) -> tuple[str, dict[str, int]]:
    """Write the query of the good rows; count the cells that are left out, by sentence."""
    good = f"FROM {TYPED} t"
    if count(lake, f"SELECT count(*) FROM {BROKEN}"):
        # Where no row is held back, the rows need not be told apart by a text each.
        good += f" ANTI JOIN {BROKEN} USING ({ROW})"
    counts = fetch(
        lake,
        f"SELECT note, count(*) FROM (SELECT unnest(left_out) AS note FROM {ODD}"
        " WHERE len(reasons) = 0) GROUP BY note ORDER BY 1",
    )
    lost_cells = {str(note): int(str(number)) for note, number in counts}
    changed = {name: f"t.{quoted(name)}" for name in contract.columns}
    if lost_cells:
        good += f" LEFT JOIN {ODD} j USING ({ROW})"
        for name in {note.split(" ", 1)[0] for note in lost_cells}:
            lost = (
                f"list_contains(list_transform(j.left_out, x -> split_part(x, ' ', 1)), '{name}')"
            )
            changed[name] = f"CASE WHEN {lost} IS NOT TRUE THEN t.{quoted(name)} END"
    if has_owner(contract):
        good += f" LEFT JOIN {OWNERS} o USING ({ROW})"
        changed["customer_id"] = "coalesce(o.owner, t.customer_id)"
    columns = ", ".join(f"{value} AS {quoted(name)}" for name, value in changed.items())
    return f"SELECT {columns}, {ROW} {good}", lost_cells


def _is_owned(contract: Contract) -> bool:
    """Check whether the rows of a table belong to customers that the check must know."""
    return "customer_id" in contract.columns and contract.name != "customers"


def _reasoned(lake: Lake, contract: Contract) -> ir.Table:
    """Express the rows of TYPED with `reasons` and `left_out`, each a list of sentences."""
    row: ir.Table = lake.engine.table(TYPED)
    repeated = lake.engine.table(REPEATED)
    row = row.left_join(repeated, row[ROW] == repeated.repeated_row)
    row = row.drop("repeated_row", "first_row")
    if _is_owned(contract):
        known = lake.engine.table(KNOWN)
        known = known.select(known_id=known.customer_id).distinct()
        row = row.left_join(known, row.customer_id == known.known_id)
    broken = broken_rules(contract, row)
    broken += [
        (disagreement(contract), row.fault == disagreement(contract)),
        ("the line cannot be read", row[LINE_FAULT].notnull()),
    ]
    if _is_owned(contract):
        unknown = row.customer_id.notnull() & row.known_id.isnull()
        broken.append(("customer_id is not a known customer", unknown))
    if "merged_into" in contract.columns:
        into = lake.engine.table(KNOWN).customer_id
        unknown = row.merged_into.notnull() & row.merged_into.notin(into)
        broken.append(("merged_into is not a known customer", unknown))
    lost_cells = [
        (left_out(column, sentence), where)
        for column, sentence, where in contradictions(contract, row)
    ]
    return row.select(ROW, LINE_FAULT, reasons=sentences(broken), left_out=sentences(lost_cells))
