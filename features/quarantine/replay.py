"""Take a corrected workbook back: corrected rows become raw rows, delivered now.

The cells are read by the rules of an import, like those of any delivery; what can be read goes to
`<home>/raw/`, and `guanjia check` judges it with everything else. A row that cannot be read goes on
waiting with its new reasons. What is settled is written last: after a kill, the same workbook does
the rest.
"""

import fcntl
import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import ibis.expr.datatypes as dt
import pyarrow as pa

from features.checking.check import check_tables
from features.checking.settled_rows import (
    OWNERS,
    Settled,
    read_settled,
    settled_file,
    write_settled,
)
from features.checking.table_check import TableCheck
from features.contracts.contract import Contract
from features.contracts.headings import heading_of
from features.contracts.tables import CONTRACTS
from features.errors import GuanjiaError
from features.imports.mapping import ColumnMap, Source, TableMap
from features.imports.mapping import Mapping as ImportMapping
from features.imports.matching.vocabulary import vocabulary
from features.imports.reading.text_tables import LINE, Part, TextTable, drop_view, make_view
from features.imports.rows import Finding, drop_rows, prepare_rows
from features.imports.values import default_codes
from features.imports.waiting_rows import drop_waiting, keep_cells, keep_waiting
from features.lake import Lake
from features.progress import Report, quiet
from features.publishing import published
from features.quarantine.delivering import write_raw
from features.quarantine.edits import EditedRow, plain, read_edits, sort_edits
from features.quarantine.outcomes import (
    CORRECTED,
    ReplayedTable,
    Settling,
    discard,
    refuse_some,
    supersede,
)
from features.quarantine.replay_lines import replay_lines
from features.quarantine.waiting import WaitingRow, waiting_rows
from features.quarantine.workbook import ID
from features.sql import quoted, sql_text


@dataclass(frozen=True)
class Replayed:
    """What became of a corrected workbook.

    Attributes
    ----------
    tables : list of ReplayedTable
        One a sheet; that of lines which are no rows is called `LINES`.
    reasons : dict of str to dict of str to int
        Raw table -> sentence -> corrected rows that wait for it.
    findings : list of Finding
        What is odd in corrected cells: those that could not be read and are empty.
    checks : list of TableCheck
        What the check said afterwards; empty if nothing changed.
    """

    tables: list[ReplayedTable]
    reasons: dict[str, dict[str, int]]
    findings: list[Finding]
    checks: list[TableCheck]


def replay(
    lake: Lake,
    path: Path,
    delivered: datetime,
    report: Report = quiet,
    now: datetime | None = None,
) -> Replayed:
    """Deliver the corrected rows of a workbook, settle them, and check all tables.

    Parameters
    ----------
    lake : Lake
        The home.
    path : Path
        The corrected workbook.
    delivered : datetime
        When it came back: corrected rows are known from then on.
    report : Report
        Progress: called with a step, parts done and parts in all.
    now : datetime, optional
        The current time for the check, as in `check_tables`.

    Raises
    ------
    BrokenBoundError
        If the check afterwards breaks a bound; the corrected rows lie in `raw/`.
    GuanjiaError
        If the workbook cannot be read, or another replay is running.
    """
    with _alone(lake):
        sheets = read_edits(path)
        waiting = {
            table: {row.row_id: row for row in waiting_rows(lake, CONTRACTS[table])}
            for table in sheets
        }
        edits = {table: sort_edits(rows, waiting[table]) for table, rows in sheets.items()}
        tables = [
            ReplayedTable(table, untouched=sorted_.untouched, gone=sorted_.gone)
            for table, sorted_ in edits.items()
        ]
        findings: list[Finding] = []
        settling, reasons = Settling(), dict[str, dict[str, int]]()
        for result in tables:
            discard(result, edits[result.table], settling)
            supersede(result, edits[result.table], waiting[result.table], settling)
        corrected = {table: rows.corrected for table, rows in edits.items() if rows.corrected}
        by_table = {result.table: result for result in tables}
        report("replay", 0, None)
        lines = replay_lines(lake, path, delivered, findings)
        if lines is not None:
            tables.append(lines.result)
        if corrected or settling.outcomes:
            _deliver(
                lake, path, delivered, corrected, waiting, by_table, settling, findings, reasons
            )
        elif lines is None or not lines.changed:
            return Replayed(tables, reasons, findings, [])
        checks = check_tables(lake, report, now)
        for table, file in settling.files.items():
            _count_again(lake, by_table[table], file, reasons)
        return Replayed(tables, reasons, findings, checks)


def _deliver(
    lake: Lake,
    path: Path,
    delivered: datetime,
    corrected: Mapping[str, list[EditedRow]],
    waiting: Mapping[str, Mapping[str, WaitingRow]],
    results: Mapping[str, ReplayedTable],
    settling: Settling,
    findings: list[Finding],
    reasons: dict[str, dict[str, int]],
) -> None:
    """Read the corrected rows, and publish them, what goes on waiting, and what is settled."""
    mapping = _mapping(path, corrected)
    sources = {
        table.source: _source(lake, path, CONTRACTS[table.name], corrected[table.name])
        for table in mapping.tables
    }
    prepared = prepare_rows(lake, mapping, sources, findings)
    try:
        keep_cells(lake, mapping, sources, prepared)
        with ExitStack() as stack:
            draft = stack.enter_context(published(settled_file(lake)))  # published last
            settled = read_settled(lake)
            for table, rows in corrected.items():
                settling.outcomes |= {row.row_id: CORRECTED for row in rows}
                refuse_some(lake, results[table], rows, waiting[table], settling)
            keep_waiting(lake, results, stack, {*settled, *settling.outcomes})
            for table, rows in corrected.items():
                results[table].repeated = prepared[table].repeated
                _note_waiting(lake, results[table], reasons)
                digest = hashlib.sha256("".join(sorted(r.row_id for r in rows)).encode())
                name = f"replayed-{digest.hexdigest()[:12]}"
                file = write_raw(lake, CONTRACTS[table], delivered, name, stack)
                if file is not None:
                    settling.files[table] = file
            write_settled(draft, settled | _settled(settling, waiting))
    finally:
        drop_rows(lake, prepared)
        drop_waiting(lake, prepared)
        for source in sources.values():
            drop_view(lake.con, source)


def _settled(
    settling: Settling, waiting: Mapping[str, Mapping[str, WaitingRow]]
) -> dict[str, Settled]:
    """Say of each settled row whose it was, so that an erasure finds it."""
    cells = {row_id: row.cells for rows in waiting.values() for row_id, row in rows.items()}
    return {
        row_id: Settled(outcome, tuple(cells[row_id].get(name) or None for name in OWNERS))
        for row_id, outcome in settling.outcomes.items()
    }


def _mapping(path: Path, corrected: Mapping[str, list[EditedRow]]) -> ImportMapping:
    """Map the sheets of the workbook; `recorded_at` is not read, for they are delivered now."""
    sources, tables = {}, []
    for table in corrected:
        contract, source = CONTRACTS[table], f"replay {table}"
        names = [name for name in contract.columns if name != "recorded_at"]
        headings = {name: heading_of(contract, name) for name in names}
        sources[source] = Source(
            files=(path.name,),
            kind="workbook",
            sheet=contract.label,
            columns=(ID, *headings.values()),
        )
        columns = {
            name: ColumnMap.model_validate({"from": heading, "codes": _codes(contract, name)})
            for name, heading in headings.items()
        }
        tables.append(TableMap(name=table, source=source, columns=columns))
    return ImportMapping(folder=".", sources=sources, tables=tuple(tables))


def _codes(contract: Contract, column: str) -> dict[str, str | bool] | None:
    """List what may stand for a code, in the words of people too; None: it is no code."""
    if isinstance(contract.columns[column], dt.Boolean):
        return default_codes(contract, column)
    allowed = contract.declared[column].allowed
    words = vocabulary()
    meanings = words.codes.get(words.code_lists.get(f"{contract.name}.{column}", column), {})
    spoken: dict[str, str | bool] = {
        text: code for code in allowed for text in meanings.get(code, ())
    }
    return spoken | {code: code for code in allowed} if allowed else None


def _source(lake: Lake, path: Path, contract: Contract, rows: list[EditedRow]) -> TextTable:
    """Put the corrected rows of a table into the engine as the rows of a source."""
    names = [name for name in contract.columns if name != "recorded_at"]
    view = f"replay_{contract.name}"
    columns = [
        pa.array([row.line for row in rows], pa.int64()),
        pa.array([row.row_id for row in rows], pa.string()),
        *(
            pa.array([plain(row.cells[name]) or None for row in rows], pa.string())
            for name in names
        ),
    ]
    heads = [LINE, *(f"c{place}" for place in range(len(names) + 1))]
    lake.con.register("replayed_rows", pa.table(columns, names=heads))
    lake.con.execute(f"CREATE OR REPLACE TEMP TABLE {quoted(f'{view}_0')} AS FROM replayed_rows")
    lake.con.unregister("replayed_rows")
    headings = (ID, *(heading_of(contract, name) for name in names))
    return make_view(lake.con, view, headings, [Part(path, len(rows))])


def _note_waiting(lake: Lake, result: ReplayedTable, reasons: dict[str, dict[str, int]]) -> None:
    """Count the corrected rows that cannot be read, by reason."""
    ready = f"ready_{result.table}"
    (wrong,) = lake.con.execute(
        f"SELECT count(*) FROM {ready} WHERE len(_reasons) > 0"
    ).fetchone() or (0,)
    (good,) = lake.con.execute(
        f"SELECT count(*) FROM {ready} WHERE len(_reasons) = 0"
    ).fetchone() or (0,)
    result.still_wrong, result.accepted = wrong, good
    counted = lake.con.execute(
        f"SELECT reason, count(*) FROM (SELECT unnest(_reasons) AS reason FROM {ready})"
        " GROUP BY 1 ORDER BY 2 DESC, 1"
    ).fetchall()
    if counted:
        reasons[result.table] = dict(counted)


def _count_again(
    lake: Lake, result: ReplayedTable, file: str, reasons: dict[str, dict[str, int]]
) -> None:
    """Count the corrected rows that the check held back."""
    path = lake.quarantine(result.table)
    if not path.exists():
        return
    rows = f"FROM read_parquet({sql_text(path)}) WHERE _file = {sql_text(file)}"
    (wrong,) = lake.con.execute(f"SELECT count(*) {rows}").fetchone() or (0,)
    result.still_wrong += wrong
    result.accepted -= wrong
    counts = Counter(reasons.get(result.table, {}))
    for sentence, number in lake.con.execute(
        f"SELECT reason, count(*) FROM (SELECT unnest(reasons) AS reason {rows}) GROUP BY 1"
    ).fetchall():
        counts[sentence] += number
    if counts:
        reasons[result.table] = dict(counts.most_common())


@contextmanager
def _alone(lake: Lake) -> Iterator[None]:
    """Hold the lock of the replays of a home; refuse a second one."""
    lock_file = lake.home / "quarantine" / ".replay.lock"
    lock_file.parent.mkdir(parents=True, exist_ok=True)
    with lock_file.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise GuanjiaError(
                f"home {lake.home}", "is being replayed by another process", "wait until it is done"
            ) from None
        yield
