"""Read from the records what decides whether a touchpoint is due: contacts made, and what was won.

A contact counts once it was sent, or while its place is reserved. A call that nobody answered is no
contact yet.
"""

from collections.abc import Collection, Iterator
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    exists,
    func,
    or_,
    select,
    update,
)

from features.lake import Lake
from features.settings import cutoff
from serving.records.columns import Instant
from serving.records.database import Records
from serving.records.tables import contacts, outcomes
from serving.touchpoints.catalogue import load_touchpoints
from serving.touchpoints.due import longest_memory
from serving.touchpoints.endings import ENDINGS, Recorded, Won

REACHED = frozenset(
    {"delivered", "read", "clicked", "replied", "connected", "refused", "opted_out"}
)
"""Kinds of outcomes that prove that a contact reached the customer."""

_k, _o = contacts.c, outcomes.c
_REPORT = outcomes.alias("report")
_REPORTED = exists().where(_REPORT.c.contact_id == _k.contact_id)
_UNANSWERED = and_(
    _REPORTED.where(_REPORT.c.kind == "no_answer"),
    ~_REPORTED.where(or_(*[_REPORT.c.kind == kind for kind in sorted(REACHED)])),
)
_AT = bindparam("at", type_=Instant)
MADE_AT: ColumnElement[datetime] = func.coalesce(_k.sent_at, _k.planned_at, type_=Instant)
"""When a contact was made, or for when it is reserved."""
COUNTS = or_(
    (_k.state == "sent"),
    and_(_k.state == "reserved", _k.reserved_until > _AT),
)
"""Whether a contact was sent, or has its place at the instant `at`."""
IS_MADE = and_(COUNTS, or_(_k.state == "reserved", ~_UNANSWERED))
"""Whether a contact counts as made at the instant `at`."""
WON = or_(*[_o.kind == ending for ending in ENDINGS])
"""Whether an outcome ends touchpoints."""
_RELEASE = (
    update(contacts)
    .where(
        _k.customer_id == bindparam("customer"),
        _k.state == "reserved",
        _k.touchpoint.in_(bindparam("touchpoints", expanding=True)),
    )
    .values(state="released")
)
ROWS = 50_000


def recorded_by(records: Records, lake: Lake, as_of: date) -> Recorded:
    """Read what the records knew of all customers at the end of a date.

    Parameters
    ----------
    records : Records
        Contacts and outcomes.
    lake : Lake
        The home with the touchpoints.
    as_of : date
        The date.
    """
    at = cutoff(as_of, lake.settings.timezone)
    since = at - longest_memory(load_touchpoints(lake.home).every_variant)
    with records.reading() as connection:
        contacts_made = list(made_contacts(connection, at, since))
        return Recorded(contacts_made, list(won_outcomes(connection, at, since)))


def made_contacts(
    connection: Connection, at: datetime, since: datetime, customers: Collection[str] | None = None
) -> Iterator[tuple[str, str, datetime]]:
    """Read the last contact of each customer at each touchpoint.

    Parameters
    ----------
    connection : Connection
        Of the records.
    at : datetime
        What was known by then: reservations that had expired, and later contacts, are left out.
    since : datetime
        Contacts made before are left out.
    customers : collection of str, optional
        Customers to read. Default: all.

    Yields
    ------
    tuple of (customer, touchpoint, instant)
    """
    last: ColumnElement[datetime] = func.max(MADE_AT, type_=Instant)
    query = select(_k.customer_id, _k.touchpoint, last).where(
        IS_MADE,
        bindparam("since", type_=Instant) <= MADE_AT,
        or_(_k.state == "reserved", _k.sent_at < _AT),
        _k.reserved_at < _AT,
    )
    query = query.group_by(_k.customer_id, _k.touchpoint)
    yield from _rows(connection, query, _k.customer_id, {"at": at, "since": since}, customers)


def won_outcomes(
    connection: Connection, at: datetime, since: datetime, customers: Collection[str] | None = None
) -> Iterator[tuple[str, Won]]:
    """Read the outcomes that end touchpoints, the last of each kind at each touchpoint.

    Parameters
    ----------
    connection : Connection
        Of the records.
    at : datetime
        Outcomes recorded later are left out.
    since : datetime
        Outcomes that occurred before are left out.
    customers : collection of str, optional
        Customers to read. Default: all.
    """
    last: ColumnElement[datetime] = func.max(_o.occurred_at, type_=Instant)
    joined = outcomes.outerjoin(contacts, _k.contact_id == _o.contact_id)
    query = select(_o.customer_id, _o.kind, _k.touchpoint, last).select_from(joined)
    query = query.where(
        WON, _o.occurred_at >= bindparam("since", type_=Instant), _o.recorded_at < _AT
    )
    query = query.group_by(_o.customer_id, _o.kind, _k.touchpoint)
    given = {"at": at, "since": since}
    for customer, kind, touchpoint, when in _rows(
        connection, query, _o.customer_id, given, customers
    ):
        yield customer, Won(kind, touchpoint, when)


def release_reserved(connection: Connection, customer_id: str, touchpoints: Collection[str]) -> int:
    """Release the contacts of a customer that have their place at touchpoints that have ended.

    Parameters
    ----------
    connection : Connection
        Of `Records.writing()`, after `lock_customer`.
    customer_id : str
        The customer.
    touchpoints : collection of str
        Names of the touchpoints.

    Returns
    -------
    int
        Number of contacts released.
    """
    if not touchpoints:
        return 0
    given = {"customer": customer_id, "touchpoints": list(touchpoints)}
    return int(connection.execute(_RELEASE, given).rowcount)


def _rows(
    connection: Connection,
    query: Select[Any],
    column: ColumnElement[str],
    given: dict[str, Any],
    customers: Collection[str] | None,
) -> Iterator[Any]:
    """Run a query over the customers named, or over all of them in parts."""
    if customers is not None:
        query = query.where(column.in_(bindparam("customers", expanding=True)))
        given = given | {"customers": list(customers)}
    for part in connection.execute(query, given).partitions(ROWS):
        yield from part
