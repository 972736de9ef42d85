"""Measure how the rows of a delivery fit together, before anything is loaded."""

from collections.abc import Mapping as Map
from dataclasses import dataclass

from features.contracts.tables import CONTRACTS
from features.imports.rows import Prepared
from features.lake import Lake
from features.lake.terms import cover_end
from features.sql import quoted

REFERENCES = (
    ("policies", "customer_id", "customers"),
    ("policies", "vehicle_id", "vehicles"),
    ("vehicles", "customer_id", "customers"),
    ("claims", "customer_id", "customers"),
    ("claims", "policy_id", "policies"),
    ("claim_movements", "claim_id", "claims"),
    ("quotes", "customer_id", "customers"),
    ("quotes", "policy_id", "policies"),
    ("interactions", "customer_id", "customers"),
    ("entitlements", "customer_id", "customers"),
    ("consents", "customer_id", "customers"),
)
"""Table, its column, and the table whose key the column names."""


@dataclass(frozen=True)
class Join:
    """A measure of how tables fit together.

    Attributes
    ----------
    sentence : str
        What is counted: "claims whose policy_id is in policies".
    rows, of : int
        Rows for which it holds, and rows in all.
    good : bool
        False if a person should look at it.
    example : str
        A value for which it does not hold; empty: none.
    """

    sentence: str
    rows: int
    of: int
    good: bool
    example: str = ""


def find_joins(lake: Lake, tables: Map[str, Prepared]) -> list[Join]:
    """Measure references between the tables `ready_<table>`, terms, premiums and claims.

    Parameters
    ----------
    lake : Lake
        Whose engine holds the tables.
    tables : mapping of str to Prepared
        The tables there are.
    """
    joins = [
        _reference(lake, table, column, other)
        for table, column, other in REFERENCES
        if table in tables and other in tables
    ]
    if "policies" in tables:
        joins += _terms(lake)
    if {"claims", "policies"} <= tables.keys():
        joins += _claims(lake)
    return [join for join in joins if join.of]


def _reference(lake: Lake, table: str, column: str, other: str) -> Join:
    cell, key = quoted(column), quoted(CONTRACTS[other].key)
    keys = f"(SELECT DISTINCT {key} AS key FROM ready_{other} WHERE len(_reasons) = 0)"
    total, known, example = lake.con.execute(
        f"SELECT count({cell}), count(key), min({cell}) FILTER (key IS NULL)"
        f" FROM ready_{table} LEFT JOIN {keys} ON {cell} = key WHERE len(_reasons) = 0"
    ).fetchone() or (0, 0, None)
    sentence = f"{table} whose {column} is in {other}"
    return Join(sentence, known, total, known >= 0.98 * total, example or "")


def _terms(lake: Lake) -> list[Join]:
    rows = "(FROM ready_policies WHERE len(_reasons) = 0)"
    overlaps = lake.con.execute(
        f"SELECT count(*), count(*) FILTER (following < expiry), min(policy_id) FILTER"
        f" (following < expiry) FROM (SELECT *, lead(inception) OVER (PARTITION BY vehicle_id, line"
        f" ORDER BY inception, policy_id) AS following FROM {rows}"
        " WHERE vehicle_id IS NOT NULL AND cancelled_on IS NULL)"
    ).fetchone() or (0, 0, None)
    signs = lake.con.execute(
        "SELECT count(written_premium), count(*) FILTER (written_premium < 0),"
        f" count(*) FILTER (written_premium BETWEEN 0.01 AND 10), min(policy_id) FILTER"
        f" (written_premium < 0), min(policy_id) FILTER (written_premium BETWEEN 0.01 AND 10)"
        f" FROM {rows}"
    ).fetchone() or (0, 0, 0, None, None)
    days = lake.con.execute(
        f"SELECT count(*), count(*) FILTER (expiry + 1 = inception + INTERVAL 1 YEAR) FROM {rows}"
    ).fetchone() or (0, 0)
    total = signs[0]
    joins = [
        Join(
            "terms that overlap the next one of their vehicle and line",
            overlaps[1],
            overlaps[0],
            overlaps[1] <= 0.01 * overlaps[0],
            overlaps[2] or "",
        ),
        Join("premiums below zero", signs[1], total, not signs[1], signs[3] or ""),
        Join(
            "premiums of 10 yuan or less (are they in 万元?)",
            signs[2],
            total,
            signs[2] <= 0.05 * total,
            signs[4] or "",
        ),
    ]
    if days[1] > 0.5 * days[0]:
        sentence = (
            "terms that end a day before the anniversary: expiry is their last day, not the end"
        )
        joins.append(Join(sentence, days[1], days[0], False))
    return joins


def _claims(lake: Lake) -> list[Join]:
    terms = lake.engine.table("ready_policies")
    columns = ("policy_id", "customer_id", "inception", "_reasons")
    ends = lake.sql(terms.select(*columns, ends=cover_end(terms)))
    total, outside, example, others, other_example = lake.con.execute(
        "SELECT count(*), count(*) FILTER (outside), min(claim_id) FILTER (outside),"
        " count(*) FILTER (theirs), min(claim_id) FILTER (theirs) FROM (SELECT c.claim_id,"
        " c.occurred_at < p.starts OR c.occurred_at >= p.ends + INTERVAL 1 DAY AS outside,"
        " c.customer_id <> p.customer_id AS theirs FROM ready_claims c JOIN (SELECT policy_id,"
        " min(inception) AS starts, max(ends) AS ends, any_value(customer_id) AS customer_id"
        f" FROM ({ends}) WHERE len(_reasons) = 0 GROUP BY 1) p USING (policy_id)"
        " WHERE len(c._reasons) = 0)"
    ).fetchone() or (0, 0, None, 0, None)
    return [
        Join(
            "claims that occurred outside their term",
            outside,
            total,
            outside <= 0.01 * total,
            example or "",
        ),
        Join(
            "claims of another customer than their policy",
            others,
            total,
            not others,
            other_example or "",
        ),
    ]
