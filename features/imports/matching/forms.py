"""Find the forms of a column's cells: order of days, codes with their meaning, unit of amounts."""

from collections.abc import Mapping as Map

import ibis.expr.datatypes as dt

from features.contracts.tables import CONTRACTS
from features.imports import cells
from features.imports.mapping import UNKNOWN, ColumnMap, Mapping, TableMap
from features.imports.matching.evidence import Evidence
from features.imports.matching.vocabulary import meaning_of
from features.imports.reading.text_tables import TextTable
from features.imports.typed_rows import select_typed, select_values
from features.imports.values import read_column
from features.lake import Lake

FEW_UNREAD = 0.01
"""Share of cells that may be unreadable in a column that is sure."""
SMALL_PREMIUM = 10
"""Median premium of motor terms in yuan, below which the amounts are in 万元."""


def find_forms(
    lake: Lake,
    table: TableMap,
    source: TextTable,
    evidence: Map[str, Evidence],
    mapping: Mapping,
) -> TableMap:
    """Find the forms of all columns of a table, by reading its cells in each.

    Parameters
    ----------
    lake : Lake
        Whose engine holds the source.
    table : TableMap
        The matched table.
    source : TextTable
        Its rows.
    evidence : mapping of str to Evidence
        What the cells look like, by heading.
    mapping : Mapping
        The nulls and days that are none.

    Returns
    -------
    TableMap
        With orders, codes and units; a column that is not read well is marked "look".
    """
    contract = CONTRACTS[table.name]
    columns = dict(table.columns)
    dates = []
    for name, column in table.columns.items():
        looks = evidence.get(column.heading or "")
        if looks is None or not looks.filled:
            continue
        if isinstance(contract.columns[name], dt.Date | dt.Timestamp):
            dates.append(name)
        elif contract.columns[name].is_numeric() and looks.shares["comma"] > looks.shares["number"]:
            columns[name] = column.model_copy(update={"decimal": ","})
        elif contract.declared[name].allowed or isinstance(contract.columns[name], dt.Boolean):
            columns[name] = _coded(table.name, name, column, looks)
    table = table.model_copy(update={"columns": columns})
    shares = unread_shares(lake, table, source, mapping)
    _find_orders(lake, table, source, mapping, [name for name in dates if shares[name]], shares)
    for name, share in shares.items():
        if share > FEW_UNREAD:
            columns[name] = columns[name].model_copy(update={"confidence": "look"})
    if table.name == "policies":
        _find_last_days(lake, table, source, mapping, columns)
        _find_small_premiums(lake, table, source, mapping, columns)
    return table.model_copy(update={"columns": columns})


def unread_shares(
    lake: Lake, table: TableMap, source: TextTable, mapping: Mapping
) -> dict[str, float]:
    """Return the share of the filled cells of each column that cannot be read.

    Parameters
    ----------
    lake, table, source, mapping
        As for `find_forms`.
    """
    contract, zone = CONTRACTS[table.name], lake.settings.timezone
    mapped = {name: c for name, c in table.columns.items() if c.heading and c.order != "ask"}
    if not mapped:
        return {}
    readings = [
        read_column(contract, name, column, source, mapping, zone)
        for name, column in mapped.items()
    ]
    counts = ", ".join(
        f"count(t_{name}) + {f'count(p_{name})' if reading.plain is not None else '0'},"
        f" count(*) FILTER ({reading.unread})"
        for name, reading in zip(mapped, readings, strict=True)
    )
    row = lake.con.execute(f"SELECT {counts} FROM ({select_values(readings, source)})").fetchone()
    assert row is not None
    pairs = zip(row[::2], row[1::2], strict=True)
    return {
        name: unread / filled if filled else 0.0
        for name, (filled, unread) in zip(mapped, pairs, strict=True)
    }


def _find_orders(
    lake: Lake,
    table: TableMap,
    source: TextTable,
    mapping: Mapping,
    names: list[str],
    shares: dict[str, float],
) -> None:
    """Find the order of day, month and year of columns that have cells of no year, month and day.

    Where two orders read as many, it has to be asked. Columns and shares are written in place.
    """
    unread = {"ymd": dict(shares)}
    for order in ("dmy", "mdy") if names else ():
        ordered = {n: table.columns[n].model_copy(update={"order": order}) for n in names}
        trial = table.model_copy(update={"columns": ordered})
        unread[order] = unread_shares(lake, trial, source, mapping)
    for name in names:
        least = min(unread["dmy"][name], unread["mdy"][name])
        if unread["ymd"][name] <= least:
            continue
        if unread["dmy"][name] == unread["mdy"][name]:
            change = {"order": "ask", "confidence": "look"}
        else:
            order = min(("dmy", "mdy"), key=lambda order: unread[order][name])
            change = {"order": order}
        table.columns[name] = table.columns[name].model_copy(update=change)
        shares[name] = least


def _coded(table: str, name: str, column: ColumnMap, looks: Evidence) -> ColumnMap:
    """List every value with its meaning; one that no list knows is marked for a person."""
    codes: dict[str, str | bool] = {}
    flag = isinstance(CONTRACTS[table].columns[name], dt.Boolean)
    for value in looks.values:
        meaning = meaning_of(value, table, name)
        if meaning is None and flag:
            yes, no = value.upper() in cells.YES, value.upper() in cells.NO
            meaning = yes if yes or no else None
        codes[value] = UNKNOWN if meaning is None else meaning
    if flag and "有" in codes:
        codes["无"] = False
    confidence = "look" if UNKNOWN in codes.values() else column.confidence
    return column.model_copy(update={"codes": codes, "confidence": confidence})


def _find_last_days(
    lake: Lake,
    table: TableMap,
    source: TextTable,
    mapping: Mapping,
    columns: dict[str, ColumnMap],
) -> None:
    """Notice that the end of cover is delivered as its last day: terms of a year less a day."""
    if not {"inception", "expiry"} <= columns.keys():
        return
    ends = {name: columns[name] for name in ("inception", "expiry")}
    if "ask" in {end.order for end in ends.values()}:
        return
    rows = _typed(lake, table, source, mapping, ends)
    total, inclusive = lake.con.execute(
        "SELECT count(*), count(*) FILTER (expiry + 1 = inception + INTERVAL 1 YEAR) FROM"
        f" ({rows}) WHERE expiry IS NOT NULL AND inception IS NOT NULL"
    ).fetchone() or (0, 0)
    if total and inclusive > 0.5 * total:
        sure = columns["expiry"].confidence if inclusive > 0.9 * total else "look"
        columns["expiry"] = columns["expiry"].model_copy(
            update={"last_day": True, "confidence": sure}
        )


def _find_small_premiums(
    lake: Lake,
    table: TableMap,
    source: TextTable,
    mapping: Mapping,
    columns: dict[str, ColumnMap],
) -> None:
    """Notice premiums of a few yuan: they are in 万元."""
    premium = columns.get("written_premium")
    if premium is None or premium.unit != "yuan" or premium.heading is None:
        return
    rows = _typed(lake, table, source, mapping, {"written_premium": premium})
    (median,) = lake.con.execute(
        f"SELECT median(written_premium) FROM ({rows}) WHERE written_premium > 0"
    ).fetchone() or (None,)
    if median is not None and median < SMALL_PREMIUM:
        columns["written_premium"] = premium.model_copy(
            update={"unit": "万元", "confidence": "look"}
        )


def _typed(
    lake: Lake,
    table: TableMap,
    source: TextTable,
    mapping: Mapping,
    columns: dict[str, ColumnMap],
) -> str:
    contract, zone = CONTRACTS[table.name], lake.settings.timezone
    readings = [
        read_column(contract, name, column, source, mapping, zone)
        for name, column in columns.items()
    ]
    return select_typed(readings, source)
