"""Record who read or exported whose personal data, when and for what purpose."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, bindparam, delete, insert, select

from features.errors import GuanjiaError
from features.settings import cutoff
from serving.records.columns import first_id, new_id
from serving.records.database import Records
from serving.records.idempotency import insert_unless_present
from serving.records.tables import exports, reads

LEAST_KEPT = timedelta(days=184)
"""Logs are kept for six months, at their longest (Cybersecurity Law of China, art. 21)."""
_EXPORT = insert(exports)
_OLD = select(reads.c.read_id).where(reads.c.read_id < bindparam("first")).limit(bindparam("most"))
_DELETE_OLD = delete(reads).where(reads.c.read_id.in_(_OLD))


def access_row(
    subject: str, endpoint: str, customer_ids: Sequence[str], at: datetime, purpose: str
) -> dict[str, Any]:
    """Build the row of the table `reads` for one request that read data of customers.

    Parameters
    ----------
    subject : str
        Subject of the token, or who ran the command.
    endpoint : str
        The path as declared (`/v1/customers/{customer_id}`): a customer id in it would outlive an
        erasure.
    customer_ids : sequence of str
        The customers whose data was read.
    at : datetime
        When it was read.
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


def insert_accesses(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows of `access_row`, each once."""
    connection.execute(insert_unless_present(reads, connection.dialect.name, "read_id"), rows)


def note_export(
    connection: Connection,
    subject: str,
    name: str,
    columns: Sequence[str],
    customer_ids: Sequence[str],
    at: datetime,
    purpose: str,
) -> str:
    """Note that somebody exported data of customers to a file.

    Parameters
    ----------
    connection : Connection
        Of `Records.writing()`.
    subject : str
        Who exported it.
    name : str
        Name of the target list or other export.
    columns : sequence of str
        Columns of the file.
    customer_ids : sequence of str
        Customers in the file.
    at : datetime
        When it was exported.
    purpose : str
        What it was exported for.

    Returns
    -------
    str
        Id of the row.
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
    """Delete reads from before a civil day, in batches; return how many.

    Parameters
    ----------
    records : Records
        The records.
    day : date
        First civil day whose reads stay.
    now : datetime
        Now.
    timezone : str
        The insurer's time zone, in which the day begins.

    Raises
    ------
    GuanjiaError
        If the day is so late that reads younger than `LEAST_KEPT` would be deleted.
    """
    before = cutoff(day - timedelta(days=1), timezone)
    if before > now - LEAST_KEPT:
        last = (now - LEAST_KEPT).astimezone(ZoneInfo(timezone)).date()
        why = f"must be kept for {LEAST_KEPT.days} days (Cybersecurity Law art. 21)"
        raise GuanjiaError(f"reads before {day}", why, f"name {last} or a day before it")
    deleted = 0
    while True:
        with records.writing() as connection:
            batch = delete_reads(connection, before)
        deleted += batch
        if not batch:
            return deleted


def delete_reads(connection: Connection, before: datetime, most: int = 5_000) -> int:
    """Delete one batch of old reads; return how many.

    Call it, each time in a transaction of its own, until it returns 0: in small batches no other
    writer waits long.

    Parameters
    ----------
    connection : Connection
        Of `Records.writing()`.
    before : datetime
        Reads from before this instant are deleted.
    most : int
        Largest number of rows to delete.
    """
    return connection.execute(_DELETE_OLD, {"first": first_id(before), "most": most}).rowcount
