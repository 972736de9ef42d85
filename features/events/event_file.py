"""Open the SQLite file of the event inbox, with its table."""

import sqlite3
from pathlib import Path

from features.sqlite import connect, transaction

_SCHEMA = """
CREATE TABLE IF NOT EXISTS events (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL,
    customer_id TEXT NOT NULL,
    "table" TEXT NOT NULL,
    key TEXT NOT NULL,
    recorded_us INTEGER NOT NULL,
    content TEXT NOT NULL,
    row TEXT NOT NULL,
    told TEXT NOT NULL,
    online INTEGER NOT NULL DEFAULT 0,
    triggered INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS of_customer ON events (customer_id, "table");
CREATE INDEX IF NOT EXISTS of_key ON events ("table", key);
CREATE INDEX IF NOT EXISTS recorded ON events (recorded_us);
CREATE INDEX IF NOT EXISTS waiting ON events (customer_id) WHERE online = 0;
"""
_TRIGGERED = "ALTER TABLE events ADD COLUMN triggered INTEGER NOT NULL DEFAULT 0"
"""Adds the column that inboxes of releases before triggered touchpoints lack."""
_TO_TRIGGER = (
    "CREATE INDEX IF NOT EXISTS to_trigger ON events (type, customer_id) WHERE triggered = 0"
)


def inbox_connection(path: Path) -> sqlite3.Connection:
    """Connect to an inbox, created if it is missing, for use by the calling thread alone."""
    # An acknowledged event must survive a power cut.
    connection = connect(path, 10, "FULL")
    connection.executescript(_SCHEMA)
    _complete(connection)
    return connection


def _complete(connection: sqlite3.Connection) -> None:
    """Add the column that an older inbox lacks; several processes may try at once."""
    names = "SELECT name FROM pragma_table_info('events')"
    if ("triggered",) not in connection.execute(names).fetchall():
        with transaction(connection):
            if ("triggered",) not in connection.execute(names).fetchall():
                connection.execute(_TRIGGERED)
    connection.execute(_TO_TRIGGER)
