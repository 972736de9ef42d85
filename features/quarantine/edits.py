"""Read a corrected workbook: what people did with each row that waits."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from features.contracts.contract import Contract
from features.contracts.headings import heading_of
from features.contracts.tables import CONTRACTS
from features.errors import GuanjiaError, did_you_mean
from features.imports.reading.workbooks import Sheet, read_sheets
from features.quarantine.waiting import WaitingRow
from features.quarantine.workbook import ACTION, CORRECTED, DISCARD, ID, LINES_SHEET, shown

ACTIONS = {"": "", CORRECTED: CORRECTED, DISCARD: DISCARD}


@dataclass(frozen=True)
class EditedRow:
    """A row of a sheet.

    Attributes
    ----------
    line : int
        Its row in the sheet, from 1.
    row_id : str
        The hash of the waiting row.
    action : str
        What stands under `ACTION`.
    cells : dict of str to str
        Column of the contract -> the cell as text.
    """

    line: int
    row_id: str
    action: str
    cells: dict[str, str]


@dataclass
class Edits:
    """What people did with the rows of a table.

    Attributes
    ----------
    corrected : list of EditedRow
        Rows with other cells than before, or marked as corrected.
    discarded : list of EditedRow
        Rows marked to be discarded.
    untouched : int
        Rows left as they were.
    gone : int
        Rows that wait no more: they were settled before, or delivered rightly since.
    """

    corrected: list[EditedRow] = field(default_factory=list)
    discarded: list[EditedRow] = field(default_factory=list)
    untouched: int = 0
    gone: int = 0


def read_edits(path: Path) -> dict[str, list[EditedRow]]:
    """Read the rows of a corrected workbook, by raw table.

    Raises
    ------
    GuanjiaError
        If it is no workbook of `guanjia quarantine export`, lacks a column, or a row has another
        action, no id, or the id of another row.
    """
    if not path.is_file():
        cure = "write it with `guanjia quarantine export --to FILE.xlsx`"
        raise GuanjiaError(f"file {path}", "does not exist", cure)
    tables = {contract.label: contract for contract in CONTRACTS.values()}
    there = {sheet.name: sheet for sheet in read_sheets(path)}
    sheets = {name: sheet for name, sheet in there.items() if name in tables}
    if not sheets and LINES_SHEET not in there:
        raise GuanjiaError(
            f"workbook {path}",
            "has no sheet of a raw table",
            "correct one that `guanjia quarantine export` wrote, and keep the names of its sheets",
        )
    return {tables[name].name: _rows(path, tables[name], sheet) for name, sheet in sheets.items()}


def sort_edits(rows: list[EditedRow], waiting: Mapping[str, WaitingRow]) -> Edits:
    """Compare the rows of a sheet with those that wait.

    Parameters
    ----------
    rows : list of EditedRow
        The rows of a sheet.
    waiting : mapping of str to WaitingRow
        The rows of its table that wait, by id.
    """
    edits = Edits()
    for row in rows:
        before = waiting.get(row.row_id)
        if before is None:
            edits.gone += 1
        elif row.action == DISCARD:
            edits.discarded.append(row)
        elif row.action == CORRECTED or _differs(row.cells, before.cells):
            edits.corrected.append(row)
        else:
            edits.untouched += 1
    return edits


def _differs(cells: Mapping[str, str], before: Mapping[str, str]) -> bool:
    return any(
        plain(cell) != plain(shown(before[name]))
        for name, cell in cells.items()
        if name != "recorded_at"
    )


def plain(text: str) -> str:
    """Return a text with one kind of line end and no control characters, which sheets change."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(sign for sign in text if sign >= " " or sign in "\n\t")


def _rows(path: Path, contract: Contract, sheet: Sheet) -> list[EditedRow]:
    thing = f"{path.name}, sheet {sheet.name}"
    head = [name.strip() for name in sheet.rows[0]] if sheet.rows else []
    headings = {heading_of(contract, name): name for name in contract.columns}
    missing = [name for name in (ID, ACTION, *headings) if name not in head]
    if missing:
        cure = "keep all headings in row 1; sort and filter the rows only"
        raise GuanjiaError(thing, f"has no column {', '.join(missing)}", cure)
    places = {name: head.index(heading) for heading, name in headings.items()}
    rows: list[EditedRow] = []
    seen: dict[str, int] = {}
    for line, cells in enumerate(sheet.rows[1:], 2):
        texts = [*cells, *[""] * (len(head) - len(cells))]
        if not any(text.strip() for text in texts):
            continue
        row_id, action = texts[head.index(ID)].strip(), texts[head.index(ACTION)].strip()
        if not row_id:
            cure = "new rows are delivered like any others, not in this workbook"
            raise GuanjiaError(f"{thing}, row {line}", f"has no {ID}", cure)
        if row_id in seen:
            fault = f"has the {ID} of row {seen[row_id]}"
            raise GuanjiaError(f"{thing}, row {line}", fault, "delete one of the two rows")
        if action not in ACTIONS:
            raise GuanjiaError(
                f"{thing}, row {line}, column {ACTION}: {action}",
                "is not known",
                f"{did_you_mean(action, (CORRECTED, DISCARD))}; empty: the row goes on waiting",
            )
        seen[row_id] = line
        rows.append(
            EditedRow(line, row_id, action, {name: texts[place] for name, place in places.items()})
        )
    return rows
