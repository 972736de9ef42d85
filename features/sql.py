"""Write values and names into the text of a DuckDB query, so that none can end its literal."""


def sql_text(value: object) -> str:
    """Write a text or a path as a DuckDB literal.

    Examples
    --------
    >>> sql_text("O'Brien")
    "'O''Brien'"
    """
    return "'" + str(value).replace("'", "''") + "'"


def quoted(name: str) -> str:
    """Write the name of a column or table as a DuckDB identifier.

    Examples
    --------
    >>> quoted('a"b')
    '"a""b"'
    """
    return '"' + name.replace('"', '""') + '"'
