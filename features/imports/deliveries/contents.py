"""Compare the contents of a delivery with those before: codes, forms of cells, numbers of rows."""

from collections.abc import Mapping as Map
from collections.abc import Sequence

import ibis.expr.datatypes as dt

from features.contracts.tables import CONTRACTS
from features.imports.deliveries.drift import Drift
from features.imports.deliveries.ledger import Ledger
from features.imports.mapping import UNKNOWN, ColumnMap, Mapping, TableMap
from features.imports.mapping_text import inline_column, toml_key, toml_value
from features.imports.matching.forms import unread_shares
from features.imports.matching.vocabulary import meaning_of
from features.imports.reading.text_tables import TextTable
from features.imports.rows import UNREAD, Finding, Prepared
from features.imports.typed_rows import select_values
from features.imports.values import read_column
from features.lake import Lake
from features.sql import sql_text

ORDERS = ("ymd", "dmy", "mdy")
CODES_SHOWN = 20
"""New codes of a column that are listed; of more, the most frequent."""


def compare_codes(
    lake: Lake, mapping: Mapping, sources: Map[str, TextTable], ledger: Ledger
) -> list[Drift]:
    """Find codes that the mapping does not list.

    Parameters
    ----------
    lake : Lake
        Whose engine holds the sources.
    mapping : Mapping
        Lists the codes that are known.
    sources : mapping of str to TextTable
        The rows of each source.
    ledger : Ledger
        What was delivered before: in a first delivery nothing is drift.
    """
    drifts = []
    for part in mapping.tables:
        if ledger.counts(part.name) is None:
            continue
        for name, column in part.columns.items():
            if column.codes is None or column.heading is None:
                continue
            for code, rows in _new_codes(lake, mapping, part, name, sources[part.source]):
                meaning = meaning_of(code, part.name, name)
                line = f"{toml_key(code)} = {toml_value(UNKNOWN if meaning is None else meaning)}"
                waits = not CONTRACTS[part.name].declared[name].nullable
                drifts.append(
                    Drift(
                        "new_code", part.source, (part.name,), f"{part.name}.{name}",
                        f"{code} ({rows:,} rows)",
                        "the row waits" if waits else "the cell is empty",
                        f"[tables.columns.{name}.codes] of {part.name}", line,
                    )
                )  # fmt: skip
    return drifts


def compare_forms(
    lake: Lake,
    mapping: Mapping,
    sources: Map[str, TextTable],
    findings: Sequence[Finding],
    tables: Map[str, Prepared],
    ledger: Ledger,
) -> list[Drift]:
    """Find columns of which far more cells cannot be read than in the delivery before.

    Parameters
    ----------
    lake : Lake
        Whose engine holds the sources.
    mapping : Mapping
        Says from which share on it is drift.
    sources : mapping of str to TextTable
        The rows of each source.
    findings : sequence of Finding
        What is odd in the cells.
    tables : mapping of str to Prepared
        The tables of the delivery.
    ledger : Ledger
        What was delivered before: in a first delivery nothing is drift.
    """
    drifts = []
    for finding in findings:
        before = ledger.counts(finding.table) if finding.fault == UNREAD else None
        rows = tables[finding.table].rows if finding.table in tables else 0
        if before is None or not rows:
            continue
        most = max(part.most_unread for part in mapping.parts(finding.table))
        share = finding.rows / rows
        if share <= unread_share(before, finding.column) + most:
            continue
        for part in mapping.parts(finding.table):
            column = part.columns.get(finding.column)
            if column is None or column.heading is None:
                continue
            other = _other_order(lake, mapping, part, finding.column, sources[part.source])
            section = f"[tables.columns] of {part.name}"
            line = f"{finding.column} = {inline_column(other)}" if other else ""
            if not other:
                section, line = f"[[tables]] {part.name}", f"most_unread = {min(1, share):.2f}"
            effect = f"in {finding.rows:,} of {rows:,} rows: {finding.effect}"
            drifts.append(
                Drift(
                    "unread", part.source, (part.name,), f"{part.name}.{finding.column}",
                    "; ".join(finding.examples), effect, section, line,
                )
            )  # fmt: skip
    return drifts


def compare_rows(mapping: Mapping, tables: Map[str, Prepared], ledger: Ledger) -> list[Drift]:
    """Find dumps that hold far fewer rows than the one before.

    Parameters
    ----------
    mapping : Mapping
        Says from which share on it is drift.
    tables : mapping of str to Prepared
        The tables of the delivery.
    ledger : Ledger
        What was delivered before.
    """
    drifts = []
    for name, table in tables.items():
        parts = mapping.parts(name)
        dumps = all(mapping.sources[part.source].delivery == "dump" for part in parts)
        before = usual_rows(ledger, name)
        least = max(part.least_rows for part in parts)
        if dumps and table.rows < least * before:
            share = table.rows / before
            drifts.append(
                Drift(
                    "fewer_rows", parts[0].source, (name,), f"{before:,} rows",
                    f"{table.rows:,} rows of {name}",
                    "rows that are not delivered count as vanished",
                    f"[[tables]] {name}", f"least_rows = {int(100 * share) / 100}",
                )
            )  # fmt: skip
    return drifts


def usual_rows(ledger: Ledger, table: str) -> int:
    """Return the rows of the last delivery of a table that did not hold far fewer than usual."""
    counts = ledger.counts(table) or {}
    rows = counts.get("usual", 0)
    return rows if isinstance(rows, int) else 0


def unread_share(counts: Map[str, object], column: str) -> float:
    """Return the share of rows of a delivery in which a column could not be read."""
    unread, rows = counts.get("unread"), counts.get("rows")
    if not isinstance(unread, dict) or not isinstance(rows, int) or not rows:
        return 0.0
    return float(unread.get(column, 0)) / rows


def _new_codes(
    lake: Lake, mapping: Mapping, part: TableMap, name: str, source: TextTable
) -> list[tuple[str, int]]:
    """List cells of a coded column that are none of its codes, with their rows."""
    column, contract = part.columns[name], CONTRACTS[part.name]
    reading = read_column(contract, name, column, source, mapping, lake.settings.timezone)
    listed = ", ".join(map(sql_text, column.codes or ()))
    unlisted = f" AND cell NOT IN ({listed})" if listed else ""
    return lake.con.execute(
        f"SELECT cell, count(*) FROM (SELECT t_{name} AS cell FROM"
        f" ({select_values([reading], source)})) WHERE cell IS NOT NULL{unlisted}"
        f" GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {CODES_SHOWN}"
    ).fetchall()


def _other_order(
    lake: Lake, mapping: Mapping, part: TableMap, name: str, source: TextTable
) -> ColumnMap | None:
    """Return the column with the order of days that reads nearly all cells; None: no order does."""
    column = part.columns[name]
    if not isinstance(CONTRACTS[part.name].columns[name], dt.Date | dt.Timestamp):
        return None
    for order in ORDERS:
        other = column.model_copy(update={"order": order})
        table = part.model_copy(update={"columns": {name: other}})
        if order != column.order and unread_shares(lake, table, source, mapping)[name] < 0.01:
            return other
    return None
