"""Let the records of merged customers follow them, so that caps and consents count for one person.

Contacts, outcomes, consents and touchpoints due of a number that was given up become those of the
number that goes on. Decisions keep theirs: they are made again as they were. Where one number
refused what the other granted, the refusal holds until the customer consents again.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from serving.records.columns import new_id
from serving.records.database import lock_customer
from serving.records.people.consents import Consent, latest_consent
from serving.records.tables import (
    consent_changes,
    contacts,
    due_touchpoints,
    manager_assignments,
    outcomes,
)

BATCH_IDS = 500
FOLLOWING = (contacts, outcomes, consent_changes, due_touchpoints)
_c, _a = consent_changes.c, manager_assignments.c
_CONSENTS = select(_c.purpose, _c.channel, _c.granted, _c.changed_at).where(
    _c.customer_id == bindparam("number")
)


def follow_merges(connection: Connection, owners: Mapping[str, str], at: datetime) -> int:
    """Move the records of numbers that were given up; again, nothing is moved.

    Parameters
    ----------
    connection : Connection
        Of `Records.writing()`.
    owners : mapping of str to str
        Number that was given up -> the one that goes on.
    at : datetime
        Now; a refusal that holds for both is dated so.

    Returns
    -------
    int
        Rows moved.
    """
    moved = 0
    for number in _with_records(connection, owners):
        owner = owners[number]
        for customer in sorted((number, owner)):
            lock_customer(connection, customer)
        _keep_refusals(connection, number, owner, at)
        for table in FOLLOWING:
            change = update(table).where(table.c.customer_id == number).values(customer_id=owner)
            moved += connection.execute(change).rowcount
        moved += _pass_manager(connection, number, owner)
    return moved


def _with_records(connection: Connection, numbers: Collection[str]) -> list[str]:
    """List those of the numbers that have records to move."""
    ids = sorted(numbers)
    present: set[str] = set()
    for start in range(0, len(ids), BATCH_IDS):
        for table in (*FOLLOWING, manager_assignments):
            query = select(table.c.customer_id).distinct()
            query = query.where(table.c.customer_id.in_(ids[start : start + BATCH_IDS]))
            present.update(connection.execute(query).scalars())
    return sorted(present)


def _keep_refusals(connection: Connection, number: str, owner: str, at: datetime) -> None:
    """Refuse for both what one number refused and the other granted."""
    latest = [_latest(connection, customer) for customer in (number, owner)]
    refused = [
        {
            "change_id": new_id(at),
            "customer_id": owner,
            "purpose": purpose,
            "channel": channel,
            "granted": False,
            "changed_at": at,
            "recorded_at": at,
            "source": "merge",
        }
        for purpose, channel in sorted(latest[0].keys() & latest[1].keys(), key=str)
        if latest[0][purpose, channel] != latest[1][purpose, channel]
    ]
    if refused:
        connection.execute(insert(consent_changes), refused)


def _latest(connection: Connection, number: str) -> dict[tuple[str, str | None], bool]:
    changes: dict[tuple[str, str | None], list[Consent]] = {}
    rows: Any = connection.execute(_CONSENTS, {"number": number})
    for purpose, channel, granted, changed_at in rows:
        changes.setdefault((purpose, channel), []).append(Consent(granted, changed_at))
    return {key: latest_consent(of_key).granted for key, of_key in changes.items()}


def _pass_manager(connection: Connection, number: str, owner: str) -> int:
    """Pass the account manager of a number on, unless the owner was handed to one."""
    assigned = select(_a.customer_id).where(_a.customer_id == owner)
    mine = _a.customer_id == number
    if connection.execute(assigned).first() is None:
        return connection.execute(
            update(manager_assignments).where(mine).values(customer_id=owner)
        ).rowcount
    connection.execute(delete(manager_assignments).where(mine))
    return 0
