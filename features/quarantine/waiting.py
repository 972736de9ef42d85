"""Read the rows that wait in quarantine, whoever held them back, with all cells as texts.

`guanjia check` keeps rows as delivered; an import keeps the values that it could read, and as
delivered the cells that it could not. Both become texts in one form, as a workbook shows them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

import pyarrow.parquet as pq

from features.checking.cells import read_cell
from features.checking.settled_rows import row_id, settled_file
from features.contracts.contract import Contract
from features.contracts.contract_sql import sql_type
from features.contracts.tables import CONTRACTS
from features.imports.reading.readers import cell_text
from features.imports.waiting_rows import waiting_file, waiting_id
from features.lake import Lake
from features.sql import quoted, sql_text

CHECK, IMPORT = "check", "import"
"""Who held a row back."""
BATCH = 10_000


@dataclass(frozen=True)
class WaitingRow:
    """A row in quarantine.

    Attributes
    ----------
    row_id : str
        Hash of its cells.
    kind : str
        Who held it back: `check` or `import`.
    reasons : tuple of str
        The sentences of the rules it breaks.
    file : str
        Name of the file it was delivered in; "" where that is not known.
    line : int or None
        Its line there, or its row.
    recorded_at : datetime or None
        Since when the delivery says it is known.
    cells : dict of str to str
        Column of the contract -> its cell as text; an absent cell is "".
    """

    row_id: str
    kind: str
    reasons: tuple[str, ...]
    file: str
    line: int | None
    recorded_at: datetime | None
    cells: dict[str, str] = field(default_factory=dict)


def waiting_tables(lake: Lake) -> list[str]:
    """List the raw tables with rows in quarantine, in the order of the contracts."""
    return [
        name
        for name in CONTRACTS
        if any(
            path.exists() and pq.read_metadata(path).num_rows
            for path in (lake.quarantine(name), waiting_file(lake, name))
        )
    ]


def waiting_rows(lake: Lake, contract: Contract) -> Iterator[WaitingRow]:
    """Read the rows of a table that wait, in the order of their places.

    Parameters
    ----------
    lake : Lake
        The home.
    contract : Contract
        Of the table.
    """
    query = waiting_sql(lake, contract)
    if query is None:
        return
    names = list(contract.columns)
    columns = ", ".join(map(quoted, names))
    table = lake.con.execute(
        f"SELECT _id, _kind, _reasons, _file, _line, _recorded, {columns} FROM ({query})"
        " ORDER BY _kind, _file, _line, _id"
    ).to_arrow_table()
    for batch in table.to_batches(BATCH):
        for row in batch.to_pylist():
            cells = {name: row[name] or "" for name in names}
            yield WaitingRow(
                row_id=row["_id"],
                kind=row["_kind"],
                reasons=tuple(row["_reasons"]),
                file=row["_file"] or "",
                line=row["_line"],
                recorded_at=row["_recorded"],
                cells=cells,
            )


def waiting_sql(lake: Lake, contract: Contract) -> str | None:
    """Write the query of the rows of a table that wait; None: there is none.

    Its columns are those of the contract as texts, and `_id`, `_kind`, `_reasons`, `_file`,
    `_line`, `_recorded`. A row that waits several times is one row.

    Parameters
    ----------
    lake : Lake
        The home.
    contract : Contract
        Of the table.
    """
    parts = []
    if lake.quarantine(contract.name).exists():
        parts.append(_checked(lake, contract))
    if waiting_file(lake, contract.name).exists():
        parts.append(_imported(lake, contract))
    if not parts:
        return None
    query = (
        f"SELECT * FROM ({' UNION ALL BY NAME '.join(parts)})"
        " QUALIFY row_number() OVER (PARTITION BY _id ORDER BY _file, _line) = 1"
    )
    path = settled_file(lake)
    if path.exists():
        # Of a replay that was cut off before the next check.
        query = (
            f"SELECT * FROM ({query}) WHERE _id NOT IN"
            f" (SELECT row_id FROM read_parquet({sql_text(path)}))"
        )
    return query


def _checked(lake: Lake, contract: Contract) -> str:
    """Write the query of the rows that a check held back."""
    file = f"read_parquet({sql_text(lake.quarantine(contract.name))})"
    types = {
        str(row[0]): str(row[1]) for row in lake.con.execute(f"DESCRIBE FROM {file}").fetchall()
    }
    delivered = [name for name in types if name not in ("reasons", "_file", "_line")]
    zone = lake.settings.timezone
    cells = [
        f"{cell_text(quoted(name), types[name], zone)} AS {quoted(name)}"
        if name in types
        else f"CAST(NULL AS VARCHAR) AS {quoted(name)}"
        for name in contract.columns
    ]
    recorded = "CAST(NULL AS TIMESTAMPTZ)"
    if "recorded_at" in types:
        instant = contract.columns["recorded_at"]
        recorded = read_cell("recorded_at", instant, types["recorded_at"], zone)
    hashed = row_id(lake, contract.name, {name: quoted(name) for name in delivered})
    place = "_file, _line" if "_file" in types else "'' AS _file, CAST(NULL AS BIGINT) AS _line"
    return (
        f"SELECT {hashed} AS _id, '{CHECK}' AS _kind, reasons AS _reasons, {place},"
        f" {recorded} AS _recorded, {', '.join(cells)} FROM {file}"
    )


def _imported(lake: Lake, contract: Contract) -> str:
    """Write the query of the rows that an import held back."""
    file = f"read_parquet({sql_text(waiting_file(lake, contract.name))})"
    present = {str(row[0]) for row in lake.con.execute(f"DESCRIBE FROM {file}").fetchall()}
    if "_cells" not in present:
        file = f"(SELECT *, MAP {{}}::MAP(VARCHAR, VARCHAR) AS _cells, '' AS _name FROM {file})"
    zone = lake.settings.timezone
    cells = [
        f"coalesce(_cells[{sql_text(name)}], {cell_text(quoted(name), sql_type(type_), zone)})"
        f" AS {quoted(name)}"
        for name, type_ in contract.columns.items()
    ]
    return (
        f"SELECT {waiting_id(lake, contract)} AS _id, '{IMPORT}' AS _kind, _reasons,"
        f" _name AS _file, CAST(_line AS BIGINT) AS _line, recorded_at AS _recorded,"
        f" {', '.join(cells)} FROM {file}"
    )
