"""Erase a customer from the records (PIPL art. 47), except for what the law requires to keep.

Kept are the refusals that hold (else the customer would be contacted again once the core system
delivers them anew) and the receipt. Both name a keyed hash of the customer id, the mark: it can be
recomputed from the customer id and the key, and not be traced back without the key.
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
from serving.records.campaign_tables import campaign_members
from serving.records.columns import new_id, to_json
from serving.records.database import lock_customer
from serving.records.people.consents import Consent, latest_consent
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
    campaign_members,
)
"""Tables whose rows are deleted with the customer, with documents and texts."""
LISTED: tuple[Table, ...] = (reads, exports)
"""Tables whose rows stay, without the customer in `customer_ids`."""

_c = consent_changes.c
_ID_COLUMNS = [METADATA.tables[table.name].primary_key.columns.values()[0] for table in LISTED]
_CHANGES = select(_c.change_id, _c.purpose, _c.channel, _c.granted, _c.changed_at).where(
    _c.customer_id == bindparam("customer_id")
)
_RECEIPT = (
    select(erasures)
    .where(erasures.c.customer_hash == bindparam("customer_hash"))
    .order_by(erasures.c.receipt_id.desc())
    .limit(1)
)
_LAST_RECEIPTS = select(erasures.c.customer_hash, func.max(erasures.c.receipt_id)).group_by(
    erasures.c.customer_hash
)


@dataclass(frozen=True)
class Receipt:
    """The receipt of an erasure.

    Parameters
    ----------
    customer_hash : str
        The mark of the customer, a keyed hash.
    rows : dict of str to int
        Rows deleted, or changed to omit the customer, by table or other place.
    """

    receipt_id: str
    customer_hash: str
    asked_by: str
    erased_at: datetime
    rows: dict[str, int]


def erase_from_records(
    connection: Connection,
    customer_id: str,
    by: str,
    at: datetime,
    key: bytes,
    *,
    amends: str | None = None,
) -> Receipt:
    """Erase a customer from every table; `Records.scrub()` afterwards cleans the database files.

    Parameters
    ----------
    connection : Connection
        Of `Records.writing()`.
    customer_id : str
        The customer.
    by : str
        Who ordered it.
    at : datetime
        Now.
    key : bytes
        `features.erased.erasure_key(settings)`.
    amends : str, optional
        Id of the receipt that this erasure continues. Default: it begins a new one.

    Returns
    -------
    Receipt
        The receipt; that of an earlier erasure if there was nothing left to erase.
    """
    lock_customer(connection, customer_id)
    mark = pseudonym(key, customer_id)
    rows = {table.name: _delete(connection, table, customer_id) for table in DELETED}
    rows |= {
        table.name: _unlist(connection, table, id_column, customer_id)
        for table, id_column in zip(LISTED, _ID_COLUMNS, strict=True)
    }
    rows[consent_changes.name] = _erase_consents(connection, customer_id, mark)
    rows = {name: n for name, n in rows.items() if n}
    before = last_receipt(connection, mark)
    if before is not None and (not rows or before.receipt_id == amends):
        return _add_rows(connection, before, rows)
    receipt = Receipt(new_id(at), mark, by, at, rows)
    connection.execute(insert(erasures), vars(receipt))
    return receipt


def amend_receipt(
    connection: Connection, customer_hash: str, rows: Mapping[str, int]
) -> Receipt | None:
    """Add rows erased from other places to a customer's last receipt.

    Parameters
    ----------
    connection : Connection
        Of `Records.writing()`.
    customer_hash : str
        The mark of the customer.
    rows : mapping of str to int
        Rows erased, by place.

    Returns
    -------
    Receipt or None
        The amended receipt; None if the customer has none.
    """
    receipt = last_receipt(connection, customer_hash)
    return None if receipt is None else _add_rows(connection, receipt, rows)


def has_records(connection: Connection, customer_id: str) -> bool:
    """Check whether any record is about a customer."""
    return any(
        connection.execute(
            select(table.c.customer_id).where(table.c.customer_id == customer_id).limit(1)
        ).first()
        is not None
        for table in (*DELETED, consent_changes)
    )


def last_receipt(connection: Connection, customer_hash: str) -> Receipt | None:
    """Find the latest receipt of a customer by their mark."""
    row = connection.execute(_RECEIPT, {"customer_hash": customer_hash}).mappings().first()
    return None if row is None else Receipt(**row)


def receipts_by_mark(connection: Connection) -> dict[str, str]:
    """Read the id of the latest receipt of every erased customer, by mark."""
    rows = connection.execute(_LAST_RECEIPTS)
    return {str(mark): str(receipt_id) for mark, receipt_id in rows}


def _add_rows(connection: Connection, receipt: Receipt, more: Mapping[str, int]) -> Receipt:
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


def _unlist(connection: Connection, table: Table, id_column: Column[Any], customer_id: str) -> int:
    """Remove a customer from the column `customer_ids`; return how many rows had them."""
    ids = table.c.customer_ids
    likely = select(id_column, ids).where(
        cast(ids, String).contains(to_json(customer_id), autoescape=True)
    )
    changed = [
        {"number": number, "customer_ids": [other for other in listed if other != customer_id]}
        for number, listed in connection.execute(likely)
        if customer_id in listed
    ]
    if changed:
        connection.execute(update(table).where(id_column == bindparam("number")), changed)
    return len(changed)


def _erase_consents(connection: Connection, customer_id: str, mark: str) -> int:
    """Delete consent changes, but move the refusals that hold to the mark of the customer."""
    ids: dict[tuple[str, str | None], dict[Consent, str]] = {}
    for row in connection.execute(_CHANGES, {"customer_id": customer_id}):
        by_consent = ids.setdefault((row.purpose, row.channel), {})
        by_consent[Consent(row.granted, row.changed_at)] = row.change_id
    moved = 0
    for by_consent in ids.values():
        last = latest_consent(by_consent)
        if not last.granted:
            refusal = update(consent_changes).where(_c.change_id == by_consent[last])
            blank = {"client_key": None, "content_hash": None, "outcome_id": None}
            connection.execute(refusal.values(customer_id=mark, source="erasure", **blank))
            moved += 1
    return moved + _delete(connection, consent_changes, customer_id)
