"""Notice rows that the online store lost one by one, as a server does that is short of memory."""

from collections.abc import Mapping, Sequence
from typing import Any

from features.erased import Erased
from features.errors import GuanjiaError
from features.lake import Lake
from features.online.store import may_lose_rows
from features.snapshots.lookup import SnapshotLookup
from features.snapshots.snapshots import snapshot_dates

BRANCH = "branch"


def require_rows(
    lake: Lake, lookup: SnapshotLookup, erased: Erased, rows: Sequence[Mapping[str, Any]]
) -> None:
    """Refuse rows of the online store if it lost some of customers of the latest snapshot.

    Whoever has no row, or not one of each group, came after the snapshot or is not known at all; or
    a server that was short of memory dropped their rows, and then no tag of theirs may be taken for
    unknown.

    Parameters
    ----------
    lake : Lake
        Its settings name the store.
    lookup : SnapshotLookup
        Reads the latest snapshot.
    erased : Erased
        Customers who were erased, and may still be in the snapshot.
    rows : sequence of mapping
        What `features.online.reader.TagReader` read.

    Raises
    ------
    GuanjiaError
        If it lost rows, or does not answer.
    """
    # Asked first, whoever the rows are of: nobody takes the same steps as a customer of others.
    if not may_lose_rows(lake):
        return
    doubtful = [row["customer_id"] for row in rows if not row["whole"]]
    if not doubtful or not snapshot_dates(lake):
        return
    gone = erased.among(doubtful)
    known = (row for row in lookup.read(doubtful, (BRANCH,)) if row["known"])
    lost = sum(row["customer_id"] not in gone for row in known)
    if lost:
        fault = f"lost rows of {lost} customers whom the latest snapshot has"
        cure = "set Redis' maxmemory-policy to noeviction, then run `guanjia materialize`"
        raise GuanjiaError("the online store", fault, cure)
