"""Find consents that bear a later time than now: then the clock was set back since."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, func, select

from serving.records.columns import Instant
from serving.records.tables import consent_changes

_c = consent_changes.c
MOST_AHEAD = timedelta(hours=25)
"""How far a clock may have been ahead for us to notice that it was set back: a day, and an hour."""
_LATER = select(func.max(_c.recorded_at, type_=Instant)).where(
    _c.customer_id == bindparam("customer_id"),
    _c.purpose == bindparam("purpose"),
    _c.granted,
    _c.recorded_at > bindparam("at", type_=Instant),
    _c.recorded_at <= bindparam("until", type_=Instant),
)


def recorded_later(
    connection: Connection, customer_id: str, purpose: str, at: datetime
) -> datetime | None:
    """Find when the latest consent to a purpose was recorded, if that was after `at`.

    Parameters
    ----------
    connection : Connection
        Of the records.
    customer_id, purpose : str
        Whose consent, to what.
    at : datetime
        Now, by the clock.

    Returns
    -------
    datetime or None
        None: there is none, or it lies further ahead than `MOST_AHEAD`, so that it was not recorded
        by a clock that is about right.
    """
    whose = {"customer_id": customer_id, "purpose": purpose}
    times = {"at": at, "until": at + MOST_AHEAD}
    return connection.execute(_LATER, whose | times).scalar()
