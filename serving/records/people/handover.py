"""A leaving account manager's work and customers pass to a successor, in every branch at once."""

from collections import defaultdict
from datetime import datetime

from features.contracts import tables  # noqa: F401  declares the contracts
from features.errors import GuanjiaError, unknown_name
from features.lake import Lake
from features.sql import sql_text
from serving.records.database import LONG_SECONDS, Records
from serving.records.people.handover_rows import (
    Handover,
    NothingToPassError,
    branches_of,
    handover,
    successors,
)


def hand_over(
    lake: Lake,
    records: Records,
    leaver: str,
    successor: str,
    by: str,
    at: datetime,
    *,
    new: bool = False,
) -> list[Handover]:
    """Pass on what an account manager has, in one transaction; one handover a branch.

    The customers are those whose checked row names the leaver; of no branch, they are of "".

    Parameters
    ----------
    by : str
        Who orders it.
    new : bool
        Whether the successor has no customers yet, so that no row names him.

    Raises
    ------
    GuanjiaError
        If a name is not known, with the nearest ones; or if nothing is and was there to pass on.
    """
    if not by.strip():
        raise GuanjiaError("handover", "is ordered by nobody", "say who orders it")
    customers = _customers_of(lake, leaver)
    with records.writing(LONG_SECONDS, durable=True) as connection:
        known = _managers(lake) | successors(connection)
        branches = sorted({*customers, *branches_of(connection, leaver, at)})
        if leaver not in known and not branches:
            raise unknown_name("account manager", leaver, known)
        if successor not in known and not new:
            error = unknown_name("account manager", successor, known)
            cure = f"{error.cure.rstrip('?')}? Add --new if nobody is this manager's customer yet"
            raise GuanjiaError(error.thing, error.fault, cure)
        done: list[Handover] = []
        nothing = NothingToPassError(f"account manager {leaver}", "has nothing to pass on", "-")
        for branch in branches:
            try:
                found = customers.get(branch, ())
                done.append(
                    handover(connection, branch, leaver, successor, by, at, customers=found)
                )
            except NothingToPassError as error:
                nothing = error
        if not done:
            raise nothing
    return done


def _managers(lake: Lake) -> set[str]:
    query = (
        "SELECT DISTINCT account_manager_id FROM "
        f"read_parquet({sql_text(lake.require('customers'))}) WHERE account_manager_id IS NOT NULL"
    )
    return {manager for (manager,) in lake.engine.con.execute(query).fetchall()}


def _customers_of(lake: Lake, manager: str) -> dict[str, list[str]]:
    """The customers whose latest row names a manager, by branch."""
    query = (
        "SELECT coalesce(branch, ''), customer_id FROM "
        f"read_parquet({sql_text(lake.require('customers'))}) "
        f"WHERE account_manager_id = {sql_text(manager)} AND superseded_at IS NULL"
    )
    found: dict[str, list[str]] = defaultdict(list)
    for branch, customer in lake.engine.con.execute(query).fetchall():
        found[branch].append(customer)
    return found
