"""Decide what of a checked table was known at an instant: the bitemporal rule, written once.

A row of a checked table is one version of the thing that its key names. It counts from the instant
at which it was recorded, `recorded_at`, until the next version of the same key was recorded,
`superseded_at` (null for the last one). Known at an instant is what was recorded strictly before
it, and of each key the last such version (`docs/adr/0015-one-place-for-what-was-known.md`). A
milestone of a known row is known only once it has happened.

The rule stands here as an Ibis condition and as an SQL condition, and nowhere else:
`tests/contract/test_rules.py` finds any other mention of `superseded_at`.
"""

from datetime import datetime
from typing import TYPE_CHECKING

from features.sql import instant_sql, quoted

if TYPE_CHECKING:
    # Commands that ask DuckDB in SQL do not wait for Ibis.
    from collections.abc import Iterable

    import ibis.expr.datatypes as dt
    import ibis.expr.types as ir

    from features.contracts.contract import Contract

VERSION_END = "superseded_at"
"""The column that follows from the key and `recorded_at`, for those who ask what a value reads."""
LATEST = "superseded_at IS NULL"
"""SQL condition: the last version of each key, whenever it was recorded."""


def known_at(rows: "ir.Table", instant: "ir.Value") -> "ir.BooleanValue":
    """Express which rows were the known versions at an instant, to filter or join by.

    Parameters
    ----------
    rows : ibis.Table
        Rows with `recorded_at` and `superseded_at`, as checked tables have them.
    instant : ibis timestamp, UTC
        One for all rows, or a column of `rows` or of the table they are joined with.

    Returns
    -------
    ibis boolean
        True where the row was recorded before the instant, and no later version was.
    """
    last = rows.superseded_at.isnull() | (rows.superseded_at >= instant)
    return (rows.recorded_at < instant) & last


def known_sql(instant: datetime) -> str:
    """Write the condition of `known_at` as DuckDB SQL over the columns of one checked table.

    Raises
    ------
    ValueError
        If the instant has no time zone.
    """
    end = instant_sql(instant)
    return f"(recorded_at < {end} AND ({LATEST} OR superseded_at >= {end}))"


def known_rows(rows: "ir.Table", contract: "Contract", instant: "ir.Value") -> "ir.Table":
    """Show a checked table as it was known at an instant.

    Parameters
    ----------
    rows : ibis.Table
        The checked rows; columns beside those of the contract are left as they are.
    contract : Contract
        The contract of the table.
    instant : ibis timestamp, UTC
        One for all rows, or a column of `rows`.

    Returns
    -------
    ibis.Table
        The known versions. Milestones that had not happened before the instant are null, and so
        are their civil days and hours. `recorded_at` and `superseded_at` are dropped, so that no
        tag can read them.
    """
    import ibis

    rows = rows.filter(known_at(rows, instant))
    masked = _masked(contract)
    return rows.mutate(
        **{
            name: (rows[milestone] < instant).ifelse(rows[name], ibis.null(rows[name].type()))
            for name, milestone in masked.items()
            if name in rows.columns
        }
    ).drop("recorded_at", "superseded_at")


def select_known(rows: "ir.Table", contract: "Contract", columns: "Iterable[str]") -> "ir.Table":
    """Select columns of a checked table, and those by which `known_rows` decides about them.

    Every column that an expression carries costs the time in which a command makes its SQL.

    Parameters
    ----------
    rows : ibis.Table
        The checked rows.
    contract : Contract
        The contract of the table.
    columns : iterable of str
        The columns that are read; none: all.
    """
    read = list(columns)
    if not read:
        return rows
    masked = _masked(contract)
    needed = [masked[name] for name in read if name in masked]
    return rows.select(*dict.fromkeys([*read, *needed, "recorded_at", "superseded_at"]))


def _masked(contract: "Contract") -> dict[str, str]:
    """List the columns that are null before a milestone, each with its milestone."""
    masked = {name: name for name in contract.milestones}
    civil = {**contract.civil_days, **contract.civil_hours}
    return masked | {name: milestone for name, milestone in civil.items() if milestone in masked}


def checked_types(contract: "Contract") -> "dict[str, dt.DataType]":
    """List the columns of a checked table with their types.

    They are the contract's columns, the civil days and hours of its instants, `superseded_at`.
    """
    import ibis.expr.datatypes as dt

    from features.contracts.contract import Instant

    days = dict.fromkeys(contract.civil_days, dt.date)
    hours = dict.fromkeys(contract.civil_hours, dt.int64)
    return {**contract.columns, **days, **hours, "superseded_at": Instant}


def later_instants(contract: "Contract") -> list[str]:
    """List the instants of a checked row that can lie after it was recorded.

    These are the milestones and `superseded_at`: until such an instant passes, nobody knows of it.
    """
    return [*contract.milestones, "superseded_at"]


def superseded_sql(contract: "Contract", *, rows_have_it: bool = False, alone: bool = False) -> str:
    """Write the column `superseded_at` of checked rows as SQL, `... AS superseded_at`.

    Parameters
    ----------
    contract : Contract
        The contract of the table.
    rows_have_it : bool
        True if the rows were checked before and versions recorded since were added: then the
        earlier of the two instants counts, since the superseding version may not be among them.
    alone : bool
        True if each row is the only one of its key: then nothing has to be sorted.
    """
    if alone:
        return "CAST(NULL AS TIMESTAMPTZ) AS superseded_at"
    following = f"lead(recorded_at) OVER (PARTITION BY {quoted(contract.key)} ORDER BY recorded_at)"
    value = f"least(superseded_at, {following})" if rows_have_it else following
    return f"{value} AS superseded_at"


def merged_away_sql(ended: str) -> str:
    """Write the column `superseded_at` of rows that end without a next version as SQL.

    Parameters
    ----------
    ended : str
        SQL of the instant at which the row ends, null if it does not. A row that was recorded
        later never counts.
    """
    earliest = f"least(superseded_at, greatest(recorded_at, {ended}))"
    return f"CASE WHEN {ended} IS NULL THEN superseded_at ELSE {earliest} END AS superseded_at"
