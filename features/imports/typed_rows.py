"""Write the queries that read the cells of a source: plain cells at once, all others in steps.

Nearly all cells are plain, and most columns of a file hold nothing else. So a table is read twice:
`select_plain` gives the values of plain cells and keeps the text of every other one; only the
columns in which such a text is left go through the steps of `select_steps`.
"""

from collections.abc import Mapping, Sequence

from features.contracts.contract import Contract
from features.contracts.contract_sql import sql_type
from features.imports.reading.text_tables import FILE, KIND, LINE, TextTable
from features.imports.values import Reading
from features.sql import quoted

MASKS = {"_unread": "unread", "_hourless": "hour", "_rounded": "rounded"}
"""Columns of bits, one bit a mapped column -> the condition of a `Reading` that its bits say."""


def select_typed(readings: Sequence[Reading], source: TextTable) -> str:
    """Write the query of the values of columns, under their names.

    Parameters
    ----------
    readings : sequence of Reading
        How the columns are read.
    source : TextTable
        The rows of the source.
    """
    finals = ", ".join(
        f"CASE WHEN r_{r.name} IS NULL THEN {_end_of_cover(r, _plain_value(r))}"
        f" ELSE {_end_of_cover(r, r.real)} END AS {quoted(r.name)}"
        for r in readings
    )
    return f"SELECT {finals} FROM ({_steps(readings, _cells(readings, source))})"


def select_values(readings: Sequence[Reading], source: TextTable) -> str:
    """Write the query of `v_<name>`, `t_<name>`, `w_<name>` and, where it is read so, `p_<name>`.

    What the steps say of a plain cell (`t_`, `w_`) is null.

    Parameters
    ----------
    readings : sequence of Reading
        How the columns are read.
    source : TextTable
        The rows of the source.
    """
    values = "".join(
        f", CASE WHEN r_{r.name} IS NULL THEN {_plain_value(r)} ELSE w_{r.name} END AS v_{r.name}"
        for r in readings
    )
    return f"SELECT *{values} FROM ({_steps(readings, _cells(readings, source))})"


def select_plain(contract: Contract, readings: Sequence[Reading], source: TextTable) -> str:
    """Write the query of the values of plain cells, and of the texts of all others as `r_<name>`.

    Parameters
    ----------
    contract : Contract
        Of the table; its columns that are not read are null.
    readings : sequence of Reading
        How the mapped columns are read.
    source : TextTable
        The rows of the source.
    """
    values = {r.name: _end_of_cover(r, _plain_value(r)) for r in readings}
    typed = ", ".join(
        f"CAST({values.get(name, 'NULL')} AS {sql_type(type_)}) AS {quoted(name)}"
        for name, type_ in contract.columns.items()
    )
    left = ", ".join(f"r_{r.name}" for r in readings)
    return f"SELECT {FILE}, {LINE}, {typed}, {left} FROM ({_cells(readings, source)})"


def select_steps(
    contract: Contract, readings: Sequence[Reading], odd: Sequence[Reading], rows: str
) -> str:
    """Write the query that reads the texts that `select_plain` left, and adds the `MASKS`.

    Parameters
    ----------
    contract : Contract
        Of the table.
    readings : sequence of Reading
        How the mapped columns are read: their places are those of the bits.
    odd : sequence of Reading
        Those of columns in which a text is left.
    rows : str
        Name of the table that `select_plain` filled.
    """
    changed = [
        f"CASE WHEN r_{r.name} IS NULL THEN {quoted(r.name)} ELSE"
        f" CAST({_end_of_cover(r, r.real)} AS {sql_type(contract.columns[r.name])}) END"
        f" AS {quoted(r.name)}"
        for r in odd
    ]
    masks = []
    for mask, field in MASKS.items():
        bits = [
            f"(CASE WHEN {getattr(r, field)} THEN {1 << place} ELSE 0 END)"
            for place, r in enumerate(readings)
            if r in odd and getattr(r, field) != "false"
        ]
        masks.append(f"CAST({' + '.join(bits or ['0'])} AS BIGINT) AS {mask}")
    steps = ", ".join(f"{step}_{r.name}" for r in odd for step in "stw")
    stepped = _steps(odd, f"FROM {quoted(rows)}")
    return (
        f"SELECT * EXCLUDE ({steps}) REPLACE ({', '.join(changed)}), {', '.join(masks)}"
        f" FROM ({stepped})"
    )


def _cells(readings: Sequence[Reading], source: TextTable) -> str:
    """Write the query of `p_<name>`, the value of a plain cell, and `r_<name>`, any other cell."""
    left = {
        r.name: r.cell if r.plain is None else f"CASE WHEN p_{r.name} IS NULL THEN {r.cell} END"
        for r in readings
    }
    rows = f"SELECT * FROM {quoted(source.view)} WHERE {KIND} IS NULL"
    rows = _with(rows, {f"g_{r.name}": r.guess for r in readings if r.guess is not None})
    rows = _with(rows, {f"p_{r.name}": r.plain for r in readings if r.plain is not None})
    return _with(rows, {f"r_{name}": cell for name, cell in left.items()})


def _steps(readings: Sequence[Reading], rows: str) -> str:
    """Write the query of `s_<name>`, `t_<name>` and `w_<name>` from `r_<name>`."""
    for step, field in (("s", "tidy"), ("t", "content"), ("w", "value")):
        rows = _with(
            rows,
            {
                f"{step}_{r.name}": f"CASE WHEN r_{r.name} IS NOT NULL THEN {getattr(r, field)} END"
                for r in readings
            },
        )
    return rows


def _with(rows: str, columns: Mapping[str, str]) -> str:
    """Write a query around another that adds columns.

    Each step is a query of its own: the engine computes an expression that occurs twice in one
    query for all rows, even where only few of them need it, and in branches once for each.
    """
    listed = "".join(f", {expression} AS {name}" for name, expression in columns.items())
    return f"SELECT *{listed} FROM ({rows})"


def _plain_value(reading: Reading) -> str:
    return "NULL" if reading.plain is None else f"p_{reading.name}"


def _end_of_cover(reading: Reading, value: str) -> str:
    """Write the SQL of a day as it goes on: the last day of cover becomes the end of it."""
    if not reading.last_day or value == "NULL":
        return value
    # Nothing is the day after 9999-12-31.
    return f"({value}) + (CASE WHEN year({value}) < 9999 THEN 1 ELSE 0 END)"
