"""Say again to empty records what the migrations said to the first ones of this process.

Alembic builds every table anew for each of its revisions, which takes ten times as long as what
it says to the database. Tables that are there are migrated as ever, and so are those of a process
of its own.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import alembic.command
import pytest
from alembic.config import Config
from sqlalchemy import Connection, event, inspect

Statements = list[tuple[str, Any]]
READS = ("SELECT", "PRAGMA")
"""How statements begin that change nothing."""


@contextmanager
def migrations_once() -> Iterator[None]:
    """Let the migrations write once for each kind of database, and repeat what they wrote."""
    written: dict[str, Statements] = {}
    migrate = alembic.command.upgrade

    def upgrade(config: Config, revision: str) -> None:
        connection: Connection = config.attributes["connection"]
        kind = connection.dialect.name
        if revision != "head" or inspect(connection).get_table_names():
            migrate(config, revision)
        elif kind in written:
            for statement, values in written[kind]:
                connection.exec_driver_sql(statement, values)
        else:
            with _listening(connection) as statements:
                migrate(config, revision)
            written[kind] = statements

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(alembic.command, "upgrade", upgrade)
        yield


@contextmanager
def _listening(connection: Connection) -> Iterator[Statements]:
    """Collect what is written over a connection in this block."""
    statements: Statements = []

    def hear(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        if not statement.lstrip().upper().startswith(READS):
            statements.append((statement, values))

    event.listen(connection, "before_cursor_execute", hear)
    try:
        yield statements
    finally:
        event.remove(connection, "before_cursor_execute", hear)
