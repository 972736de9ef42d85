"""Measure what winning a new customer costs, against keeping one."""

from dataclasses import dataclass
from datetime import date

from features.contracts.vocabulary import MOTOR_LINES
from features.lake import Lake
from features.lake.known_at import known_sql
from features.settings import cutoff
from features.sql import sql_text

KINDS = ("acquisition", "commission")
"""Kinds of cost that a sale is booked with."""


@dataclass(frozen=True)
class Acquisition:
    """Acquisition cost and commission of the last twelve months.

    Attributes
    ----------
    new_terms, renewed_terms : int
        Motor years begun, new or transferred in, and renewed.
    new_cost, renewed_cost : float
        Yuan a motor year.
    """

    new_terms: int
    renewed_terms: int
    new_cost: float
    renewed_cost: float

    @property
    def saved(self) -> float:
        """Yuan that a renewal saves against winning a new customer instead."""
        return self.new_cost - self.renewed_cost


def acquisition_costs(lake: Lake, as_of: date) -> Acquisition | None:
    """Measure acquisition cost a motor year, new and renewed, in the twelve months to a date.

    Parameters
    ----------
    lake : Lake
        Home with the checked table `policies`, and `costs` if it is delivered.
    as_of : date
        What was recorded by the end of this day counts.

    Returns
    -------
    Acquisition or None
        None if costs are not delivered, or one kind of motor year has none.
    """
    if not lake.has("costs"):
        return None
    known = known_sql(cutoff(as_of, lake.settings.timezone))
    kinds, lines = (", ".join(map(sql_text, names)) for names in (KINDS, MOTOR_LINES))
    policies, costs = (
        f"(SELECT * FROM read_parquet({sql_text(lake.require(table))}) WHERE {known})"
        for table in ("policies", "costs")
    )
    # The costs of a motor year are booked to one of its covers, so years are counted by vehicle.
    rows = lake.con.execute(
        f"""
        WITH motor AS (
            SELECT policy_id, vehicle_id, inception, business_type = 'renewal' AS renewed
            FROM {policies} WHERE line IN ({lines}) AND business_type IS NOT NULL
                AND inception > DATE '{as_of}' - INTERVAL 12 MONTH AND inception <= DATE '{as_of}'
        )
        SELECT m.renewed, count(DISTINCT (m.vehicle_id, m.inception)) AS years,
            coalesce(sum(c.amount), 0)::DOUBLE AS amount, count(c.amount) AS booked
        FROM motor m LEFT JOIN (
            SELECT policy_id, sum(amount) AS amount FROM {costs}
            WHERE kind IN ({kinds}) AND policy_id IS NOT NULL GROUP BY 1
        ) c USING (policy_id)
        GROUP BY 1
        """
    ).fetchall()
    by_kind = {renewed: (years, amount) for renewed, years, amount, booked in rows if booked}
    if len(by_kind) < 2:
        return None
    (new_years, new_amount), (renewed_years, renewed_amount) = by_kind[False], by_kind[True]
    return Acquisition(
        new_terms=new_years,
        renewed_terms=renewed_years,
        new_cost=new_amount / new_years,
        renewed_cost=renewed_amount / renewed_years,
    )
