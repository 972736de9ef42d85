"""Merge rows that events made with the rows that the core system delivers.

Both describe the same things at different times: the quote that an event announced at noon is
delivered with all its columns in the night, recorded a second before the event, and a later version
of it may lack what the mini-program saw. So for one key

- an event sets its own columns and leaves all others as the version before has them, late or not;
- a milestone that an event set stays in later versions that leave it null; of two events that set
  it the earlier instant counts;
- every other column of a delivered version counts as delivered, null or not.

Where no version was delivered before, the event's row counts as it was stored.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import pyarrow as pa

from features.contracts.contract import Contract
from features.contracts.contract_sql import row_columns
from features.lake import Lake
from features.sql import quoted

EVENTS = "check_events"
SET_COLUMNS = "_told"
ROWS = pa.schema([("row", pa.string()), ("told", pa.string())])
"""A row and the columns of it that its event set, as JSON texts."""


@contextmanager
def staged(
    lake: Lake, contract: Contract, events: Iterable[pa.RecordBatch], row: str
) -> Iterator[str]:
    """Create the temporary table EVENTS: rows that events made, typed, dropped on exit.

    Parameters
    ----------
    lake : Lake
        Whose engine gets the table.
    contract : Contract
        The contract of the rows.
    events : iterable of pyarrow.RecordBatch
        The rows, with the schema `ROWS`.
    row : str
        Name of the column that identifies a row; the column `SET_COLUMNS` holds what the event set.

    Yields
    ------
    str
        Query of the table without `SET_COLUMNS`.
    """
    con = lake.con
    con.register("check_inbox", pa.RecordBatchReader.from_batches(ROWS, events))
    try:
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE {EVENTS} AS SELECT {row_columns(contract)},"
            f" 'event:' || row_number() OVER () AS {row}, told AS {SET_COLUMNS} FROM check_inbox"
        )
    finally:
        con.unregister("check_inbox")
    try:
        yield f"SELECT * EXCLUDE ({SET_COLUMNS}) FROM {EVENTS}"
    finally:
        con.execute(f"DROP TABLE {EVENTS}")


def merged(contract: Contract, good: str, row: str) -> str:
    """Write the query that merges good rows, delivered and of EVENTS, version by version.

    Parameters
    ----------
    contract : Contract
        The contract of the rows.
    good : str
        Query of the rows: the contract's columns and the identity `row`.
    row : str
        Name of the column that identifies a row.
    """
    key, own = quoted(contract.key), ("customer_id", contract.key, "recorded_at")
    cells = ", ".join(
        _cell(contract, name) if name not in own else quoted(name) for name in contract.columns
    )
    columns = ", ".join(quoted(name) for name in contract.columns)
    window = f"(PARTITION BY {key}, customer_id ORDER BY recorded_at ROWS UNBOUNDED PRECEDING)"
    return f"""
        WITH good AS ({good}),
        shared AS (
            SELECT good.*, told.{SET_COLUMNS} AS told FROM good
            LEFT JOIN {EVENTS} told USING ({row})
            WHERE good.{key} IN (SELECT {key} FROM {EVENTS})
        ),
        marked AS (
            SELECT *, told IS NULL OR bool_and(told IS NOT NULL) OVER {window} AS whole FROM shared
        )
        SELECT {cells} FROM marked WINDOW w AS {window}
        UNION ALL
        SELECT {columns} FROM good WHERE {key} NOT IN (SELECT {key} FROM {EVENTS})
    """


def _cell(contract: Contract, name: str) -> str:
    column, value = quoted(name), f"told ->> '$.{name}'"

    def last(rows: str) -> str:
        # A null that a row states must count: inside a struct it is not ignored.
        return f"last_value(CASE WHEN {rows} THEN {{'said': {column}}} END IGNORE NULLS) OVER w"

    if name not in contract.milestones:
        return f"({last(f'whole OR ({value}) IS NOT NULL')}).said AS {column}"
    reported = f"min(CAST({value} AS TIMESTAMPTZ)) OVER w"
    return (
        f"CASE WHEN told IS NULL THEN coalesce({column}, {reported})"
        f" ELSE least(({last('whole')}).said, {reported}) END AS {column}"
    )
