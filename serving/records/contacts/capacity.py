"""Shadow prices of capacity: the value of one more contact of a branch by a channel."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, bindparam, delete, func, insert, select

from serving.records.tables import capacity_prices

_p = capacity_prices.c
_DELETE = delete(capacity_prices).where(_p.day == bindparam("one_day"))
_LATEST = select(_p.branch, _p.channel, _p.price, _p.capacity).where(
    _p.day == select(func.max(_p.day)).where(_p.day <= bindparam("one_day")).scalar_subquery()
)


@dataclass(frozen=True)
class CapacityPrice:
    """Contacts per day that a branch can make by a channel, and the value of one more in yuan."""

    branch: str
    channel: str
    capacity: float
    price: float


def set_prices(
    connection: Connection, day: date, prices: Iterable[CapacityPrice], at: datetime
) -> None:
    """Replace the prices of a day.

    Parameters
    ----------
    connection : Connection
        Of `Records.writing()`.
    day : date
        The day on which the prices hold.
    prices : iterable of CapacityPrice
        One per branch and channel.
    at : datetime
        When they were computed.
    """
    connection.execute(_DELETE, {"one_day": day})
    rows = [vars(price) | {"day": day, "made_at": at} for price in prices]
    if rows:
        connection.execute(insert(capacity_prices), rows)


def prices_on(connection: Connection, day: date) -> list[CapacityPrice]:
    """Read the prices of a day, or of the latest day before it that has any."""
    rows = connection.execute(_LATEST, {"one_day": day}).mappings()
    return [CapacityPrice(**row) for row in rows]
