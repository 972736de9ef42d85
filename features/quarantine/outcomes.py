"""Decide which rows of a corrected workbook are settled without being delivered.

A discarded row, one of which a later version is known, and one of an erased customer.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import pyarrow as pa

from features.contracts.tables import CONTRACTS
from features.erased import Erased
from features.imports.waiting_rows import exists
from features.lake import Lake
from features.quarantine.edits import EditedRow, Edits
from features.quarantine.waiting import WaitingRow
from features.sql import quoted, sql_text

CONSENTS = "consents"
CORRECTED, DISCARDED, SUPERSEDED, ERASED = "corrected", "discarded", "superseded", "erased"
"""Outcomes of a settled row."""


@dataclass
class ReplayedTable:
    """What became of the rows of a sheet.

    Attributes
    ----------
    table : str
        The raw table.
    accepted : int
        Corrected rows that are good now.
    still_wrong : int
        Corrected rows that wait again, with new reasons.
    repeated : int
        Corrected rows that say what another one says.
    discarded : int
        Rows that were discarded.
    superseded : int
        Corrected rows of which a later version is known already; it counts.
    erased : int
        Corrected rows of erased customers; they were refused.
    not_discarded : int
        Changes of consent that were to be discarded: they cannot be, and go on waiting.
    untouched : int
        Rows that were left as they were, and go on waiting.
    gone : int
        Rows that wait no more: settled before, or delivered rightly since.
    """

    table: str
    accepted: int = 0
    still_wrong: int = 0
    repeated: int = 0
    discarded: int = 0
    superseded: int = 0
    erased: int = 0
    not_discarded: int = 0
    untouched: int = 0
    gone: int = 0


@dataclass
class Settling:
    """Rows that are being settled, and the files of corrected rows."""

    outcomes: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)


def discard(result: ReplayedTable, edits: Edits, settling: Settling) -> None:
    """Settle the rows that are to be discarded, but for changes of consent.

    Parameters
    ----------
    result : ReplayedTable
        Counts them.
    edits : Edits
        What people did with the rows of the table.
    settling : Settling
        Gets their outcome.
    """
    if result.table == CONSENTS:
        # It may be a withdrawal: until it is read, the consent stays closed.
        result.not_discarded = len(edits.discarded)
        return
    result.discarded = len(edits.discarded)
    settling.outcomes |= {row.row_id: DISCARDED for row in edits.discarded}


def supersede(
    result: ReplayedTable,
    edits: Edits,
    waiting: Mapping[str, WaitingRow],
    settling: Settling,
) -> None:
    """Leave of several versions of one row the one that was recorded last.

    Parameters
    ----------
    result : ReplayedTable
        Counts the others.
    edits : Edits
        What people did with the rows of the table; the others are taken out of it.
    waiting : mapping of str to WaitingRow
        The rows of the table that wait, by id: they say when each was recorded.
    settling : Settling
        Gets the outcome of the others.
    """
    key = CONTRACTS[result.table].key
    latest: dict[str, datetime] = {}
    for row in edits.corrected:
        recorded = waiting[row.row_id].recorded_at
        if recorded is not None:
            name = row.cells[key].strip()
            latest[name] = max(recorded, latest.get(name, recorded))
    rest = []
    for row in edits.corrected:
        recorded = waiting[row.row_id].recorded_at
        if recorded is not None and recorded < latest[row.cells[key].strip()]:
            result.superseded += 1
            settling.outcomes[row.row_id] = SUPERSEDED
        else:
            rest.append(row)
    edits.corrected = rest


def refuse_some(
    lake: Lake,
    result: ReplayedTable,
    rows: list[EditedRow],
    waiting: Mapping[str, WaitingRow],
    settling: Settling,
) -> None:
    """Take out of `ready_<table>` rows of erased customers, and those that are known better.

    Parameters
    ----------
    lake : Lake
        Whose engine holds the corrected rows in `ready_<table>`.
    result : ReplayedTable
        Counts what is taken out.
    rows : list of EditedRow
        The corrected rows.
    waiting : mapping of str to WaitingRow
        The rows of the table that wait, by id.
    settling : Settling
        Gets the outcome of what is taken out.
    """
    contract, ids = CONTRACTS[result.table], {row.line: row.row_id for row in rows}
    columns = list(contract.columns)
    if "customer_id" in columns:
        named = lake.con.execute(f"SELECT _line, customer_id FROM ready_{result.table}").fetchall()
        erased = Erased(lake.settings).among({customer for _, customer in named if customer})
        gone = [line for line, customer in named if customer in erased]
        result.erased = _take_out(lake, result.table, gone, ids, ERASED, settling)
    if lake.checked(result.table).exists():
        recorded = {line: waiting[row_id].recorded_at for line, row_id in ids.items()}
        table = pa.table(
            {
                "_line": pa.array(list(recorded), pa.int64()),
                "_recorded": pa.array(list(recorded.values()), pa.timestamp("us", "UTC")),
            }
        )
        lake.con.register("replayed_since", table)
        key = quoted(contract.key)
        later = lake.con.execute(
            f"SELECT r._line FROM ready_{result.table} r JOIN replayed_since USING (_line)"
            f" SEMI JOIN read_parquet({sql_text(lake.checked(result.table))}) c"
            f" ON r.{key} = c.{key} AND c.recorded_at > _recorded WHERE len(r._reasons) = 0"
        ).fetchall()
        lake.con.unregister("replayed_since")
        lines = [line for (line,) in later]
        result.superseded += _take_out(lake, result.table, lines, ids, SUPERSEDED, settling)


def _take_out(
    lake: Lake,
    table: str,
    lines: list[int],
    ids: Mapping[int, str],
    outcome: str,
    settling: Settling,
) -> int:
    if lines:
        listed = ", ".join(map(str, lines))
        for name in (f"ready_{table}", f"waiting_{table}"):
            if exists(lake, name):
                lake.con.execute(f"DELETE FROM {name} WHERE _line IN ({listed})")
        settling.outcomes |= {ids[line]: outcome for line in lines}
    return len(lines)
