"""Rows that events made, among the rows that the core system delivers.

Both speak of the same things, each from its side and in its own time: the quote that an event
announced at noon comes with all its columns in the night, recorded a second before the event, and
a later version of it may not know what the mini-program saw. So of one key

- an event sets what it says and leaves all else as the version before has it, late or not;
- a milestone that an event set stays in later versions that leave it null; of two events that set
  it the earlier instant counts;
- whatever else a delivered version says, null or not, is its word.

Where no version was delivered before, the event's row counts as it was kept.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import pyarrow as pa

from features.contracts.contract import Contract
from features.contracts.contract_sql import row_columns
from features.lake import Lake
from features.sql import quoted

EVENTS = "check_events"
TOLD = "_told"
ROWS = pa.schema([("row", pa.string()), ("told", pa.string())])
"""A row, and of it what its event set, as JSON texts."""


@contextmanager
def staged(
    lake: Lake, contract: Contract, events: Iterable[pa.RecordBatch], row: str
) -> Iterator[str]:
    """The table EVENTS: rows that events made, typed, with their identity `row` and TOLD.

    Parameters
    ----------
    events : iterable of pyarrow.RecordBatch
        See `ROWS`.

    Yields
    ------
    str
        The same without TOLD, as SQL.
    """
    con = lake.engine.con
    con.register("check_inbox", pa.RecordBatchReader.from_batches(ROWS, events))
    try:
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE {EVENTS} AS SELECT {row_columns(contract)},"
            f" 'event:' || row_number() OVER () AS {row}, told AS {TOLD} FROM check_inbox"
        )
    finally:
        con.unregister("check_inbox")
    try:
        yield f"SELECT * EXCLUDE ({TOLD}) FROM {EVENTS}"
    finally:
        con.execute(f"DROP TABLE {EVENTS}")


def merged(contract: Contract, good: str, row: str) -> str:
    """Good rows, delivered and of EVENTS, with what they know from each other, as SQL.

    Parameters
    ----------
    good : str
        The rows as SQL: the contract's columns and the identity `row`.
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
            SELECT good.*, told.{TOLD} AS told FROM good LEFT JOIN {EVENTS} told USING ({row})
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
    column, said = quoted(name), f"told ->> '$.{name}'"

    def last(rows: str) -> str:
        # In a struct a null that was said is not passed over.
        return f"last_value(CASE WHEN {rows} THEN {{'said': {column}}} END IGNORE NULLS) OVER w"

    if name not in contract.milestones:
        return f"({last(f'whole OR ({said}) IS NOT NULL')}).said AS {column}"
    reported = f"min(CAST({said} AS TIMESTAMPTZ)) OVER w"
    return (
        f"CASE WHEN told IS NULL THEN coalesce({column}, {reported})"
        f" ELSE least(({last('whole')}).said, {reported}) END AS {column}"
    )
