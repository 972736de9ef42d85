"""Find all numbers of a customer whom the core system merged: an erasure is one of all of them."""

from collections.abc import Collection, Iterable
from datetime import datetime

from features.lake import Lake
from features.lake.known_at import LATEST, known_sql
from features.sql import sql_text

MERGES = "customer_merges"


def numbers_of(lake: Lake, customers: Collection[str]) -> set[str]:
    """Return the customers with every number that was merged with one of theirs.

    Parameters
    ----------
    lake : Lake
        The home with the checked merges, if there are any.
    customers : collection of str
        Customer ids.
    """
    if not lake.has(MERGES):
        return set(customers)
    query = f"SELECT customer_id, merged_into FROM read_parquet({sql_text(lake.checked(MERGES))})"
    return linked(customers, lake.con.execute(query).fetchall())


def linked(customers: Iterable[str], pairs: Iterable[tuple[str, str]]) -> set[str]:
    """Return the customers, and all that pairs link with them.

    Examples
    --------
    >>> sorted(linked(["C1"], [("C2", "C1"), ("C2", "C3"), ("C8", "C9")]))
    ['C1', 'C2', 'C3']
    """
    neighbours: dict[str, set[str]] = {}
    for one_end, other_end in pairs:
        neighbours.setdefault(one_end, set()).add(other_end)
        neighbours.setdefault(other_end, set()).add(one_end)
    reached = set(customers)
    waiting = list(reached)
    while waiting:
        new = neighbours.get(waiting.pop(), set()) - reached
        reached |= new
        waiting += new
    return reached


def latest_owners(lake: Lake, by: datetime | None = None) -> dict[str, str]:
    """Map each number that was given up to the one that its customer goes on with.

    Parameters
    ----------
    lake : Lake
        The home with the checked merges, if there are any.
    by : datetime, optional
        Only merges that were recorded before this instant count; default: all.
    """
    if not lake.has(MERGES):
        return {}
    query = (
        "SELECT customer_id, merged_into"
        f" FROM read_parquet({sql_text(lake.checked(MERGES))}) WHERE"
        f" {LATEST if by is None else known_sql(by)}"
    )
    into = dict(lake.con.execute(query).fetchall())
    owners: dict[str, str] = {}
    for number, owner in into.items():
        last = owner
        while last in into:  # `guanjia check` refuses circles
            last = into[last]
        owners[number] = last
    return owners
