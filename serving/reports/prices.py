"""Tell what was lost to price, and whether prices rose where the risk did."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from features.lake import Lake
from features.lake.known_at import known_sql
from features.lake.plain_rows import plain_rows
from features.settings import cutoff
from serving.reports.funnel import Figure, figure
from serving.reports.months import Period
from serving.reports.terms import TERMS, checked

EDGES = (Decimal("-0.10"), Decimal("-0.03"), Decimal("0.03"), Decimal("0.10"))
"""Bounds of the bands of a change of price."""
BANDS = (
    "降10%以上",
    "降3%至10%",
    "持平（±3%）",
    "涨3%至10%",
    "涨10%以上",
)
NOT_QUOTED = "未报价"
RISKS = ("无出险", "出险1次", "出险2次及以上")


@dataclass(frozen=True)
class PriceRow:
    """Expired terms of a band of change of price.

    Attributes
    ----------
    band : str
        The band, in Chinese.
    renewed : Figure
        Renewed of the expired terms.
    """

    band: str
    renewed: Figure


@dataclass(frozen=True)
class RiskRow:
    """Quoted terms by the claims of the expiring term.

    Attributes
    ----------
    risk : str
        Claims of the expiring term, in Chinese.
    change : float or None
        Median change of the quoted price against the expiring premium.
    dearer : Figure
        Quoted dearer than the setting's rise, of those quoted.
    renewed : Figure
        Renewed of those quoted.
    """

    risk: str
    change: float | None
    dearer: Figure
    renewed: Figure


def renewal_by_price(lake: Lake, month: Period) -> list[PriceRow]:
    """Count renewals by the change of the quoted price against the expiring premium.

    Parameters
    ----------
    lake : Lake
        The home, with the table of `terms_table`.
    month : Period
        The month; its expired terms count.
    """
    cases = " ".join(f"WHEN change < {edge} THEN {place}" for place, edge in enumerate(EDGES))
    rows = lake.con.execute(
        f"SELECT CASE WHEN change IS NULL THEN {len(BANDS)} {cases} ELSE {len(EDGES)} END AS band,"
        f" count(*), count(*) FILTER (renewed) FROM {TERMS} WHERE {_expired(month)}"
        " GROUP BY 1 ORDER BY 1"
    ).fetchall()
    names = (*BANDS, NOT_QUOTED)
    return [PriceRow(names[band], figure(renewed, count)) for band, count, renewed in rows]


def rises_against_risk(
    lake: Lake, as_of: date, month: Period, price_rise: Decimal
) -> list[RiskRow]:
    """Compare the change of price with the claims of the expiring term: who pays more, and leaves?

    Parameters
    ----------
    lake : Lake
        The home, with the table of `terms_table`.
    as_of : date
        Claims known by then count.
    month : Period
        The month; its expired terms with a quote count.
    price_rise : Decimal
        Share above which a quote is dearer.
    """
    known = known_sql(cutoff(as_of, lake.settings.timezone))
    rows = plain_rows(
        lake.con.execute(
            f"""
            WITH claim AS (
                SELECT policy_id, count(*) AS claims FROM {checked(lake, "claims")}
                WHERE {known} GROUP BY 1
            )
            SELECT least(coalesce(claims, 0), 2) AS risk, median(change) AS change,
                count(*) AS quoted, count(*) FILTER (renewed) AS renewed,
                count(*) FILTER (change > {price_rise}) AS dearer
            FROM {TERMS} LEFT JOIN claim USING (policy_id)
            WHERE {_expired(month)} AND change IS NOT NULL GROUP BY 1 ORDER BY 1
            """
        ).to_arrow_table()
    )
    return [
        RiskRow(
            RISKS[row["risk"]],
            row["change"],
            figure(row["dearer"], row["quoted"]),
            figure(row["renewed"], row["quoted"]),
        )
        for row in rows
    ]


def _expired(month: Period) -> str:
    return f"expired AND expiry BETWEEN DATE '{month.first}' AND DATE '{month.last}'"
