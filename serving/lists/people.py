"""Read who the customers of a list are: name, phone, account manager, plate, end of their cover."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from features.contracts.vocabulary import MOTOR_LINES
from features.lake import Lake
from features.lake.known_at import known_sql
from features.lake.terms import COVER_END, VOID
from features.settings import cutoff
from features.sql import instant_sql, sql_text
from serving.lists.scores import fetch_rows
from serving.lists.source import among_sql, people_query
from serving.records.tables import manager_assignments
from serving.tag_words import is_absent

LAST_CONTACT = "days_since_last_contact"


@dataclass(frozen=True)
class Person:
    """Who a customer is, as known at the end of a date; None where that is not known.

    Attributes
    ----------
    name, phone : str or None
        Name and phone number.
    manager : str or None
        The account manager: the one assigned since, else the one of the customers table.
    plate : str or None
        Plate of the car whose motor cover ends first.
    expiry : date or None
        When that cover ends.
    """

    name: str | None = None
    phone: str | None = None
    manager: str | None = None
    plate: str | None = None
    expiry: date | None = None


def read_people(
    lake: Lake, as_of: date, customers: Sequence[str], connection: Connection | None = None
) -> dict[str, Person]:
    """Read who customers are.

    Parameters
    ----------
    lake : Lake
        The home with the checked tables.
    as_of : date
        What was known at its end.
    customers : sequence of str
        The customers.
    connection : Connection, optional
        Of the records, which know the account managers assigned since.
    """
    closes = cutoff(as_of, lake.settings.timezone)
    people = people_query(closes, lake)
    rows = fetch_rows(lake, f"SELECT * FROM ({people}) WHERE {among_sql(customers)}")
    cars = _cars(lake, as_of, closes, customers)
    assigned = _assigned(connection, customers)
    people_by_id = {}
    for row in rows:
        customer = row["customer_id"]
        car: Mapping[str, Any] = cars.get(customer, {})
        people_by_id[customer] = Person(
            row["name"],
            row["phone"],
            assigned.get(customer, row["account_manager_name"] or row["account_manager_id"]),
            car.get("plate"),
            car.get("expiry"),
        )
    return people_by_id


def last_contact(as_of: date, days_since: Any) -> date | None:
    """Return the day of the last contact that the tags of a date know."""
    return None if is_absent(days_since) else as_of - timedelta(days=int(days_since))


def _cars(
    lake: Lake, as_of: date, closes: datetime, customers: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Find the car of each customer whose motor cover ends first, by what was signed last for it.

    A car that was renewed already has a later term, so it does not stand in the way of another.
    """
    if not (lake.has("policies") and lake.has("vehicles")):
        return {}
    known, happened = known_sql(closes), instant_sql(closes)
    lines = ", ".join(map(sql_text, MOTOR_LINES))
    policies, vehicles = (
        f"read_parquet({sql_text(lake.checked(table))})" for table in ("policies", "vehicles")
    )
    query = f"""
        WITH cover AS (
            SELECT p.customer_id, p.vehicle_id, p.line, max({COVER_END}) AS expiry
            FROM (SELECT * FROM {policies} WHERE {among_sql(customers)} AND {known}) p
            WHERE p.line IN ({lines}) AND p.signed_at < {happened}
                AND NOT coalesce({VOID}, false)
            GROUP BY ALL
        )
        SELECT customer_id, min(expiry) AS expiry,
            arg_min(plate, (expiry, vehicle_id)) AS plate
        FROM cover LEFT JOIN (SELECT vehicle_id, any_value(plate) AS plate FROM {vehicles}
            WHERE {known} AND vehicle_id IN (SELECT vehicle_id FROM cover) GROUP BY 1
        ) USING (vehicle_id)
        WHERE expiry > DATE '{as_of}' GROUP BY 1
    """
    return {row["customer_id"]: row for row in fetch_rows(lake, query)}


def _assigned(connection: Connection | None, customers: Sequence[str]) -> dict[str, str]:
    """Read the account managers that were assigned when another left; few customers have one."""
    if connection is None:
        return {}
    table, listed_sql = manager_assignments, {*customers}
    rows = connection.execute(select(table.c.customer_id, table.c.account_manager_id))
    return {str(customer): str(manager) for customer, manager in rows if customer in listed_sql}
