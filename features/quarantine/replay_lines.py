"""Take corrected lines back: lines of an import that were no rows of their file.

A corrected line is read as its file was, by the mapping of that import, and is delivered now. One
that still does not fit goes on waiting as it was delivered.
"""

import csv
import hashlib
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa

from features.checking.settled_rows import Settled, read_settled, settled_file, write_settled
from features.contracts.tables import CONTRACTS
from features.errors import GuanjiaError
from features.imports.deliveries.known import LATEST_HOLDS
from features.imports.mapping import Mapping, Source
from features.imports.reading.text_tables import LINE, Part, TextTable, drop_view, make_view
from features.imports.reading.workbooks import read_sheets
from features.imports.rows import Finding, drop_rows, prepare_rows
from features.imports.versions import known_rows
from features.imports.waiting_rows import (
    drop_waiting,
    keep_cells,
    keep_waiting,
    lines_mapping_file,
)
from features.lake import Lake
from features.publishing import published
from features.quarantine.delivering import write_raw
from features.quarantine.edits import ACTIONS, EditedRow, plain
from features.quarantine.outcomes import (
    CONSENTS,
    CORRECTED,
    DISCARDED,
    ReplayedTable,
    Settling,
    refuse_some,
)
from features.quarantine.waiting import WaitingRow
from features.quarantine.waiting_lines import WaitingLine, waiting_lines
from features.quarantine.workbook import ACTION, DISCARD, ID, LINE_TEXT, LINES_SHEET, shown
from features.sql import quoted

LINES = "lines"
"""Stands for a table where results are shown."""


@dataclass(frozen=True)
class ReplayedLines:
    """What became of the lines of a workbook.

    Attributes
    ----------
    result : ReplayedTable
        Their counts.
    changed : bool
        False if nothing was written.
    """

    result: ReplayedTable
    changed: bool


def replay_lines(
    lake: Lake, path: Path, delivered: datetime, findings: list[Finding]
) -> ReplayedLines | None:
    """Deliver the corrected lines of a workbook, and settle those that were discarded.

    Parameters
    ----------
    lake : Lake
        The home.
    path : Path
        The corrected workbook.
    delivered : datetime
        When it came back.
    findings : list of Finding
        What is odd in their cells is added here.

    Returns
    -------
    ReplayedLines or None
        None: the workbook has no sheet of lines.

    Raises
    ------
    GuanjiaError
        If the sheet lacks a column, or a row has another action.
    """
    edits = _read_edits(path)
    if edits is None:
        return None
    result, settling = ReplayedTable(LINES), Settling()
    waiting = {line.row_id: line for line in waiting_lines(lake) if line.row_id}
    mapping_file = lines_mapping_file(lake)
    mapping = (
        Mapping.model_validate_json(mapping_file.read_text("utf-8"))
        if mapping_file.exists()
        else None
    )
    rows: dict[str, list[tuple[EditedRow, list[str]]]] = {}
    for edit in edits:
        line, text = waiting.get(edit.row_id), edit.cells[LINE_TEXT]
        if line is None:
            result.gone += 1
        elif edit.action == DISCARD:
            if mapping and CONSENTS in mapping.tables_of(line.source or ""):
                # It may be a withdrawal: until it is read, the consent stays closed.
                result.not_discarded += 1
            else:
                result.discarded += 1
                settling.outcomes[edit.row_id] = DISCARDED
        elif not edit.action and plain(text) == plain(shown(line.text)):
            result.untouched += 1
        elif mapping and line.source in mapping.sources:
            cells = _cells_of(plain(text), mapping.sources[line.source])
            if cells is None:
                result.still_wrong += 1
            else:
                rows.setdefault(line.source, []).append((edit, cells))
        else:
            result.still_wrong += 1
    if mapping is not None and (rows or settling.outcomes):
        _deliver(lake, path, delivered, mapping, rows, waiting, result, settling, findings)
        return ReplayedLines(result, changed=True)
    return ReplayedLines(result, changed=False)


def _deliver(
    lake: Lake,
    path: Path,
    delivered: datetime,
    mapping: Mapping,
    rows: dict[str, list[tuple[EditedRow, list[str]]]],
    waiting: dict[str, WaitingLine],
    result: ReplayedTable,
    settling: Settling,
    findings: list[Finding],
) -> None:
    """Publish what the corrected lines say, and that they are settled."""
    sources = {
        name: _source(lake, path, place, mapping.sources[name], listed)
        for place, (name, listed) in enumerate(rows.items())
    }
    used = mapping.model_copy(
        update={"tables": tuple(table for table in mapping.tables if table.source in sources)}
    )
    corrected = [edit for listed in rows.values() for edit, _ in listed]
    as_waiting = {
        key: WaitingRow(key, "import", (), line.file, line.line, line.delivered)
        for key, line in waiting.items()
    }
    settling.outcomes |= {edit.row_id: CORRECTED for edit in corrected}
    digest = hashlib.sha256("".join(sorted(edit.row_id for edit in corrected)).encode())
    prepared = prepare_rows(lake, used, sources, findings, beside_known=True)
    try:
        with ExitStack() as stack:
            draft = stack.enter_context(published(settled_file(lake)))  # published last
            keep_cells(lake, used, sources, prepared)
            wrong: set[int] = set()
            for table in prepared:
                _drop_known(lake, table)
                of_table = ReplayedTable(table)
                refuse_some(lake, of_table, corrected, as_waiting, settling)
                result.erased += of_table.erased
                result.superseded += of_table.superseded
                ready = f"SELECT _line FROM ready_{table} WHERE len(_reasons) > 0"
                wrong |= {line for (line,) in lake.con.execute(ready).fetchall()}
            settled = read_settled(lake)
            keep_waiting(lake, prepared, stack, {*settled, *settling.outcomes})
            for table in prepared:
                name = f"replayed-lines-{digest.hexdigest()[:12]}"
                write_raw(lake, CONTRACTS[table], delivered, name, stack)
            fates = [settling.outcomes[edit.row_id] for edit in corrected if edit.line not in wrong]
            result.accepted += fates.count(CORRECTED)
            result.still_wrong += len(corrected) - len(fates)
            # Whose a line is cannot be said for sure: its keyed hash names nobody.
            settled |= {key: Settled(outcome) for key, outcome in settling.outcomes.items()}
            write_settled(draft, settled)
    finally:
        drop_rows(lake, prepared)
        drop_waiting(lake, prepared)
        for source in sources.values():
            drop_view(lake.con, source)


def _drop_known(lake: Lake, table: str) -> None:
    """Leave out customers and cars that are known: a line of a policy tells little of them."""
    if table in LATEST_HOLDS and list(lake.raw(table).glob("*.parquet")):
        contract = CONTRACTS[table]
        key = quoted(contract.key)
        lake.con.execute(
            f"DELETE FROM ready_{table} WHERE {key} IN"
            f" (SELECT {key} FROM {known_rows(lake, contract)})"
        )


def _cells_of(text: str, source: Source) -> list[str] | None:
    """Take a line apart as its file was; None if it has not the width of the headings."""
    lines = text.strip("\n").splitlines()
    if source.quote and len(source.delimiter) == 1:
        try:
            rows = list(
                csv.reader(lines, delimiter=source.delimiter, quotechar=source.quote, strict=True)
            )
        except csv.Error:
            return None
    else:
        rows = [line.split(source.delimiter) for line in lines]
    return rows[0] if len(rows) == 1 and len(rows[0]) == len(source.columns) else None


def _source(
    lake: Lake,
    path: Path,
    place: int,
    source: Source,
    rows: Sequence[tuple[EditedRow, list[str]]],
) -> TextTable:
    """Put corrected lines into the engine as rows of their source."""
    view = f"replay_lines_{place}"
    columns = {LINE: pa.array([edit.line for edit, _ in rows], pa.int64())}
    for number in range(len(source.columns)):
        cells = [listed[number] or None for _, listed in rows]
        columns[f"c{number}"] = pa.array(cells, pa.string())
    lake.con.register("replayed_lines", pa.table(columns))
    lake.con.execute(f"CREATE OR REPLACE TEMP TABLE {quoted(f'{view}_0')} AS FROM replayed_lines")
    lake.con.unregister("replayed_lines")
    return make_view(lake.con, view, source.columns, [Part(path, len(rows))])


def _read_edits(path: Path) -> list[EditedRow] | None:
    """Read the sheet of lines; None: there is none. A line whose text was erased has no id."""
    sheet = next((sheet for sheet in read_sheets(path) if sheet.name == LINES_SHEET), None)
    if sheet is None:
        return None
    thing = f"{path.name}, sheet {LINES_SHEET}"
    head = [name.strip() for name in sheet.rows[0]] if sheet.rows else []
    missing = [name for name in (ID, ACTION, LINE_TEXT) if name not in head]
    if missing:
        cure = "keep all headings in row 1; sort and filter the rows only"
        raise GuanjiaError(thing, f"has no column {', '.join(missing)}", cure)
    edits: dict[str, EditedRow] = {}
    for number, cells in enumerate(_filled(sheet.rows[1:], len(head)), 2):
        row_id, action, text = (cells[head.index(name)] for name in (ID, ACTION, LINE_TEXT))
        if action.strip() not in ACTIONS:
            raise GuanjiaError(
                f"{thing}, row {number}, column {ACTION}: {action}",
                "is not known",
                f"choose {' or '.join(filter(None, ACTIONS))}; empty: the line goes on waiting",
            )
        if row_id.strip():
            edit = EditedRow(number, row_id.strip(), action.strip(), {LINE_TEXT: text})
            edits.setdefault(edit.row_id, edit)
    return list(edits.values())


def _filled(rows: Iterable[Sequence[str]], width: int) -> Iterable[list[str]]:
    return ([*cells, *[""] * (width - len(cells))] for cells in rows)
