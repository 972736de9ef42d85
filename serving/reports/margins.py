"""Tell whether the good customers were kept: kept against lost terms by margin."""

from dataclasses import dataclass
from datetime import date

from features.contracts.vocabulary import MOTOR_LINES
from features.lake import Lake
from features.lake.known_at import known_sql
from features.lake.plain_rows import plain_rows
from features.settings import cutoff
from features.sql import sql_text
from serving.reports.expected import EXPECTED
from serving.reports.months import Period
from serving.reports.terms import TERMS, checked

SAME_YEAR_DAYS = 60
"""A compulsory term that begins so near to the commercial one is of the same motor year: insurers
often book the costs of both on one of them."""
DEFINITIONS = {
    "loss_ratio": ("赔付率", "到期年度（交强险与商业险）的已决与未决赔款 / 两险签单保费"),
    "expense_ratio": ("费用率", "记在到期年度两险保单上的手续费与获客成本 / 两险签单保费"),
    "combined_ratio": ("综合成本率", "赔付率 + 费用率"),
    "expected_margin": (
        "下一年度预期边际",
        "入池时预计的下一年度保费扣除费用与预期赔款，每张保单的平均",
    ),
}


@dataclass(frozen=True)
class MarginRow:
    """Kept or lost terms of the month.

    Attributes
    ----------
    renewed : bool
        Renewed or lost.
    terms : int
        Expired terms.
    premium : float
        Written premium of their motor year, compulsory and commercial, yuan.
    loss_ratio, expense_ratio, combined_ratio : float or None
        Of the premium; None where the amounts are not delivered.
    expected_margin : float or None
        Mean expected margin of the coming term, yuan, of those that have one.
    margin_low, margin_high : float or None
        Its 95% interval.
    with_margin : int
        Terms with an expected margin.
    good : int
        Those whose expected margin is above 0.
    """

    renewed: bool
    terms: int
    premium: float
    loss_ratio: float | None
    expense_ratio: float | None
    combined_ratio: float | None
    expected_margin: float | None
    margin_low: float | None
    margin_high: float | None
    with_margin: int
    good: int


def kept_and_lost(lake: Lake, as_of: date, month: Period) -> list[MarginRow]:
    """Sum the expired terms of a month that were kept, and those that were lost.

    Parameters
    ----------
    lake : Lake
        The home, with the tables of `terms_table` and `expected_table`.
    as_of : date
        Claims and costs known by then count.
    month : Period
        The month.
    """
    known = known_sql(cutoff(as_of, lake.settings.timezone))
    has_claims, has_costs = lake.has("claim_movements"), lake.has("costs")
    claims = (
        f"SELECT c.policy_id, sum(m.paid_change + m.outstanding_change) AS amount"
        f" FROM (SELECT claim_id, policy_id FROM {checked(lake, 'claims')} WHERE {known}) c"
        f" JOIN (SELECT * FROM {checked(lake, 'claim_movements')} WHERE {known}) m"
        " USING (claim_id) GROUP BY 1"
        if has_claims
        else "SELECT NULL::VARCHAR AS policy_id, 0.0 AS amount WHERE false"
    )
    costs = (
        f"SELECT policy_id, sum(amount) AS amount FROM {checked(lake, 'costs')} WHERE {known}"
        " AND kind IN ('acquisition', 'commission') AND policy_id IS NOT NULL GROUP BY 1"
        if has_costs
        else "SELECT NULL::VARCHAR AS policy_id, 0.0 AS amount WHERE false"
    )
    lines = ", ".join(map(sql_text, MOTOR_LINES))
    rows = plain_rows(
        lake.con.execute(
            f"""
            WITH due AS (
                SELECT * FROM {TERMS}
                WHERE expired AND expiry BETWEEN DATE '{month.first}' AND DATE '{month.last}'
            ), motor AS (
                SELECT policy_id, customer_id, vehicle_id, inception, written_premium
                FROM {checked(lake, "policies")} WHERE {known} AND line IN ({lines})
                    AND customer_id IN (SELECT customer_id FROM due)
            ), year AS (
                SELECT d.policy_id, sum(m.written_premium) AS premium, sum(l.amount) AS claims,
                    sum(x.amount) AS costs
                FROM due d JOIN motor m ON m.customer_id = d.customer_id
                    AND m.vehicle_id = d.vehicle_id
                    AND abs(m.inception - d.inception) <= {SAME_YEAR_DAYS}
                LEFT JOIN ({claims}) l ON l.policy_id = m.policy_id
                LEFT JOIN ({costs}) x ON x.policy_id = m.policy_id
                GROUP BY 1
            )
            SELECT renewed, count(*) AS terms,
                coalesce(sum(y.premium), 0)::DOUBLE AS premium,
                coalesce(sum(y.claims), 0)::DOUBLE AS claims,
                coalesce(sum(y.costs), 0)::DOUBLE AS costs,
                avg(e.margin) AS margin, stddev_samp(e.margin) AS deviation,
                count(e.margin) AS with_margin, count(*) FILTER (e.margin > 0) AS good
            FROM due d LEFT JOIN year y USING (policy_id)
                LEFT JOIN {EXPECTED} e ON e.policy_id = d.policy_id
            GROUP BY 1 ORDER BY 1 DESC
            """
        ).to_arrow_table()
    )
    answers = []
    for row in rows:
        premium = row["premium"]
        loss = row["claims"] / premium if has_claims and premium else None
        expense = row["costs"] / premium if has_costs and premium else None
        count, deviation = row["with_margin"], row["deviation"]
        half = 1.96 * deviation / count**0.5 if count > 1 and deviation is not None else None
        answers.append(
            MarginRow(
                renewed=row["renewed"],
                terms=row["terms"],
                premium=premium,
                loss_ratio=loss,
                expense_ratio=expense,
                combined_ratio=None if loss is None or expense is None else loss + expense,
                expected_margin=row["margin"],
                margin_low=None if half is None else row["margin"] - half,
                margin_high=None if half is None else row["margin"] + half,
                with_margin=count,
                good=row["good"],
            )
        )
    return answers
