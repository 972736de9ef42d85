"""Find the civil days on which stars can move, without waiting for Ibis."""

from datetime import date, timedelta

from features.contracts.vocabulary import MOTOR_LINES
from features.lake import Lake
from features.lake.civil_days import civil_days_sql
from features.sql import sql_text


def calendar_sql(lake: Lake, last: date | None) -> str:
    """Write the query of the civil days on which stars can move, up to a last one.

    They begin with the first motor inception or the first occurrence of a claim, which are looked
    up in the checked tables.

    Parameters
    ----------
    lake : Lake
        Holds the checked tables `policies` and `claims`.
    last : date, optional
        The last day; None: there are no days.
    """
    if last is None:
        return civil_days_sql(lake, date.max, date.min)
    policies, claims = (
        f"read_parquet({sql_text(lake.require(table))})" for table in ("policies", "claims")
    )
    return _days_sql(lake, policies, claims, last)


def own_calendar_sql(lake: Lake, last: date) -> str:
    """Write the query of the civil days on which the stars of one customer can move.

    Days before their own first term and claim move nothing of theirs, whatever others had.

    Parameters
    ----------
    lake : Lake
        Where `features.stars.stored_tables.open_own_rows` opened `policies` and `claims`.
    last : date
        The last day.
    """
    return _days_sql(lake, '"checked_policies"', '"checked_claims"', last)


def _days_sql(lake: Lake, policies: str, claims: str, last: date) -> str:
    """Write the query of the days from the first cause in some rows on.

    Parameters
    ----------
    lake : Lake
        The home, whose engine looks the first cause up.
    policies, claims : str
        What stands behind FROM.
    last : date
        The last day.
    """
    motor = ", ".join(sql_text(line) for line in MOTOR_LINES)
    firsts = (
        f"SELECT (SELECT min(inception) FROM {policies} WHERE line IN ({motor})), "
        f"(SELECT min(occurred_at)::DATE FROM {claims})"
    )
    inception, occurred = lake.con.execute(firsts).fetchone() or (None, None)
    # The day before: west of Greenwich an instant's civil day may be the one before its UTC date.
    causes = [day for day in (inception, occurred and occurred - timedelta(1)) if day]
    return civil_days_sql(lake, min([*causes, last]), last)
