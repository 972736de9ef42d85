"""Load the online rows of a day into a slot of their own, while another slot is read."""

from datetime import date, datetime

from features.erased import Erased
from features.erasure.customer_files import customers_in
from features.lake import Lake
from features.lake.pointer import PublishedDay, read_pointer
from features.online.contact_details import CONTACT_DETAILS
from features.online.feast_client import materialize
from features.online.store import drop_slot, online_rows, slots
from features.progress import Report, quiet
from features.snapshots.snapshots import read_snapshot
from features.tags import catalogue


def load_slot(lake: Lake, day: PublishedDay, now: datetime, report: Report = quiet) -> bool:
    """Load the rows of a day into its slot, unless all of them are there.

    Slots that are neither live nor this one are deleted first: the store holds the rows of two
    days at most.

    Parameters
    ----------
    lake : Lake
        The home; its settings name the online store.
    day : PublishedDay
        The day, whose files are gathered.
    now : datetime
        The current time (UTC); a day that is not over is refused.
    report : Report
        Progress: called with a step, rows done and rows in all.

    Returns
    -------
    bool
        Whether anything had to be loaded.

    Raises
    ------
    GuanjiaError
        If the online store does not answer, or the day is not over.
    """
    live = read_pointer(lake.home)
    keep = {day.slot, live.slot if live else ""}
    for slot in slots(lake.settings):
        if slot not in keep:
            drop_slot(lake.settings, slot)
    own = Lake(lake.settings, day)
    if not lacking_rows(own, day.as_of):
        return False
    if day.slot in slots(lake.settings) and (live is None or live.slot != day.slot):
        drop_slot(lake.settings, day.slot)  # of a load that was killed
    materialize(own, day.as_of, report, now=now)
    return True


def lacking_rows(lake: Lake, as_of: date) -> dict[str, tuple[int, int]]:
    """Compare the rows of a lake's slot with the customers of a day's snapshot.

    Returns
    -------
    dict of str to (int, int)
        Tag group -> customers who have a row, and customers who should; only where they differ.

    Raises
    ------
    GuanjiaError
        If the online store does not answer.
    """
    snapshot = read_snapshot(lake, as_of)
    erased = Erased(lake.settings)
    customers = customers_in(lake.data / next(iter(snapshot.files.values()))["path"])
    ids = sorted(customers - (erased.among(customers) if erased else set()))
    groups = [*catalogue.groups(), *([CONTACT_DETAILS] if lake.has("customers") else [])]
    rows = online_rows(lake)
    counted = {group: rows.count(group, ids) for group in groups}
    return {group: (number, len(ids)) for group, number in counted.items() if number < len(ids)}
