"""A customer's data leaves the records (PIPL art. 47); what the law needs stays, without the name.

What stays: the refusals that hold (else the customer would be contacted again as soon as the core
system delivers him anew) and the receipt. Both name a keyed hash, which nobody can trace back who
does not have the key, and which whoever has the customer's number and the key can find again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    String,
    Table,
    bindparam,
    cast,
    delete,
    func,
    insert,
    select,
    update,
)

from features.erased import pseudonym
from serving.records.columns import new_id, written
from serving.records.database import hold_customer
from serving.records.people.consents import Word, latest
from serving.records.tables import (
    METADATA,
    consent_changes,
    contacts,
    decisions,
    due_touchpoints,
    erasures,
    exports,
    manager_assignments,
    outcomes,
    reads,
    review_requests,
)

DELETED: tuple[Table, ...] = (
    decisions,
    contacts,
    outcomes,
    review_requests,
    due_touchpoints,
    manager_assignments,
)
"""Tables whose rows go with the customer, documents and texts in them too."""
LISTED: tuple[Table, ...] = (reads, exports)
"""Tables whose `customer_ids` forget the customer; that something was read stays."""

_c = consent_changes.c
_FIRST = [METADATA.tables[table.name].primary_key.columns.values()[0] for table in LISTED]
_WORDS = select(_c.change_id, _c.purpose, _c.channel, _c.granted, _c.changed_at).where(
    _c.customer_id == bindparam("customer_id")
)
_RECEIPT = (
    select(erasures)
    .where(erasures.c.customer_hash == bindparam("customer_hash"))
    .order_by(erasures.c.receipt_id.desc())
    .limit(1)
)
_EVER = select(erasures.c.customer_hash, func.max(erasures.c.receipt_id)).group_by(
    erasures.c.customer_hash
)


@dataclass(frozen=True)
class Receipt:
    """What an erasure did.

    Parameters
    ----------
    customer_hash : str
        What stands for the customer.
    rows : dict of str to int
        By table, how many rows were deleted or forgot the customer; by other place, as its name.
    """

    receipt_id: str
    customer_hash: str
    asked_by: str
    erased_at: datetime
    rows: dict[str, int]


def erase(
    connection: Connection,
    customer_id: str,
    by: str,
    at: datetime,
    key: bytes,
    *,
    amends: str | None = None,
) -> Receipt:
    """Take a customer out of every table. `Records.scrub()` afterwards cleans the files as well.

    Parameters
    ----------
    by : str
        Who ordered it.
    key : bytes
        `features.erased.erasure_key(settings)`.
    amends : str, optional
        Number of a receipt that this erasure goes on with; default: it begins one.

    Returns
    -------
    Receipt
        If nothing was found and the customer was erased before, the receipt of that time.
    """
    hold_customer(connection, customer_id)
    mark = pseudonym(key, customer_id)
    rows = {table.name: _delete(connection, table, customer_id) for table in DELETED}
    rows |= {
        table.name: _forget(connection, table, one, customer_id)
        for table, one in zip(LISTED, _FIRST, strict=True)
    }
    rows[consent_changes.name] = _hide(connection, customer_id, mark)
    rows = {name: n for name, n in rows.items() if n}
    before = last_receipt(connection, mark)
    if before is not None and (not rows or before.receipt_id == amends):
        return _with(connection, before, rows)
    receipt = Receipt(new_id(at), mark, by, at, rows)
    connection.execute(insert(erasures), vars(receipt))
    return receipt


def amend(connection: Connection, customer_hash: str, rows: Mapping[str, int]) -> Receipt | None:
    """Add to a customer's receipt what was taken out of other places; None if he has none."""
    found = last_receipt(connection, customer_hash)
    return None if found is None else _with(connection, found, rows)


def is_named(connection: Connection, customer_id: str) -> bool:
    """Whether a record is of this customer."""
    return any(
        connection.execute(
            select(table.c.customer_id).where(table.c.customer_id == customer_id).limit(1)
        ).first()
        is not None
        for table in (*DELETED, consent_changes)
    )


def last_receipt(connection: Connection, customer_hash: str) -> Receipt | None:
    """The latest receipt of a customer, by what stands for him."""
    found = connection.execute(_RECEIPT, {"customer_hash": customer_hash}).mappings().first()
    return None if found is None else Receipt(**found)


def receipts(connection: Connection) -> dict[str, str]:
    """What stands for each customer who has a receipt -> the number of the latest one."""
    found = connection.execute(_EVER)
    return {str(mark): str(receipt_id) for mark, receipt_id in found}


def _with(connection: Connection, receipt: Receipt, more: Mapping[str, int]) -> Receipt:
    if not more:
        return receipt
    rows = dict(receipt.rows)
    for place, number in more.items():
        rows[place] = rows.get(place, 0) + number
    amend = update(erasures).where(erasures.c.receipt_id == receipt.receipt_id)
    connection.execute(amend.values(rows=rows))
    return replace(receipt, rows=rows)


def _delete(connection: Connection, table: Table, customer_id: str) -> int:
    return connection.execute(delete(table).where(table.c.customer_id == customer_id)).rowcount


def _forget(connection: Connection, table: Table, number: Column[Any], customer_id: str) -> int:
    """Take the customer out of lists of customers."""
    ids = table.c.customer_ids
    likely = select(number, ids).where(
        cast(ids, String).contains(written(customer_id), autoescape=True)
    )
    changed = [
        {"one": one, "customer_ids": [other for other in listed if other != customer_id]}
        for one, listed in connection.execute(likely)
        if customer_id in listed
    ]
    if changed:
        connection.execute(update(table).where(number == bindparam("one")), changed)
    return len(changed)


def _hide(connection: Connection, customer_id: str, mark: str) -> int:
    """Delete the words on consent, but for refusals that hold: those name the mark from now on."""
    words: dict[tuple[str, str | None], dict[Word, str]] = {}
    for row in connection.execute(_WORDS, {"customer_id": customer_id}):
        said = words.setdefault((row.purpose, row.channel), {})
        said[Word(row.granted, row.changed_at)] = row.change_id
    found = 0
    for said in words.values():
        last = latest(said)
        if not last.granted:
            keep = update(consent_changes).where(_c.change_id == said[last])
            blank = {"client_key": None, "content_hash": None, "outcome_id": None}
            connection.execute(keep.values(customer_id=mark, source="erasure", **blank))
            found += 1
    return found + _delete(connection, consent_changes, customer_id)
