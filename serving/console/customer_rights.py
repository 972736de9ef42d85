"""Tell what is held of a customer: checked tables, computed values, records of Guanjia's own."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, Table, func, select

from features.contracts.tables import CONTRACTS
from features.lake import Lake
from features.lake.known_at import known_sql
from features.settings import cutoff
from features.sql import sql_text
from features.tags.catalogue import catalogue, groups
from serving.records.campaign_tables import campaign_members
from serving.records.people.retention_rules import load_retention
from serving.records.tables import (
    consent_changes,
    contacts,
    decisions,
    due_touchpoints,
    outcomes,
    review_requests,
)

OWN_RECORDS: tuple[tuple[Table, str, str, str], ...] = (
    (decisions, "自动化决策", "automated decisions", "contacts"),
    (contacts, "触达", "contacts", "contacts"),
    (outcomes, "触达结果", "what became of contacts", "outcomes"),
    (consent_changes, "同意与拒绝", "consents and refusals", ""),
    (review_requests, "人工复核申请", "requests for a human review", "reviews"),
    (due_touchpoints, "由事件到期的触点", "what events made due", "due_touchpoints"),
    (campaign_members, "活动分组", "arms of campaigns", ""),
)
"""Tables of the records with their names in two languages, and the rule of how long they last."""


@dataclass(frozen=True)
class HeldRows:
    """Rows of a customer in one place.

    Attributes
    ----------
    label, english : str
        What they are.
    rows : int
        How many are held.
    personal : tuple of str
        Chinese names of the personal data among their columns.
    days : int or None
        Days that they are kept; None: as long as the customer's contract is kept, or for good.
    """

    label: str
    english: str
    rows: int
    personal: tuple[str, ...] = ()
    days: int | None = None


def held_tables(lake: Lake, customer_id: str, as_of: date) -> list[HeldRows]:
    """Count the rows of a customer in the tables that the core system delivers.

    Parameters
    ----------
    lake : Lake
        The home.
    customer_id : str
        The customer.
    as_of : date
        What was not known by its end is not counted.
    """
    known, person = known_sql(cutoff(as_of, lake.settings.timezone)), sql_text(customer_id)
    places = []
    for name, contract in CONTRACTS.items():
        if not lake.has(name):
            continue
        rows_of = f"read_parquet({sql_text(lake.require(name))})"
        query = f"SELECT count(*) FROM {rows_of} WHERE customer_id = {person} AND {known}"
        (rows,) = lake.con.cursor().execute(query).fetchone() or (0,)
        if rows:
            personal = tuple(
                column.label for column in contract.declared.values() if column.personal
            )
            places.append(HeldRows(contract.label, name, int(rows), personal))
    return places


def computed_values() -> list[tuple[str, int]]:
    """List the groups of tags that are computed of every customer, with how many there are."""
    tags = catalogue().values()
    return [
        (group.label, sum(tag.group == name for tag in tags)) for name, group in groups().items()
    ]


def held_records(connection: Connection, lake: Lake, customer_id: str) -> list[HeldRows]:
    """Count the rows of a customer in the records of Guanjia, and say how long they are kept.

    Parameters
    ----------
    connection : Connection
        Of the records.
    lake : Lake
        The home, whose `retention.toml` says how long.
    customer_id : str
        The customer.
    """
    rules = load_retention(lake.home).rules
    places = []
    for table, label, english, kind in OWN_RECORDS:
        query = select(func.count()).where(table.c.customer_id == customer_id)
        rows = connection.execute(query).scalar_one()
        days = rules[kind].days if kind in rules else None
        places.append(HeldRows(label, english, rows, days=days))
    return places
