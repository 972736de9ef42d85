"""The messages that were sent on some days, as the quality check takes them."""

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
    """What was sent.

    Attributes
    ----------
    messages : pandas.DataFrame
        Columns `serving.content.quality_check.COLUMNS`.
    wordless : int
        Contacts whose text nobody told: calls, mostly.
    """

    messages: pd.DataFrame
    wordless: int


def sent_messages(lake: Lake, records: Records, first: date, last: date) -> SentMessages:
    """Messages that were sent from one civil day to another, both included.

    A contact that names no account manager counts under its customer's of today: to whom the
    customer passed, or else whom the latest row of the customers names.

    Raises
    ------
    GuanjiaError
        If the last day is before the first.
    """
    if last < first:
        raise GuanjiaError(f"days {first} to {last}", "end before they begin", "turn them round")
    zone = lake.settings.timezone
    begin, end = cutoff(first - timedelta(1), zone), cutoff(last, zone)
    with records.reading(LONG_SECONDS) as connection:
        rows = [
            dict(row) for row in connection.execute(_SENT, {"begin": begin, "end": end}).mappings()
        ]
        unnamed = {row["customer_id"] for row in rows if row["account_manager_id"] is None}
        managers = _by_the_core_system(lake, unnamed) | managers_of(connection, unnamed)
    for row in rows:
        if row["account_manager_id"] is None:
            row["account_manager_id"] = managers.get(row["customer_id"])
    worded = [row for row in rows if row["message"] is not None]
    frame = pd.DataFrame(worded, columns=[*COLUMNS, "customer_id"])[list(COLUMNS)]
    return SentMessages(frame, len(rows) - len(worded))


def _by_the_core_system(lake: Lake, customers: Collection[str]) -> dict[str, str]:
    """The account manager whom the latest row of each of these customers names."""
    if not customers or not lake.has("customers"):
        return {}
    lake.con.register("asked", pd.DataFrame({"customer_id": sorted(customers)}))
    try:
        found = lake.con.execute(
            "SELECT customer_id, account_manager_id FROM "
            f"read_parquet({sql_text(lake.require('customers'))}) SEMI JOIN asked "
            f"USING (customer_id) WHERE {LATEST} AND account_manager_id IS NOT NULL"
        ).fetchall()
    finally:
        lake.con.unregister("asked")
    return dict(found)
