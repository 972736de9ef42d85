"""Write the SQL that reads the cells of a source as the columns of a raw table."""

from collections.abc import Sequence
from dataclasses import dataclass

import ibis.expr.datatypes as dt

from features.contracts.contract import Contract
from features.contracts.contract_sql import sql_type
from features.imports import cells, days, plain
from features.imports.mapping import UNITS, UNKNOWN, ColumnMap, Mapping
from features.imports.reading.text_tables import TextTable
from features.sql import sql_text

PHONES = frozenset({"phone", "account_manager_phone"})
PLATES = frozenset({"plate", "vin"})


@dataclass(frozen=True)
class Reading:
    """How one column of a raw table is read, as SQL.

    Attributes
    ----------
    name : str
        The column of the contract.
    cell : str
        The cell of the source, or the list of several.
    tidy : str
        The cell without what only a machine sees, from `r_<name>`, the delivered one.
    content : str
        What the cell says, from `s_<name>`, the tidy one; null where that is nothing.
    value : str
        The value, from `t_<name>`, what the cell says; null where it cannot be read.
    real : str
        The value as it goes on, from `w_<name>`: a day that stands for none is null.
    unread : str
        Whether the cell says something that cannot be read, from `t_<name>` and `w_<name>`.
    hour : str
        Whether an instant is without its hour; "false" for other columns.
    rounded : str
        Whether an amount has more than two decimal places; "false" for other columns.
    plain : str, optional
        The value of a plain cell, null for all others; None: every cell goes the steps above.
    guess : str, optional
        What `plain` is told from, as `g_<name>`: the engine would compute it for each mention.
    last_day : bool
        The value is the last day of cover, which ends on the day after it.
    """

    name: str
    cell: str
    tidy: str
    content: str
    value: str
    real: str
    unread: str = "false"
    hour: str = "false"
    rounded: str = "false"
    plain: str | None = None
    guess: str | None = None
    last_day: bool = False


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
        return _fixed(name, sql_text(text), type_)
    if column.latest is not None:
        return _latest(name, column, source, mapping, zone)
    if column.heading is None:
        return _fixed(name, "CAST(NULL AS VARCHAR)", type_)
    cells_joined = [source.cell(heading) for heading in (column.heading, *column.joined)]
    cell, t, w = " || '-' || ".join(cells_joined), f"t_{name}", f"w_{name}"
    nulls = _nulls(column, mapping, type_)
    coded = _codes(contract, name, column)
    plain_text = isinstance(type_, dt.String) and coded is None and not _is_identifier(name)
    tidy = cells.tidy(f"r_{name}", half_width=not plain_text)
    content = cells.without_nulls(f"s_{name}", nulls)
    unread = f"{t} IS NOT NULL AND {w} IS NULL"
    hour = rounded = "false"
    if coded is not None:
        value = _coded_value(t, coded, type_, zone)
        none = [text for text, meaning in coded.items() if meaning == ""]
        if none:
            unread += f" AND {t} NOT IN ({', '.join(map(sql_text, none))})"
    elif isinstance(type_, dt.String):
        value = _text(name, t, column)
    elif isinstance(type_, dt.Date):
        read = days.birth_day if name == "birth_date" else days.day
        value = read(t, column.order, zone)
    elif isinstance(type_, dt.Timestamp):
        value = days.instant(t, column.order, zone)
        hour = f"{w} IS NOT NULL AND NOT {days.has_hour(t)}"
    else:
        exact = cells.number(t, str(UNITS[column.unit]), column.decimal)
        value = f"TRY_CAST({exact} AS {sql_type(type_)})"
        if isinstance(type_, dt.Decimal):
            # Few cells have so many places: the others are not read a second time.
            rounded = f"regexp_matches({t}, '\\.\\d{{3}}') AND {w} <> {exact}"
        if isinstance(type_, dt.Integer):
            value = f"CASE WHEN {exact} = trunc({exact}) THEN {value} END"
    if column.empty is not None:
        cell = f"coalesce({cell}, {sql_text(column.empty)})"
        content = f"coalesce({content}, {sql_text(column.empty)})"
    return Reading(
        name=name,
        cell=cell,
        tidy=tidy,
        content=content,
        value=value,
        unread=unread,
        hour=hour,
        rounded=rounded,
        plain=_plain(contract, name, column, cell, mapping, zone),
        guess=_guess(cell, type_) if coded is None else None,
        real=_real(w, type_, mapping, zone),
        last_day=column.last_day and isinstance(type_, dt.Date),
    )


def _fixed(name: str, text: str, type_: dt.DataType) -> Reading:
    """Read the same text for every row."""
    value = f"CAST({text} AS {sql_type(type_)})"
    tidy, content, read, real = (f"{step}_{name}" for step in "rstw")
    return Reading(name, "NULL::VARCHAR", tidy, content, read, real, plain=value)


def _guess(cell: str, type_: dt.DataType) -> str | None:
    if isinstance(type_, dt.Date):
        return plain.guess_day(cell)
    return plain.guess_instant(cell) if isinstance(type_, dt.Timestamp) else None


def _real(value: str, type_: dt.DataType, mapping: Mapping, zone: str) -> str:
    """Write the SQL of a value that is null where it is a day that stands for none."""
    if not isinstance(type_, dt.Date | dt.Timestamp):
        return value
    instant = isinstance(type_, dt.Timestamp)
    civil = f"{value} AT TIME ZONE {sql_text(zone)}" if instant else value
    return days.without_no_days(value, mapping.no_days, civil)


def default_codes(contract: Contract, name: str) -> dict[str, str | bool] | None:
    """Return the codes of a column that needs no list: allowed values, yes and no in any case."""
    if isinstance(contract.columns[name], dt.Boolean):
        return {
            written: meaning
            for words, meaning in ((cells.YES, True), (cells.NO, False))
            for word in words
            for written in (word, word.lower(), word.capitalize())
        }
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


def _is_identifier(name: str) -> bool:
    return name.endswith("_id") or name in PHONES | PLATES


def _text(name: str, t: str, column: ColumnMap) -> str:
    if name in PHONES:
        return cells.phone(t)
    if name in PLATES:
        return cells.plate(t)
    return cells.identifier(t, column.suffix) if _is_identifier(name) else t


def _plain(
    contract: Contract, name: str, column: ColumnMap, cell: str, mapping: Mapping, zone: str
) -> str | None:
    """Write the SQL of the value of a plain cell; None if the column has no plain form."""
    type_ = contract.columns[name]
    nulls, no_days = _nulls(column, mapping, type_), mapping.no_days
    coded = _codes(contract, name, column)
    if coded is not None:
        return _plain_code(cell, coded, nulls, type_)
    if isinstance(type_, dt.String):
        return _plain_text(name, column, cell, nulls)
    if isinstance(type_, dt.Date):
        return plain.day(cell, f"g_{name}", nulls, no_days)
    if isinstance(type_, dt.Timestamp):
        return plain.instant(cell, f"g_{name}", nulls, no_days, zone)
    if column.decimal != "." or isinstance(type_, dt.Floating):
        return None
    return plain.number(cell, nulls, str(UNITS[column.unit]), sql_type(type_))


def _plain_code(
    cell: str, codes: dict[str, str | bool], nulls: Sequence[str], type_: dt.DataType
) -> str | None:
    if not isinstance(type_, dt.String | dt.Boolean):
        return None
    known = {text: str(value) for text, value in codes.items() if value not in {"", UNKNOWN}}
    value = plain.code(cell, known, nulls)
    return f"CAST({value} AS BOOLEAN)" if value and isinstance(type_, dt.Boolean) else value


def _plain_text(name: str, column: ColumnMap, cell: str, nulls: Sequence[str]) -> str:
    if name in PHONES:
        return plain.phone(cell, nulls)
    if name in PLATES:
        return plain.plate(cell, nulls)
    if _is_identifier(name):
        return plain.identifier(cell, nulls, column.suffix)
    return plain.text(cell, nulls)


def _latest(
    name: str, column: ColumnMap, source: TextTable, mapping: Mapping, zone: str
) -> Reading:
    """Read several instants and take the latest."""
    nulls = [*mapping.nulls, *days.no_day_texts(mapping.no_days)]
    places = range(1, len(column.latest or ()) + 1)
    tidied = ", ".join(cells.tidy(f"r_{name}[{place}]") for place in places)
    content = ", ".join(cells.without_nulls(f"s_{name}[{place}]", nulls) for place in places)
    listed = ", ".join(source.cell(heading) for heading in column.latest or ())
    parts = [f"t_{name}[{place}]" for place in places]
    instants = [days.instant(part, column.order, zone) for part in parts]
    real = [
        days.without_no_days(instant, mapping.no_days, f"{instant} AT TIME ZONE {sql_text(zone)}")
        for instant in instants
    ]
    value = f"greatest({', '.join(real)})"
    return Reading(name, f"[{listed}]", f"[{tidied}]", f"[{content}]", value, f"w_{name}")
