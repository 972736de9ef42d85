"""Find customers by number, name, phone or plate, as they were known at a date."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from features.erased import Erased
from features.lake import Lake
from features.lake.known_at import known_sql
from features.settings import cutoff
from features.sql import sql_text

MOST = 50


@dataclass(frozen=True)
class FoundCustomer:
    """A customer as the search shows them.

    Attributes
    ----------
    customer_id, name, phone, branch, manager, plates : str or None
        As known at the date; `plates` of all their cars.
    """

    customer_id: str
    name: str | None
    phone: str | None
    branch: str | None
    manager: str | None
    plates: str | None


def search_customers(
    lake: Lake,
    text: str,
    as_of: date,
    branches: Collection[str] | None,
    *,
    by_number: bool = False,
) -> list[FoundCustomer]:
    """Find at most 50 customers.

    Parameters
    ----------
    lake : Lake
        The home.
    text : str
        A customer number, plate or phone as a whole or its last four digits, or the beginning of
        a name.
    as_of : date
        Date of what is known.
    branches : collection of str or None
        Branches whose customers the user sees; None: all.
    by_number : bool
        The text is a customer number and nothing else: only that customer's rows are read.
    """
    words = text.strip()
    if not words:
        return []
    known = known_sql(cutoff(as_of, lake.settings.timezone))
    exact, begin = sql_text(words), sql_text(_for_like(words) + "%")
    met = [f"c.customer_id = {exact}", f"c.phone = {exact}", f"c.name LIKE {begin} ESCAPE '!'"]
    if words.isdecimal() and len(words) >= 4:
        met.append(f"c.phone LIKE {sql_text('%' + words)}")
    cars = "SELECT NULL::VARCHAR AS customer_id, NULL::VARCHAR AS plates WHERE false"
    if by_number:
        met = [f"c.customer_id = {exact}"]
    if lake.has("vehicles"):
        vehicles = f"read_parquet({sql_text(lake.checked('vehicles'))})"
        whose = "SELECT customer_id FROM met" if not by_number else exact
        if not by_number:
            met.append(
                f"c.customer_id IN (SELECT customer_id FROM {vehicles} WHERE {known} "
                f"AND upper(plate) = upper({exact}))"
            )
        cars = (
            "SELECT customer_id, string_agg(DISTINCT plate, ' ' ORDER BY plate) AS plates "
            f"FROM {vehicles} WHERE {known} AND customer_id IN ({whose}) "
            "GROUP BY 1"
        )
    own = ""
    if branches is not None:
        own = f"AND branch IN ({', '.join(map(sql_text, sorted(branches))) or 'NULL'})"
    customers = f"read_parquet({sql_text(lake.require('customers'))})"
    query = (
        f"WITH met AS (SELECT * FROM {customers} c WHERE {known} {own} AND ({' OR '.join(met)}) "
        f"ORDER BY customer_id LIMIT {MOST}) "
        "SELECT m.customer_id, m.name, m.phone, m.branch, "
        "coalesce(m.account_manager_name, m.account_manager_id), v.plates "
        f"FROM met m LEFT JOIN ({cars}) v USING (customer_id) ORDER BY 1"
    )
    rows = lake.con.cursor().execute(query).fetchall()
    gone = Erased(lake.settings).among(row[0] for row in rows)
    return [FoundCustomer(*row) for row in rows if row[0] not in gone]


def _for_like(text: str) -> str:
    """Escape what a pattern would take as any text."""
    return text.replace("!", "!!").replace("%", "!%").replace("_", "!_")
