"""Hand over the reserved contacts and customers of a leaving account manager to a successor.

All branches are handed over at once. History stays: sent contacts keep their account manager.
"""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, union, update

from features.errors import GuanjiaError, unknown_name
from features.lake import Lake
from features.lake.known_at import LATEST
from features.sql import sql_text
from serving.records.columns import new_id
from serving.records.database import LONG_SECONDS, Records, advisory_lock
from serving.records.tables import contacts, handovers, manager_assignments


class NothingToPassError(GuanjiaError):
    """An account manager has nothing to pass to this successor, and never had."""


BATCH_IDS = 500  # customer ids in one statement
_a, _h, _k = manager_assignments.c, handovers.c, contacts.c
_CONTACTS = (
    update(contacts)
    .where(
        _k.account_manager_id == bindparam("leaver"),
        _k.branch == bindparam("one_branch"),
        _k.state == "reserved",
        _k.reserved_until > bindparam("now", type_=_k.reserved_until.type),
    )
    .values(account_manager_id=bindparam("successor"))
)
_ASSIGNED = (
    update(manager_assignments)
    .where(
        _a.account_manager_id == bindparam("leaver"),
        _a.branch == bindparam("one_branch"),
    )
    .values(
        account_manager_id=bindparam("successor"),
        assigned_at=bindparam("now", type_=_a.assigned_at.type),
        handover_id=bindparam("number"),
    )
)
_MANAGERS = select(_a.customer_id, _a.account_manager_id).where(
    _a.customer_id.in_(bindparam("customer_ids", expanding=True))
)
_BRANCHES = union(
    select(_k.branch).where(
        _k.account_manager_id == bindparam("leaver"),
        _k.state == "reserved",
        _k.reserved_until > bindparam("now", type_=_k.reserved_until.type),
    ),
    select(_a.branch).where(_a.account_manager_id == bindparam("leaver")),
)
_SUCCESSORS = select(_a.account_manager_id).distinct()
_BEFORE = (
    select(handovers)
    .where(
        _h.branch == bindparam("branch"),
        _h.leaver == bindparam("leaver"),
        _h.successor == bindparam("successor"),
    )
    .order_by(_h.handover_id.desc())
    .limit(1)
)


@dataclass(frozen=True)
class Handover:
    """A handover of one branch; `repeated` if it was carried out before and nothing was left."""

    handover_id: str
    branch: str
    leaver: str
    successor: str
    handed_by: str
    handed_at: datetime
    contacts: int
    customers: int
    repeated: bool = False


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
    """Hand over everything of an account manager in one transaction, branch by branch.

    The customers are those whose checked row names the leaver. Customers without a branch form the
    branch "".

    Parameters
    ----------
    lake : Lake
        The home whose checked customers name their account managers.
    records : Records
        The records with contacts and assignments.
    leaver, successor : str
        Ids of the account managers.
    by : str
        Who ordered it.
    at : datetime
        Now.
    new : bool
        Whether the successor may be a manager whom no customer has yet.

    Returns
    -------
    list of Handover
        One per branch that had something to pass on.

    Raises
    ------
    GuanjiaError
        If an account manager is not known (the error names the nearest ones), the successor is the
        leaver, or there is nothing to pass on and never was.
    """
    if not by.strip():
        raise GuanjiaError("handover", "is ordered by nobody", "name who orders it with --who")
    customers = _customers_of(lake, leaver)
    with records.writing(LONG_SECONDS, durable=True) as connection:
        known = _managers(lake) | _successors(connection)
        branches = sorted({*customers, *_branches_of(connection, leaver, at)})
        if leaver not in known and not branches:
            raise unknown_name("account manager", leaver, known)
        if successor not in known and not new:
            error = unknown_name("account manager", successor, known)
            cure = f"{error.cure.rstrip('?')}? Add --new if nobody is this manager's customer yet"
            raise GuanjiaError(error.thing, error.fault, cure)
        done: list[Handover] = []
        cure = "check the account manager's number"
        nothing = NothingToPassError(f"account manager {leaver}", "has nothing to pass on", cure)
        for branch in branches:
            try:
                own = customers.get(branch, ())
                done.append(
                    pass_branch(connection, branch, leaver, successor, by, at, customers=own)
                )
            except NothingToPassError as error:
                nothing = error
        if not done:
            raise nothing
    return done


def pass_branch(
    connection: Connection,
    branch: str,
    leaver: str,
    successor: str,
    by: str,
    at: datetime,
    *,
    customers: Collection[str] = (),
) -> Handover:
    """Pass on the reserved contacts and customers of an account manager in one branch.

    Parameters
    ----------
    connection : Connection
        Of `Records.writing()`.
    branch : str
        The branch; "" for customers without one.
    leaver, successor : str
        Ids of the account managers.
    by : str
        Who ordered it.
    at : datetime
        Now.
    customers : collection of str
        Customers whose policies name the leaver; those handed to somebody since stay there.

    Raises
    ------
    NothingToPassError
        If the leaver has nothing to pass to this successor, and never had.
    GuanjiaError
        If the successor is the leaver.
    """
    if successor == leaver:
        raise GuanjiaError(f"handover of {leaver}", "goes to the leaver", "name another successor")
    advisory_lock(connection, "handovers")
    number = new_id(at)
    parameters = {"leaver": leaver, "successor": successor, "one_branch": branch, "now": at}
    passed = connection.execute(_CONTACTS, parameters).rowcount
    assigned = connection.execute(_ASSIGNED, parameters | {"number": number}).rowcount
    managers = managers_of(connection, customers)
    new = [
        {
            "customer_id": customer,
            "branch": branch,
            "account_manager_id": successor,
            "assigned_at": at,
            "handover_id": number,
        }
        for customer in sorted(set(customers) - managers.keys())
    ]
    if new:
        connection.execute(insert(manager_assignments), new)
    if not (passed or assigned or new):
        return _earlier_handover(connection, branch, leaver, successor)
    handover = Handover(
        handover_id=number,
        branch=branch,
        leaver=leaver,
        successor=successor,
        handed_by=by,
        handed_at=at,
        contacts=passed,
        customers=assigned + len(new),
    )
    row = {name: value for name, value in vars(handover).items() if name != "repeated"}
    connection.execute(insert(handovers), row)
    return handover


def managers_of(connection: Connection, customer_ids: Collection[str]) -> dict[str, str]:
    """Find the account managers of customers that were handed over; others are left out."""
    managers: dict[str, str] = {}
    ids = sorted(set(customer_ids))
    for start in range(0, len(ids), BATCH_IDS):
        rows = connection.execute(_MANAGERS, {"customer_ids": ids[start : start + BATCH_IDS]})
        managers |= {row.customer_id: row.account_manager_id for row in rows}
    return managers


def _branches_of(connection: Connection, manager: str, now: datetime) -> set[str]:
    """Find branches in which an account manager has reserved contacts or took customers over."""
    rows = connection.execute(_BRANCHES, {"leaver": manager, "now": now})
    return {branch for (branch,) in rows if branch is not None}


def _successors(connection: Connection) -> set[str]:
    """Find account managers who took customers over, even if no policy names them."""
    return set(connection.execute(_SUCCESSORS).scalars())


def _earlier_handover(connection: Connection, branch: str, leaver: str, successor: str) -> Handover:
    """Find the latest handover of this branch between these two managers."""
    parameters = {"branch": branch, "leaver": leaver, "successor": successor}
    row: Any = connection.execute(_BEFORE, parameters).mappings().first()
    if row is None:
        cure = "check the branch and the account manager's number"
        raise NothingToPassError(
            f"account manager {leaver} of {branch}", "has nothing to pass on", cure
        )
    return Handover(**row, repeated=True)


def _managers(lake: Lake) -> set[str]:
    query = (
        "SELECT DISTINCT account_manager_id FROM "
        f"read_parquet({sql_text(lake.require('customers'))}) WHERE account_manager_id IS NOT NULL"
    )
    return {manager for (manager,) in lake.con.execute(query).fetchall()}


def _customers_of(lake: Lake, manager: str) -> dict[str, list[str]]:
    """Read the customers whose latest row names a manager, by branch."""
    query = (
        "SELECT coalesce(branch, ''), customer_id FROM "
        f"read_parquet({sql_text(lake.require('customers'))}) "
        f"WHERE account_manager_id = {sql_text(manager)} AND {LATEST}"
    )
    customers: dict[str, list[str]] = defaultdict(list)
    for branch, customer in lake.engine.con.execute(query).fetchall():
        customers[branch].append(customer)
    return customers
