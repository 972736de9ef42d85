"""Fill in columns of raw tables from other tables of the same delivery."""

from collections.abc import Collection

from features.contracts.tables import CONTRACTS
from features.errors import GuanjiaError
from features.imports.deliveries.known import rows_to_look_up
from features.imports.mapping import ColumnMap, Mapping
from features.lake import Lake
from features.lake.terms import COVER_END
from features.sql import quoted, sql_text


def complete(
    lake: Lake, mapping: Mapping, prepared: Collection[str], *, beside_known: bool
) -> None:
    """Fill in columns that another table tells: the customer of a claim by its policy.

    Parameters
    ----------
    lake : Lake
        Whose engine holds `ready_<table>`.
    mapping : Mapping
        Which columns are read from which table.
    prepared : collection of str
        The tables of the delivery.
    beside_known : bool
        Whether known rows that the delivery does not name are looked up too.

    Raises
    ------
    GuanjiaError
        If a column is read from a table or column that the mapping does not make.
    """
    lookups: list[tuple[str, str, ColumnMap]] = []
    for table in mapping.tables:
        for name, column in table.columns.items():
            if column.lookup is not None or column.earliest is not None:
                lookups.append((table.name, name, column))
    # A customer comes before what is asked for by customer: policies know it before claims do.
    order = list(CONTRACTS)
    lookups.sort(key=lambda item: (item[2].earliest is not None, order.index(item[0])))
    for table_name, name, column in lookups:
        other, _, column_there = (column.earliest or f"{column.lookup}.{name}").partition(".")
        rows = rows_to_look_up(lake, other, ready=other in prepared, known=beside_known)
        if rows is None or column_there not in CONTRACTS[other].columns:
            raise GuanjiaError(
                f"table {table_name}, column {name}",
                f"is read from {other}.{column_there}, which the mapping does not make",
                "map that table too, or take the column from elsewhere",
            )
        by = column.by or CONTRACTS[table_name].key
        if column.on is not None:
            _find_covering(lake, f"ready_{table_name}", name, column, rows)
            continue
        event = CONTRACTS[other].event_time
        value = (
            f"min({quoted(column_there)})"
            if column.earliest is not None
            else f"max_by({quoted(column_there)}, {quoted(event)})"
        )
        lake.con.execute(
            f"UPDATE ready_{table_name} SET {quoted(name)} = other.value FROM"
            f" (SELECT {quoted(by)} AS key, {value} AS value FROM {rows}"
            f" WHERE {quoted(column_there)} IS NOT NULL GROUP BY 1) AS other"
            f" WHERE {quoted(name)} IS NULL AND {quoted(by)} = other.key"
        )


def _find_covering(lake: Lake, ready: str, name: str, column: ColumnMap, rows: str) -> None:
    """Fill in a column of the term that covers the day of an instant, the last one of several."""
    by, zone = quoted(column.by or ""), sql_text(lake.settings.timezone)
    day = f"CAST(r.{quoted(column.on or '')} AT TIME ZONE {zone} AS DATE)"
    lake.con.execute(
        f"UPDATE {ready} SET {quoted(name)} = covering.value FROM (SELECT r.rowid AS place,"
        f" max_by(o.{quoted(name)}, o.inception) AS value FROM {ready} r JOIN {rows} o"
        f" ON r.{by} = o.{by} AND {day} >= o.inception"
        f" AND {day} < {COVER_END} WHERE r.{quoted(name)} IS NULL GROUP BY 1)"
        f" AS covering WHERE {ready}.rowid = covering.place"
    )
