"""Read of one customer what stands in the checked tables: contacts elsewhere, claims, covers."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from features.contracts.vocabulary import MOTOR_LINES
from features.lake import Lake
from features.lake.known_at import known_sql
from features.lake.plain_rows import plain_rows
from features.settings import cutoff
from features.sql import instant_sql, sql_text

MOST = 20
CLAIM_STEPS = (
    ("occurred_at", "出险", "occurred"),
    ("reported_at", "报案", "reported"),
    ("surveyed_at", "查勘", "surveyed"),
    ("assessed_at", "定损", "assessed"),
    ("adjusted_at", "理算", "adjusted"),
    ("paid_at", "赔付", "paid"),
    ("closed_at", "结案", "closed"),
)
"""Steps of the claims chain in order, with their names in two languages."""


@dataclass(frozen=True)
class CustomerFacts:
    """What the core system says of a customer.

    Attributes
    ----------
    covers, claims, interactions, cases : list of dict
        Terms in force or to come, claims with the instants of their steps, contacts, and surveys
        and complaints: the latest first. Empty where the insurer does not deliver the table.
    """

    covers: list[dict[str, Any]]
    claims: list[dict[str, Any]]
    interactions: list[dict[str, Any]]
    cases: list[dict[str, Any]]

    @property
    def premiums(self) -> tuple[float, float]:
        """Add up the premiums of the covers, in yuan: of motor, and of other lines."""
        sums = [0.0, 0.0]
        for cover in self.covers:
            sums[cover["line"] not in MOTOR_LINES] += float(cover["written_premium"] or 0)
        return sums[0], sums[1]


def read_facts(lake: Lake, customer_id: str, as_of: date) -> CustomerFacts:
    """Read the facts of a customer as they were known at the end of a date.

    Parameters
    ----------
    lake : Lake
        The home.
    customer_id : str
        The customer.
    as_of : date
        The date; milestones that lie after it are not known yet.
    """
    closes = cutoff(as_of, lake.settings.timezone)
    known, end = known_sql(closes), instant_sql(closes)
    person = f"customer_id = {sql_text(customer_id)} AND {known}"
    steps = ", ".join(
        f"CASE WHEN {name} < {end} THEN {name} END AS {name}" for name, _, _ in CLAIM_STEPS
    )
    day = f"DATE '{as_of}'"
    return CustomerFacts(
        covers=_rows(
            lake, "policies",
            "SELECT line, inception, expiry, written_premium, channel, business_type "
            f"FROM rows WHERE {person} AND expiry >= {day} AND signed_at < {end} "
            f"AND (cancelled_on IS NULL OR cancelled_on > {day}) ORDER BY inception DESC",
        ),
        claims=_rows(
            lake, "claims",
            f"SELECT claim_id, kind, {steps} FROM rows WHERE {person} AND occurred_at < {end} "
            "ORDER BY occurred_at DESC",
        ),
        interactions=_rows(
            lake, "interactions",
            "SELECT touchpoint, channel, direction, occurred_at, result FROM rows "
            f"WHERE {person} AND occurred_at < {end} ORDER BY occurred_at DESC",
        ),
        cases=_rows(
            lake, "surveys_and_complaints",
            "SELECT kind, topic, occurred_at, score, "
            f"CASE WHEN resolved_at < {end} THEN resolved_at END AS resolved_at FROM rows "
            f"WHERE {person} AND occurred_at < {end} ORDER BY occurred_at DESC",
        ),
    )  # fmt: skip


def _rows(lake: Lake, table: str, query: str) -> list[dict[str, Any]]:
    """Run a query over the checked rows of a table; instants are in UTC."""
    if not lake.has(table):
        return []
    file = sql_text(lake.require(table))
    query = f"WITH rows AS (SELECT * FROM read_parquet({file})) {query} LIMIT {MOST}"
    return plain_rows(lake.con.cursor().execute(query).to_arrow_table())
