"""Deliveries of the days after a simulated insurer's last: new rows of a share of its customers.

A day's file of a table holds copies of the last row of each chosen customer, with a key of its own,
moved to that day. One row in twenty comes late: it was recorded two days before it is delivered.
The same day gives the same bytes.
"""

from datetime import date
from pathlib import Path

import duckdb

TABLES = {
    "interactions": ("interaction_id", "occurred_at", ()),
    "quotes": ("quote_id", "quoted_at", ("delivered_at", "viewed_at")),
    "trips": ("trip_id", "ended_at", ()),
    "surveys_and_complaints": ("case_id", "occurred_at", ("resolved_at",)),
}
"""Table -> key, event time, other instants of the row."""
LATE_SHARE, LATE_DAYS = 0.05, 2


def deliver(home: Path, day: date, share: float) -> int:
    """Write the files of a day into `raw/`; return how many rows they have.

    Parameters
    ----------
    home : Path
        The home of a simulated insurer.
    day : date
        The day; rows are recorded at eleven in the morning of Shanghai.
    share : float
        Of the customers, those of whom something new is delivered.
    """
    connection, rows = duckdb.connect(), 0
    connection.execute("SET TimeZone = 'UTC'; SET threads = 1")
    for table, (key, event, others) in TABLES.items():
        folder = home / "raw" / table
        target = folder / f"part-{day:%Y%m%d}.parquet"
        lot = f"(hash(customer_id || '{day}') % 10000) / 10000.0"
        late = f"hash(customer_id || '{table}{day}') % 100 < {100 * LATE_SHARE}"
        at = f"TIMESTAMPTZ '{day} 02:00:00+00' - CASE WHEN {late} THEN {LATE_DAYS} ELSE 0 END"
        at = at.replace("ELSE 0 END", "ELSE 0 END * INTERVAL 1 DAY")
        moved = "".join(
            f', CASE WHEN "{name}" IS NOT NULL THEN {at} END AS "{name}"' for name in others
        )
        connection.execute(
            f"COPY (SELECT * REPLACE ('{day:%m%d}-' || {key} AS {key}, {at} AS {event}{moved},"
            f" {at} + INTERVAL 1 HOUR AS recorded_at)"
            f" FROM read_parquet('{folder}/part-0*.parquet') WHERE {lot} < {share}"
            f" QUALIFY row_number() OVER (PARTITION BY customer_id"
            f" ORDER BY recorded_at DESC, {key}) = 1 ORDER BY {key}) TO '{target}' (FORMAT parquet)"
        )
        counted = connection.execute(f"SELECT count(*) FROM read_parquet('{target}')").fetchone()
        rows += counted[0] if counted else 0
    connection.close()
    return rows
