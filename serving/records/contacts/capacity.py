"""What a contact of a branch's channel is worth where there is not enough of it: shadow prices."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, bindparam, delete, func, insert, select

from serving.records.tables import capacity_prices

_p = capacity_prices.c
_FORGET = delete(capacity_prices).where(_p.day == bindparam("one_day"))
_LATEST = select(_p.branch, _p.channel, _p.price, _p.capacity).where(
    _p.day == select(func.max(_p.day)).where(_p.day <= bindparam("one_day")).scalar_subquery()
)


@dataclass(frozen=True)
class CapacityPrice:
    """Contacts a day that a branch can make by a channel, and what one more is worth in yuan."""

    branch: str
    channel: str
    capacity: float
    price: float


def set_prices(
    connection: Connection, day: date, prices: Iterable[CapacityPrice], at: datetime
) -> None:
    """Keep the prices of a day, in place of those it had."""
    connection.execute(_FORGET, {"one_day": day})
    rows = [vars(one) | {"day": day, "made_at": at} for one in prices]
    if rows:
        connection.execute(insert(capacity_prices), rows)


def prices_on(connection: Connection, day: date) -> list[CapacityPrice]:
    """The latest prices that were made for `day` or a day before it."""
    found = connection.execute(_LATEST, {"one_day": day}).mappings()
    return [CapacityPrice(**row) for row in found]
