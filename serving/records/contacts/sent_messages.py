"""Read the messages that were sent in a period, for the quality check of contents."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta

import pandas as pd
from sqlalchemy import bindparam, select

from features.errors import GuanjiaError
from features.lake import Lake
from features.lake.known_at import LATEST
from features.settings import cutoff
from features.sql import sql_text
from serving.content.quality_check import COLUMNS
from serving.records.columns import Instant
from serving.records.database import LONG_SECONDS, Records
from serving.records.people.handover import managers_of
from serving.records.tables import contacts

_k = contacts.c
_SENT = (
    select(
        _k.contact_id, _k.customer_id, _k.branch, _k.account_manager_id, _k.channel,
        _k.purpose.label("kind"), _k.message, _k.sent_at,
    )
    .where(
        _k.state == "sent",
        _k.sent_at >= bindparam("begin", type_=Instant),
        _k.sent_at < bindparam("end", type_=Instant),
    )
    .order_by(_k.contact_id)
)  # fmt: skip


@dataclass(frozen=True)
class SentMessages:
    """The contacts that were sent in a period.

    Attributes
    ----------
    messages : pandas.DataFrame
        Sent texts, columns `serving.content.quality_check.COLUMNS`.
    wordless : int
        Contacts without a recorded text, mostly calls.
    """

    messages: pd.DataFrame
    wordless: int


def sent_messages(lake: Lake, records: Records, first: date, last: date) -> SentMessages:
    """Read the messages that were sent in a range of civil days.

    A contact without an account manager counts under the customer's present one: the manager who
    took the customer over, or else the one in the latest row of the customers table.

    Parameters
    ----------
    lake : Lake
        The home with the checked customers.
    records : Records
        The records with the contacts.
    first, last : date
        First and last civil day, both included.

    Raises
    ------
    GuanjiaError
        If the last day is before the first.
    """
    if last < first:
        raise GuanjiaError(f"days {first} to {last}", "end before they begin", "swap the two days")
    zone = lake.settings.timezone
    begin, end = cutoff(first - timedelta(1), zone), cutoff(last, zone)
    with records.reading(LONG_SECONDS) as connection:
        rows = [
            dict(row) for row in connection.execute(_SENT, {"begin": begin, "end": end}).mappings()
        ]
        unnamed = {row["customer_id"] for row in rows if row["account_manager_id"] is None}
        managers = _core_system_managers(lake, unnamed) | managers_of(connection, unnamed)
    for row in rows:
        if row["account_manager_id"] is None:
            row["account_manager_id"] = managers.get(row["customer_id"])
    worded = [row for row in rows if row["message"] is not None]
    frame = pd.DataFrame(worded, columns=[*COLUMNS, "customer_id"])[list(COLUMNS)]
    return SentMessages(frame, len(rows) - len(worded))


def _core_system_managers(lake: Lake, customers: Collection[str]) -> dict[str, str]:
    """Read the account managers in the latest rows of these customers, by customer."""
    if not customers or not lake.has("customers"):
        return {}
    lake.con.register("unnamed", pd.DataFrame({"customer_id": sorted(customers)}))
    try:
        managers = lake.con.execute(
            "SELECT customer_id, account_manager_id FROM "
            f"read_parquet({sql_text(lake.require('customers'))}) SEMI JOIN unnamed "
            f"USING (customer_id) WHERE {LATEST} AND account_manager_id IS NOT NULL"
        ).fetchall()
    finally:
        lake.con.unregister("unnamed")
    return dict(managers)
