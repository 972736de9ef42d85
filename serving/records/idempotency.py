"""Idempotent writes: a client key stands for one content for good, so a retry changes nothing."""

import hashlib
from collections.abc import Mapping
from functools import cache
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, Table, bindparam, select
from sqlalchemy.dialects import postgresql, sqlite

from features.errors import GuanjiaError
from serving.records.columns import to_json


class ClientKeyConflictError(GuanjiaError):
    """A client key was used before with other content."""


def caller_key(subject: str, client_key: str) -> str:
    """Join a caller and their key into the key of a row, such that keys of two callers never meet.

    The first space ends the subject: its own spaces are written as %20, and its per cents as %25.

    Examples
    --------
    >>> caller_key("mini", "app 4711"), caller_key("mini app", "4711")
    ('mini app 4711', 'mini%20app 4711')
    """
    return f"{subject.replace('%', '%25').replace(' ', '%20')} {client_key}"


def content_hash(content: Mapping[str, Any]) -> str:
    """Hash a content such that a retry of the same content has the same hash."""
    ordered = to_json(dict(sorted(content.items())))
    return hashlib.sha256(ordered.encode("utf-8", "surrogatepass")).hexdigest()


def find_by_key(
    connection: Connection, table: Table, client_key: str | None, content: str
) -> RowMapping | None:
    """Find the row that was written under a client key, if any.

    Parameters
    ----------
    connection : Connection
        Of the records.
    table : Table
        Table with the columns `client_key` and `content_hash`.
    client_key : str or None
        The caller's key; without one there is nothing to find.
    content : str
        The `content_hash` of what is sent now.

    Raises
    ------
    ClientKeyConflictError
        If the key stands for another content.
    """
    if client_key is None:
        return None
    row = connection.execute(_by_key(table), {"client_key": client_key}).mappings().first()
    if row is not None and row["content_hash"] != content:
        raise ClientKeyConflictError(
            f"client key {client_key}",
            "was sent before with other content",
            "use a new client key for new content; retry with the same key and content",
        )
    return row


def insert_once(connection: Connection, table: Table, row: Mapping[str, Any]) -> RowMapping | None:
    """Insert a row unless its client key is in the table already.

    Parameters
    ----------
    connection : Connection
        Of `Records.writing()`.
    table : Table
        Where to insert.
    row : mapping
        Values by column, `client_key` and `content_hash` among them.

    Returns
    -------
    RowMapping or None
        The earlier row of that key; None if this one was inserted.

    Raises
    ------
    ClientKeyConflictError
        If the key stands for another content.
    """
    # Postgres waits for a concurrent transaction with the same key: it commits or rolls back.
    done = connection.execute(
        insert_unless_present(table, connection.dialect.name, "client_key"), row
    )
    if done.rowcount == 1:
        return None
    existing = find_by_key(connection, table, row["client_key"], row["content_hash"])
    assert existing is not None, "a row that conflicts can be read"
    return existing


@cache
def _by_key(table: Table) -> Select[Any]:
    return select(table).where(table.c.client_key == bindparam("client_key"))


@cache
def insert_unless_present(table: Table, dialect: str, key: str) -> Any:
    """Build the statement that inserts a row unless the table has one with the same key.

    Parameters
    ----------
    table : Table
        Where to insert.
    dialect : str
        Name of the database's dialect, "sqlite" or "postgresql".
    key : str
        Name of the unique column.
    """
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    return insert(table).on_conflict_do_nothing(index_elements=[key])
