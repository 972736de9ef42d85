"""Writes that may be sent again: a caller's key stands for one content, for good."""

import hashlib
from collections.abc import Mapping
from functools import cache
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, Table, bindparam, select
from sqlalchemy.dialects import postgresql, sqlite

from features.errors import GuanjiaError
from serving.records.columns import written


class ClientKeyConflictError(GuanjiaError):
    """A client key that was used for another content."""


def content_hash(content: Mapping[str, Any]) -> str:
    """What two sendings of the same content have in common."""
    ordered = written(dict(sorted(content.items())))
    return hashlib.sha256(ordered.encode("utf-8", "surrogatepass")).hexdigest()


def earlier(
    connection: Connection, table: Table, client_key: str | None, content: str
) -> RowMapping | None:
    """The row that was written under this key, if any.

    Parameters
    ----------
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
            "give every act a key of its own, and repeat an act with the same content",
        )
    return row


def write_once(connection: Connection, table: Table, row: Mapping[str, Any]) -> RowMapping | None:
    """Write a row with `client_key` and `content_hash`, unless its key was there before.

    Returns
    -------
    RowMapping or None
        The row that had been there; None if this one was written.

    Raises
    ------
    ClientKeyConflictError
        If the key stands for another content.
    """
    # On Postgres a transaction with the same key is waited for: it is either seen or gone.
    done = connection.execute(insert_new(table, connection.dialect.name, "client_key"), row)
    if done.rowcount == 1:
        return None
    found = earlier(connection, table, row["client_key"], row["content_hash"])
    assert found is not None, "a row that is in the way can be read"
    return found


@cache
def _by_key(table: Table) -> Select[Any]:
    return select(table).where(table.c.client_key == bindparam("client_key"))


@cache
def insert_new(table: Table, dialect: str, key: str) -> Any:
    """The statement that writes a row unless there is one of the same key."""
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    return insert(table).on_conflict_do_nothing(index_elements=[key])
