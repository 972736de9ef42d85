"""Tell of which date the tags are that the service reads now, for monitoring."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq

from features.errors import GuanjiaError
from features.snapshots.snapshots import read_snapshot, snapshot_dates
from serving.predictions.service import PredictionService
from serving.predictions.unknown_customers import UnknownCustomerError

PROBES = 20
"""Customers who are tried, since some may have been erased."""


class TagsDate:
    """The date of the tags that are read now, as one customer of the latest snapshot has them.

    A load writes the rows of all customers, so that one of them tells for all.

    Parameters
    ----------
    service : PredictionService
        Reads the tags.

    Attributes
    ----------
    as_of : date or None
        The date at the last `refresh`; None: there are no tags.
    """

    def __init__(self, service: PredictionService) -> None:
        self._service = service
        self._zone = ZoneInfo(service.lake.settings.timezone)
        self._probes: tuple[date, list[str]] | None = None
        self.as_of: date | None = None

    def refresh(self) -> None:
        """Read the date again."""
        for customer in self._customers():
            try:
                (row,), _ = self._service.tags([customer], [])
            except UnknownCustomerError:
                continue
            except GuanjiaError:
                break
            self.as_of = row["as_of"]
            return
        self.as_of = None

    def age_days(self, now: datetime) -> int | None:
        """Return the age of the tags in days: 1 on the day after their date."""
        today = now.astimezone(self._zone).date()
        return None if self.as_of is None else (today - self.as_of).days

    def _customers(self) -> list[str]:
        """List a few customers of the latest snapshot."""
        lake = self._service.lake
        days = snapshot_dates(lake)
        if not days:
            return []
        if self._probes is None or self._probes[0] != max(days):
            files = read_snapshot(lake, max(days)).files
            path = lake.data / next(iter(files.values()))["path"]
            first = next(pq.ParquetFile(path).iter_batches(PROBES, columns=["customer_id"]))
            self._probes = max(days), first["customer_id"].to_pylist()
        return self._probes[1]
