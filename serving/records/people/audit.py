"""Record who read or exported whose personal data, when and for what purpose."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, String, cast, insert, select

from serving.records.columns import new_id, to_json
from serving.records.idempotency import insert_unless_present
from serving.records.tables import exports, reads

_EXPORT = insert(exports)


@dataclass(frozen=True)
class PastExport:
    """A file with personal data that somebody took."""

    subject: str
    name: str
    purpose: str
    at: datetime
    rows: int


_PAST = [exports.c[field.name] for field in fields(PastExport)]


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


def exports_naming(connection: Connection, customer_id: str, most: int) -> list[PastExport]:
    """List the exports that a customer is in, the latest first.

    Parameters
    ----------
    connection : Connection
        Of the records.
    customer_id : str
        The customer.
    most : int
        At most so many.
    """
    named = cast(exports.c.customer_ids, String).contains(to_json(customer_id), autoescape=True)
    query = select(*_PAST).where(named).order_by(exports.c.export_id.desc()).limit(most)
    return [PastExport(*row) for row in connection.execute(query)]
