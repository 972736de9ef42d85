"""Write the columns of a contract as DuckDB SQL, to read and write the files of raw tables."""

import ibis.expr.datatypes as dt

from features.contracts.contract import Contract
from features.instants import civil_sql
from features.sql import quoted


def civil_columns(contract: Contract, timezone: str) -> str:
    """Write the SQL columns with the civil days and hours of a row's instants."""
    days = [
        f"CAST({civil_sql(quoted(instant), timezone)} AS DATE) AS {quoted(day)}"
        for day, instant in contract.civil_days.items()
    ]
    hours = [
        f"hour({civil_sql(quoted(instant), timezone)}) AS {quoted(hour)}"
        for hour, instant in contract.civil_hours.items()
    ]
    return ", ".join([*days, *hours])


def row_columns(contract: Contract) -> str:
    """Write the SQL columns of a row that is delivered as JSON text in the column `row`."""
    return ", ".join(
        f"CAST(row ->> '$.{name}' AS {sql_type(type_)}) AS {quoted(name)}"
        for name, type_ in contract.columns.items()
    )


def sql_type(type_: dt.DataType) -> str:
    """Return DuckDB's name of a column type."""
    if isinstance(type_, dt.Decimal):
        return f"DECIMAL({type_.precision},{type_.scale})"
    names = {
        dt.Timestamp: "TIMESTAMP WITH TIME ZONE",
        dt.Date: "DATE",
        dt.Int64: "BIGINT",
        dt.Float64: "DOUBLE",
        dt.Boolean: "BOOLEAN",
        dt.String: "VARCHAR",
    }
    return next(name for kind, name in names.items() if isinstance(type_, kind))
