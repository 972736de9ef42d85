"""Draw customers and a time for reports on what would be decided for many of them."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq

from features.errors import GuanjiaError
from features.lake import Lake
from features.snapshots.snapshots import read_snapshot, snapshot_dates
from serving.lots import draw_lot

MORNING = time(10)


def survey(lake: Lake, size: int) -> tuple[list[str], datetime]:
    """Draw customers of the latest snapshot, and the morning on which to ask about them.

    The same home gives the same customers, in the order of the lot: fewer are the first of more.

    Parameters
    ----------
    lake : Lake
        The home.
    size : int
        Number of customers.

    Returns
    -------
    customers : list of str
        Customer numbers.
    at : datetime
        10:00 in the insurer's time zone, on the day after the snapshot.

    Raises
    ------
    GuanjiaError
        If there is no snapshot.
    """
    days = snapshot_dates(lake)
    if not days:
        raise GuanjiaError("snapshots", "are not there", "run `guanjia tags --as-of DATE`")
    files = read_snapshot(lake, days[-1]).files.values()
    path = lake.data / next(iter(files))["path"]
    customers = pq.read_table(path, columns=["customer_id"], partitioning=None)["customer_id"]
    drawn = sorted(customers.to_pylist(), key=lambda customer: draw_lot("survey", customer))
    zone = ZoneInfo(lake.settings.timezone)
    at = datetime.combine(days[-1] + timedelta(days=1), MORNING, zone)
    return drawn[:size], at.astimezone(UTC)
