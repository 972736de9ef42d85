"""Tell whether the good customers were kept: kept against lost terms by margin."""

from dataclasses import dataclass
from datetime import date

from features.lake import Lake
from features.lake.known_at import known_sql
from features.lake.plain_rows import plain_rows
from features.settings import cutoff
from serving.reports.expected import EXPECTED
from serving.reports.months import Period
from serving.reports.terms import TERMS, checked

DEFINITIONS = {
    "loss_ratio": ("赔付率", "到期保单年度内出险的已决与未决赔款 / 到期保单的签单保费"),
    "expense_ratio": ("费用率", "记在到期保单上的手续费与获客成本 / 到期保单的签单保费"),
    "combined_ratio": ("综合成本率", "赔付率 + 费用率"),
    "expected_margin": ("下一年度预期边际", "入池时预计的下一年度保费扣除费用与预期赔款, 每张保单的平均"),
}


@dataclass(frozen=True)
class MarginRow:
    """Kept or lost terms of the month.

    Attributes
    ----------
    kept : bool
        Renewed or lost.
    terms : int
        Expired terms.
    premium : float
        Their written premium, yuan.
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

    kept: bool
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
    rows = plain_rows(
        lake.con.execute(
            f"""
            SELECT renewed AS kept, count(*) AS terms,
                coalesce(sum(premium), 0)::DOUBLE AS premium,
                coalesce(sum(l.amount), 0)::DOUBLE AS claims,
                coalesce(sum(x.amount), 0)::DOUBLE AS costs,
                avg(e.margin) AS margin, stddev_samp(e.margin) AS deviation,
                count(e.margin) AS with_margin, count(*) FILTER (e.margin > 0) AS good
            FROM {TERMS} t LEFT JOIN ({claims}) l USING (policy_id)
                LEFT JOIN ({costs}) x USING (policy_id)
                LEFT JOIN {EXPECTED} e ON e.policy_id = t.policy_id
            WHERE t.expired AND t.expiry BETWEEN DATE '{month.first}' AND DATE '{month.last}'
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
                kept=row["kept"],
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
