"""Write the SQL that reads the cells of a source as the columns of a raw table."""

from collections.abc import Sequence
from dataclasses import dataclass

import ibis.expr.datatypes as dt

from features.contracts.contract import Contract
from features.contracts.contract_sql import sql_type
from features.imports import cells, days
from features.imports.mapping import UNITS, UNKNOWN, ColumnMap, Mapping
from features.imports.reading.text_tables import TextTable
from features.sql import quoted, sql_text

PHONES = frozenset({"phone", "account_manager_phone"})
PLATES = frozenset({"plate", "vin"})


@dataclass(frozen=True)
class Reading:
    """How one column of a raw table is read, as SQL in two steps.

    Attributes
    ----------
    name : str
        The column of the contract.
    tidy : str
        The cell of the source, tidy, null where it says nothing.
    value : str
        The value, from the tidy cell `t_<name>`; null where it cannot be read.
    unread : str
        Whether the cell says something that cannot be read, from `t_<name>` and `v_<name>`.
    hour : str
        Whether an instant is without its hour; "false" for other columns.
    rounded : str
        Whether an amount has more than two decimal places; "false" for other columns.
    """

    name: str
    tidy: str
    value: str
    unread: str
    hour: str = "false"
    rounded: str = "false"


def read_column(
    contract: Contract, name: str, column: ColumnMap, source: TextTable, mapping: Mapping, zone: str
) -> Reading:
    """Write how a column of a raw table is read.

    Parameters
    ----------
    contract : Contract
        Of the table.
    name : str
        The column.
    column : ColumnMap
        Where its values come from; `lookup` and `earliest` are filled in later and null here.
    source : TextTable
        The rows of the source.
    mapping : Mapping
        Its nulls and days that are none.
    zone : str
        The insurer's time zone.
    """
    type_ = contract.columns[name]
    if column.value is not None:
        text = str(column.value).lower() if isinstance(column.value, bool) else column.value
        return Reading(name, sql_text(text), f"CAST(t_{name} AS {sql_type(type_)})", "false")
    if column.latest is not None:
        return _latest(name, column, source, mapping, zone)
    if column.heading is None:
        return Reading(name, "CAST(NULL AS VARCHAR)", f"CAST(NULL AS {sql_type(type_)})", "false")
    cells_joined = [source.cell(heading) for heading in (column.heading, *column.joined)]
    cell, t, v = " || '-' || ".join(cells_joined), f"t_{name}", f"v_{name}"
    nulls = _nulls(column, mapping, type_)
    coded = _codes(contract, name, column)
    plain_text = isinstance(type_, dt.String) and coded is None and not _is_identifier(name)
    tidy = cells.without_nulls(cells.tidy(cell, half_width=not plain_text), nulls)
    unread = f"{t} IS NOT NULL AND {v} IS NULL"
    hour = rounded = "false"
    if coded is not None:
        value = _coded_value(t, coded, type_, zone)
        none = [text for text, meaning in coded.items() if meaning == ""]
        if none:
            unread += f" AND {t} NOT IN ({', '.join(map(sql_text, none))})"
    elif isinstance(type_, dt.String):
        value = _text(name, t, column)
    elif isinstance(type_, dt.Date):
        value = _day(name, t, column, zone)
    elif isinstance(type_, dt.Timestamp):
        value = days.instant(t, column.order, zone)
        hour = f"{v} IS NOT NULL AND NOT {days.has_hour(t)}"
    else:
        exact = cells.number(t, str(UNITS[column.unit]), column.decimal)
        value = f"TRY_CAST({exact} AS {sql_type(type_)})"
        if isinstance(type_, dt.Decimal):
            # Few cells have so many places: the others are not read a second time.
            rounded = f"regexp_matches({t}, '\\.\\d{{3}}') AND {v} <> {exact}"
        if isinstance(type_, dt.Integer):
            value = f"CASE WHEN {exact} = trunc({exact}) THEN {value} END"
    if column.empty is not None:
        tidy = f"coalesce({tidy}, {sql_text(column.empty)})"
    return Reading(name, tidy, value, unread, hour, rounded)


def final_value(contract: Contract, name: str, no_days: Sequence[str]) -> str:
    """Write the SQL of a value as it goes on: a day that stands for none is null.

    Parameters
    ----------
    contract : Contract
        Of the table.
    name : str
        The column; its value is `v_<name>`.
    no_days : sequence of str
        Days that stand for none.
    """
    if isinstance(contract.columns[name], dt.Date | dt.Timestamp):
        return days.without_no_days(f"v_{name}", no_days)
    return f"v_{name}"


def default_codes(contract: Contract, name: str) -> dict[str, str | bool] | None:
    """Return the codes of a column that need no list: its allowed values, yes and no."""
    if isinstance(contract.columns[name], dt.Boolean):
        flags: dict[str, str | bool] = dict.fromkeys(cells.NO, False)
        return dict.fromkeys(cells.YES, True) | flags
    allowed = contract.declared[name].allowed
    return {value: value for value in allowed} or None


def _codes(contract: Contract, name: str, column: ColumnMap) -> dict[str, str | bool] | None:
    if column.codes is not None:
        return column.codes
    return default_codes(contract, name)


def _nulls(column: ColumnMap, mapping: Mapping, type_: dt.DataType) -> list[str]:
    """List the cells that say nothing; a listed code says something."""
    codes = column.codes or {}
    nulls = [text for text in mapping.nulls if text not in codes]
    if isinstance(type_, dt.Boolean) and column.codes is None:
        nulls = [text for text in nulls if text not in cells.NO]
    if isinstance(type_, dt.Date | dt.Timestamp):
        nulls += days.no_day_texts(mapping.no_days)
    return nulls


def _coded_value(t: str, codes: dict[str, str | bool], type_: dt.DataType, zone: str) -> str:
    value = cells.code(t, codes, UNKNOWN)
    if isinstance(type_, dt.String):
        return value
    if isinstance(type_, dt.Timestamp):
        return f"TRY_CAST({value} AS TIMESTAMP) AT TIME ZONE {sql_text(zone)}"
    return f"TRY_CAST({value} AS {sql_type(type_)})"


def _day(name: str, t: str, column: ColumnMap, zone: str) -> str:
    read = days.birth_day if name == "birth_date" else days.day
    value = read(t, column.order, zone)
    if not column.last_day:
        return value
    # Not of a day that stands for none: 9999-12-31 has no day after it.
    return f"({value}) + (CASE WHEN year({value}) < 9999 THEN 1 ELSE 0 END)"


def _is_identifier(name: str) -> bool:
    return name.endswith("_id") or name in PHONES | PLATES


def _text(name: str, t: str, column: ColumnMap) -> str:
    if name in PHONES:
        return cells.phone(t)
    if name in PLATES:
        return cells.plate(t)
    return cells.identifier(t, column.suffix) if _is_identifier(name) else t


def _latest(
    name: str, column: ColumnMap, source: TextTable, mapping: Mapping, zone: str
) -> Reading:
    """Read several instants and take the latest."""
    nulls = [*mapping.nulls, *days.no_day_texts(mapping.no_days)]
    tidied = [
        cells.without_nulls(cells.tidy(source.cell(heading)), nulls)
        for heading in column.latest or ()
    ]
    parts = [f"t_{name}[{place}]" for place in range(1, len(tidied) + 1)]
    instants = [
        days.without_no_days(days.instant(part, column.order, zone), mapping.no_days)
        for part in parts
    ]
    return Reading(name, f"[{', '.join(tidied)}]", f"greatest({', '.join(instants)})", "false")


def select_typed(
    contract: Contract,
    columns: dict[str, ColumnMap],
    source: TextTable,
    mapping: Mapping,
    zone: str,
) -> str:
    """Write the query of the typed rows of a table: its columns, `_file`, `_line` and three masks.

    The bits of `_unread`, `_hourless` and `_rounded` stand for the columns in the order of
    `columns`: the cell could not be read; it is an instant without its hour; it was rounded.

    Parameters
    ----------
    contract : Contract
        Of the table.
    columns : dict of str to ColumnMap
        The mapped columns.
    source : TextTable
        The rows of the source.
    mapping : Mapping
        Its nulls and days that are none.
    zone : str
        The insurer's time zone.
    """
    readings = [
        read_column(contract, name, column, source, mapping, zone)
        for name, column in columns.items()
    ]
    tidy = ", ".join(f"{reading.tidy} AS t_{reading.name}" for reading in readings)
    values = ", ".join(f"{reading.value} AS v_{reading.name}" for reading in readings)
    finals = ", ".join(
        f"{final_value(contract, reading.name, mapping.no_days)} AS {quoted(reading.name)}"
        for reading in readings
    )
    return (
        f"SELECT _file, _line, {_mask([r.unread for r in readings])} AS _unread,"
        f" {_mask([r.hour for r in readings])} AS _hourless,"
        f" {_mask([r.rounded for r in readings])} AS _rounded, {finals}"
        f" FROM (SELECT *, {values} FROM (SELECT _file, _line, {tidy}"
        f" FROM {quoted(source.view)} WHERE _kind IS NULL))"
    )


def _mask(conditions: Sequence[str]) -> str:
    """Write the SQL of a number whose bits say which conditions hold."""
    bits = [
        f"(CASE WHEN {condition} THEN {1 << place} ELSE 0 END)"
        for place, condition in enumerate(conditions)
        if condition != "false"
    ]
    return f"CAST({' + '.join(bits)} AS BIGINT)" if bits else "0::BIGINT"
