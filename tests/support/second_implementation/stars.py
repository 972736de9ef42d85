"""Compute the tags of the star rule, from docs/star.md, in exact decimals."""

from decimal import Decimal

import pandas as pd

from second_implementation.view import MOTOR, Frame, View

COEFFICIENTS = ("0", "0", "1", "1.1", "1.2", "1.3")
THRESHOLDS = (5_000, 10_000, 16_000, 25_000)


def tags_of(view: View) -> dict[str, Frame]:
    """Compute value, tenure and star."""
    every, start = _terms(view), view.day - pd.DateOffset(years=5)
    terms = every[every.line.isin(MOTOR)]
    paid_in = terms[terms.valued & (terms.inception > start) & terms.written_premium.notna()]
    premium = _sums(view, paid_in, "written_premium")
    claims = _sums(view, _claims(view, every, start), "cost")
    tenure, lapsed = _tenure(view, terms)
    value = [
        (paid - cost) * Decimal(COEFFICIENTS[min(years, 5)])
        for paid, cost, years in zip(premium, claims, tenure, strict=True)
    ]
    stars = [1 + sum(one >= threshold for threshold in THRESHOLDS) for one in value]
    named = {
        "star_premium_5y": premium,
        "star_claims_5y": claims,
        "tenure_years": tenure,
        "lapsed": lapsed,
        "customer_value": value,
        "star_level": stars,
    }
    return {name: pd.Series(list(map(float, found)), view.customers, float)
            for name, found in named.items()}  # fmt: skip


def _terms(view: View) -> Frame:
    """List the terms that have begun and existed; `valued`: motor terms of private cars."""
    rows = view.known("policies")
    rows = rows[rows.inception <= view.day]
    rows = rows[rows.cancelled_on.isna() | (rows.cancelled_on > rows.inception)].copy()
    rows["end"] = rows.cancelled_on.fillna(rows.expiry)
    rows["valued"] = rows.line.isin(MOTOR) & rows.private_car.eq(True)
    return rows


def _claims(view: View, terms: Frame, start: pd.Timestamp) -> Frame:
    """List the claims of the window that count, with what was recorded of their cost."""
    moves = view.known("claim_movements")
    moves["cost"] = moves.paid_change + moves.outstanding_change
    rows = view.happened("claims")
    rows = rows[rows.occurred_on > start]
    rows = rows.merge(moves.groupby("claim_id").cost.sum(), left_on="claim_id", right_index=True)
    begun = {(term.customer_id, term.policy_id): term.valued for term in terms.itertuples()}
    return rows[[_counts(claim, begun, view, terms) for claim in rows.itertuples()]]


def _counts(claim: Frame, begun: dict[tuple[str, str], bool], view: View, terms: Frame) -> bool:
    """Decide by the claim's term; where that gives no answer, by its car."""
    named = (claim.customer_id, claim.policy_id)
    if named in begun:
        return begun[named]
    policies = view.versions("policies").sort_values("recorded_at")
    of_term = policies[policies.policy_id == claim.policy_id]
    car = claim.vehicle_id
    if pd.isna(car) and len(of_term):
        car = of_term.vehicle_id.iloc[-1]
    valued = terms[terms.valued & (terms.customer_id == claim.customer_id)]
    same = valued[valued.vehicle_id == car]
    last = of_term.iloc[-1] if len(of_term) else None
    if last is not None and last.cancelled_on <= last.inception:  # it never existed
        same = same[same.inception <= claim.occurred_on]
    return len(same) > 0


def _tenure(view: View, terms: Frame) -> tuple[list[int], list[bool]]:
    """Count each customer's years in the running chain; mark who lapsed."""
    tenures, marks = [], []
    for name in view.customers:
        own = terms[terms.customer_id == name].sort_values(["inception", "end", "policy_id"])
        first = latest = end = None
        for term in own.itertuples():
            if end is None or term.inception > end + pd.DateOffset(months=6):
                first = term.inception
            latest = term.inception
            end = term.end if end is None else max(end, term.end)
        lapsed = end is not None and view.day > end + pd.DateOffset(months=6)
        covered = end is not None and not lapsed
        tenures.append(1 + ((latest - first).days + 30) * 100 // 36_525 if covered else 0)
        marks.append(lapsed)
    return tenures, marks


def _sums(view: View, rows: Frame, column: str) -> list[Decimal]:
    """Add up exact amounts of each customer."""
    found = rows.groupby("customer_id")[column].sum().to_dict()
    return [found.get(name, Decimal(0)) for name in view.customers]
