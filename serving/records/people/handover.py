"""Hand over what a leaving account manager has, contacts and customers, to a successor.

In every branch at once. The history stays as it is: what was sent keeps the name of who did it.
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
from serving.records.database import LONG_SECONDS, Records, hold_name
from serving.records.tables import contacts, handovers, manager_assignments


class NothingToPassError(GuanjiaError):
    """An account manager has and had nothing to pass to this successor."""


AT_ONCE = 500  # numbers in one statement
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
    """What passed from whom to whom; `repeated` if nothing was left to pass."""

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
    """Pass on what an account manager has, in one transaction; one handover a branch.

    The customers are those whose checked row names the leaver; of no branch, they are of "".

    Parameters
    ----------
    lake : Lake
        Whose checked customers name their account managers.
    records : Records
        Where contacts and assignments are kept.
    leaver, successor : str
        Numbers of the account managers.
    by : str
        Who orders it.
    at : datetime
        Now.
    new : bool
        Whether the successor has no customers yet, so that no row names them.

    Returns
    -------
    list of Handover
        One a branch that had something to pass on.

    Raises
    ------
    GuanjiaError
        If a name is not known, with the nearest ones; or if nothing is and was there to pass on.
    """
    if not by.strip():
        raise GuanjiaError("handover", "is ordered by nobody", "say who orders it")
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
        nothing = NothingToPassError(f"account manager {leaver}", "has nothing to pass on", "-")
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
    """Pass an account manager's reserved contacts and customers of one branch on.

    Parameters
    ----------
    connection : Connection
        Of `Records.writing()`.
    branch : str
        The branch; "" for customers of none.
    leaver, successor : str
        Numbers of the account managers.
    by : str
        Who orders it.
    at : datetime
        Now.
    customers : collection of str
        The customers whose policies name the leaver. Those who passed to somebody since stay there.

    Raises
    ------
    NothingToPassError
        If the leaver has and had nothing to pass to this successor.
    GuanjiaError
        If the successor is the leaver.
    """
    if successor == leaver:
        raise GuanjiaError(f"handover of {leaver}", "goes to the leaver", "name somebody else")
    hold_name(connection, "handovers")
    number = new_id(at)
    given = {"leaver": leaver, "successor": successor, "one_branch": branch, "now": at}
    passed = connection.execute(_CONTACTS, given).rowcount
    assigned = connection.execute(_ASSIGNED, given | {"number": number}).rowcount
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
        return _earlier(connection, branch, leaver, successor)
    done = Handover(
        handover_id=number,
        branch=branch,
        leaver=leaver,
        successor=successor,
        handed_by=by,
        handed_at=at,
        contacts=passed,
        customers=assigned + len(new),
    )
    row = {name: value for name, value in vars(done).items() if name != "repeated"}
    connection.execute(insert(handovers), row)
    return done


def managers_of(connection: Connection, customer_ids: Collection[str]) -> dict[str, str]:
    """Find the account manager of each customer who passed to another than the policy names."""
    managers: dict[str, str] = {}
    ids = sorted(set(customer_ids))
    for start in range(0, len(ids), AT_ONCE):
        rows = connection.execute(_MANAGERS, {"customer_ids": ids[start : start + AT_ONCE]})
        managers |= {row.customer_id: row.account_manager_id for row in rows}
    return managers


def _branches_of(connection: Connection, manager: str, now: datetime) -> set[str]:
    """Find branches in which an account manager has reserved contacts, or was given customers."""
    rows = connection.execute(_BRANCHES, {"leaver": manager, "now": now})
    return {branch for (branch,) in rows if branch is not None}


def _successors(connection: Connection) -> set[str]:
    """Find account managers to whom customers passed, whatever the policies say."""
    return set(connection.execute(_SUCCESSORS).scalars())


def _earlier(connection: Connection, branch: str, leaver: str, successor: str) -> Handover:
    given = {"branch": branch, "leaver": leaver, "successor": successor}
    row: Any = connection.execute(_BEFORE, given).mappings().first()
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
    """The customers whose latest row names a manager, by branch."""
    query = (
        "SELECT coalesce(branch, ''), customer_id FROM "
        f"read_parquet({sql_text(lake.require('customers'))}) "
        f"WHERE account_manager_id = {sql_text(manager)} AND {LATEST}"
    )
    customers: dict[str, list[str]] = defaultdict(list)
    for branch, customer in lake.engine.con.execute(query).fetchall():
        customers[branch].append(customer)
    return customers
