"""Who read or took away whose personal data, when and what for."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, bindparam, delete, insert, select

from features.errors import GuanjiaError
from features.settings import cutoff
from serving.records.columns import first_id, new_id
from serving.records.database import Records
from serving.records.once import insert_new
from serving.records.tables import exports, reads

LEAST_KEPT = timedelta(days=184)
"""Six months, the longest ones: China's Cybersecurity Law, art. 21, of logs."""
_EXPORT = insert(exports)
_OLD = select(reads.c.read_id).where(reads.c.read_id < bindparam("first")).limit(bindparam("most"))
_FORGET = delete(reads).where(reads.c.read_id.in_(_OLD))


def read_row(
    subject: str, endpoint: str, customer_ids: Sequence[str], at: datetime, purpose: str
) -> dict[str, Any]:
    """Make the row that says who read the data of customers; one a request.

    Parameters
    ----------
    subject : str
        Whose token it was, or who ran the command.
    endpoint : str
        The address as declared (`/v1/customers/{customer_id}`): with a customer's number in it,
        that number would outlive an erasure.
    customer_ids : sequence of str
        Whose data was read.
    at : datetime
        When.
    purpose : str
        What it was read for.
    """
    return {
        "read_id": new_id(at),
        "subject": subject,
        "endpoint": endpoint,
        "purpose": purpose,
        "at": at,
        "customers": len(customer_ids),
        "customer_ids": list(customer_ids),
    }


def keep_reads(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Keep rows of `read_row`; those that are kept already stay as they are."""
    connection.execute(insert_new(reads, connection.dialect.name, "read_id"), rows)


def note_export(
    connection: Connection,
    subject: str,
    name: str,
    columns: Sequence[str],
    customer_ids: Sequence[str],
    at: datetime,
    purpose: str,
) -> str:
    """Keep that somebody took the data of customers away in a file.

    Parameters
    ----------
    name : str
        The target list, or what else it was.
    columns : sequence of str
        What the file says of each customer.

    Returns
    -------
    str
        The number of the row.
    """
    export_id = new_id(at)
    row = {
        "export_id": export_id,
        "subject": subject,
        "name": name,
        "purpose": purpose,
        "at": at,
        "rows": len(customer_ids),
        "columns": list(columns),
        "customer_ids": list(customer_ids),
    }
    connection.execute(_EXPORT, row)
    return export_id


def forget_old_reads(records: Records, day: date, now: datetime, timezone: str) -> int:
    """Delete reads of before a civil day, some at a time; how many.

    Raises
    ------
    GuanjiaError
        If some of them are not `LEAST_KEPT` old.
    """
    before = cutoff(day - timedelta(days=1), timezone)
    if before > now - LEAST_KEPT:
        last = (now - LEAST_KEPT).astimezone(ZoneInfo(timezone)).date()
        why = f"must be kept for {LEAST_KEPT.days} days (Cybersecurity Law art. 21)"
        raise GuanjiaError(f"reads of before {day}", why, f"name {last} or a day before it")
    forgotten = 0
    while True:
        with records.writing() as connection:
            done = forget_reads(connection, before)
        forgotten += done
        if not done:
            return forgotten


def forget_reads(connection: Connection, before: datetime, most: int = 5_000) -> int:
    """Delete reads that are older than they need be kept; how many.

    At most so many at a time, so that nobody waits long: call it, each time in a transaction of its
    own, until it returns 0.
    """
    return connection.execute(_FORGET, {"first": first_id(before), "most": most}).rowcount
