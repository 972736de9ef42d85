"""An account manager leaves: what was theirs to do, and their customers, pass to a successor.

The history stays as it is: what was sent and done keeps the name of who did it.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, union, update

from features.errors import GuanjiaError
from serving.records.columns import new_id
from serving.records.database import hold_name
from serving.records.tables import contacts, handovers, manager_assignments, tasks


class NothingToPassError(GuanjiaError):
    """An account manager has and had nothing to pass to this successor."""


AT_ONCE = 500  # numbers in one statement
_a, _h, _k, _t = manager_assignments.c, handovers.c, contacts.c, tasks.c
_TASKS = (
    update(tasks)
    .where(
        _t.account_manager_id == bindparam("leaver"),
        _t.branch == bindparam("one_branch"),
        _t.state == "open",
    )
    .values(account_manager_id=bindparam("successor"))
)
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
    select(_t.branch).where(_t.account_manager_id == bindparam("leaver"), _t.state == "open"),
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
    tasks: int
    contacts: int
    customers: int
    repeated: bool = False


def handover(
    connection: Connection,
    branch: str,
    leaver: str,
    successor: str,
    by: str,
    at: datetime,
    *,
    customers: Collection[str] = (),
) -> Handover:
    """Pass an account manager's open tasks, reserved contacts and customers of a branch on.

    Parameters
    ----------
    by : str
        Who orders it.
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
    done_tasks = connection.execute(_TASKS, given).rowcount
    done_contacts = connection.execute(_CONTACTS, given).rowcount
    assigned = connection.execute(_ASSIGNED, given | {"number": number}).rowcount
    managers = managers_of(connection, customers)
    new = [
        {
            "customer_id": one,
            "branch": branch,
            "account_manager_id": successor,
            "assigned_at": at,
            "handover_id": number,
        }
        for one in sorted(set(customers) - managers.keys())
    ]
    if new:
        connection.execute(insert(manager_assignments), new)
    moved = (done_tasks, done_contacts, assigned + len(new))
    if not any(moved):
        return _earlier(connection, branch, leaver, successor)
    found = Handover(number, branch, leaver, successor, by, at, *moved)
    row = {name: value for name, value in vars(found).items() if name != "repeated"}
    connection.execute(insert(handovers), row)
    return found


def managers_of(connection: Connection, customer_ids: Collection[str]) -> dict[str, str]:
    """The account manager of each customer who passed to another than the policy names."""
    found: dict[str, str] = {}
    for some in _slices(sorted(set(customer_ids))):
        rows = connection.execute(_MANAGERS, {"customer_ids": some})
        found |= {row.customer_id: row.account_manager_id for row in rows}
    return found


def branches_of(connection: Connection, manager: str, now: datetime) -> set[str]:
    """Branches in which an account manager has open tasks, reserved contacts, or was given
    customers."""
    found = connection.execute(_BRANCHES, {"leaver": manager, "now": now})
    return {branch for (branch,) in found if branch is not None}


def successors(connection: Connection) -> set[str]:
    """Account managers to whom customers passed, whatever the policies say."""
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


def _slices(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), AT_ONCE):
        yield ids[start : start + AT_ONCE]
