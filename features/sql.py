"""Write values and names as DuckDB literals and identifiers, quoted against SQL injection."""

from datetime import datetime


def sql_text(value: object) -> str:
    """Write a text or a path as a DuckDB literal.

    Examples
    --------
    >>> sql_text("O'Brien")
    "'O''Brien'"
    """
    return "'" + str(value).replace("'", "''") + "'"


def instant_sql(instant: datetime) -> str:
    """Write an instant as a DuckDB literal.

    Raises
    ------
    ValueError
        If it has no time zone: the engine would assume that of its session.

    Examples
    --------
    >>> instant_sql(datetime.fromisoformat("2026-06-30T16:00:00+00:00"))
    "TIMESTAMPTZ '2026-06-30T16:00:00+00:00'"
    """
    if instant.tzinfo is None:
        raise ValueError(f"{instant.isoformat()} has no time zone")
    return f"TIMESTAMPTZ '{instant.isoformat()}'"


def quoted(name: str) -> str:
    """Write the name of a column or table as a DuckDB identifier.

    Examples
    --------
    >>> quoted('a"b')
    '"a""b"'
    """
    return '"' + name.replace('"', '""') + '"'
