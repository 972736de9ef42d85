"""Refuse dates of which nothing, or not yet everything, can be known."""

from collections.abc import Iterable
from datetime import date, datetime
from zoneinfo import ZoneInfo

from features.errors import GuanjiaError
from features.instants import instant_of, microseconds
from features.lake import Lake
from features.settings import cutoff
from features.sql import sql_text


def refuse_unknown_dates(lake: Lake, dates: Iterable[date], now: datetime | None) -> None:
    """Refuse a date that is not over, and one before the first customer was recorded.

    Parameters
    ----------
    lake : Lake
        The home with the checked tables.
    dates : iterable of date
        The dates as of which tags are asked for.
    now : datetime or None
        The current time; None: any date may be over.

    Raises
    ------
    GuanjiaError
        If there is such a date.
    """
    zone = lake.settings.timezone
    path = sql_text(lake.require("customers"))
    query = f"SELECT epoch_us(min(recorded_at)) FROM read_parquet({path})"
    (first,) = lake.con.execute(query).fetchone() or (None,)
    for day in sorted(dates):
        end = cutoff(day, zone)
        if now is not None and now < end:
            fault = f"is not over: it ends at {end.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M} there"
            raise GuanjiaError(f"date {day}", fault, "ask for the day before, or wait")
        if first is not None and microseconds(end) <= first:
            recorded = instant_of(first).astimezone(ZoneInfo(zone))
            raise GuanjiaError(
                f"date {day}",
                f"lies before anybody was known: the first record is of {recorded:%Y-%m-%d}",
                "ask for that day or a later one; docs/data-flow.md says which recorded_at a first"
                " delivery takes",
            )
