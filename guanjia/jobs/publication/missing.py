"""Tell which days should have been published and were not."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from features.lake import Lake
from features.lake.pointer import PublishedDay
from features.sources.raw_source import source_of


def missing_days(lake: Lake, day: PublishedDay, now: datetime) -> list[date]:
    """List the days that are over and later than the published one.

    Parameters
    ----------
    lake : Lake
        The home; its settings name the time zone.
    day : PublishedDay
        What is visible.
    now : datetime
        The current time (UTC). A simulated insurer does not live by it: it misses no day that
        nobody simulated, unless `now` is before its last day is over.
    """
    yesterday = now.astimezone(ZoneInfo(lake.settings.timezone)).date() - timedelta(days=1)
    if source_of(lake) is not None:
        return []
    return [day.as_of + timedelta(number + 1) for number in range((yesterday - day.as_of).days)]
