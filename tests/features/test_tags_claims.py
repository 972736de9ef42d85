"""Claims tags against answers worked out by hand on tables of a few rows."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

Row = dict[str, Any]
Answer = Callable[..., Row]
Expect = Callable[..., None]


def at(text: str) -> datetime:
    """An instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def claim(claim_id: str, occurred: str, **more: Any) -> Row:
    row = {"claim_id": claim_id, "policy_id": "P2", "vehicle_id": "V1"}
    moments = {"occurred_at": at(occurred), "reported_at": at(occurred)}
    return {**row, **moments, **more}


def test_claim_windows_include_their_first_moment(answer: Answer, expect: Expect) -> None:
    # The date ends at 16:00 UTC; 30 days before is 31 May 16:00, 36 months before 30 June 2023.
    claims = [
        claim("K1", "2026-05-31T16:00:00"),
        claim("K2", "2026-05-31T15:59:59.900"),
        claim("K3", "2023-06-30T16:00:00", at_fault=True, injury=True),
        claim("K4", "2023-06-30T15:59:59", at_fault=True),
    ]
    expect(
        answer("claims", claims=claims),
        claim_count_30d=1,
        claim_count_90d=2,
        claim_count_365d=2,
        claim_count_36m=3,
        claim_count_ever=4,
        at_fault_claim_count_365d=0,
        at_fault_claim_count_36m=1,
        injury_claim_count_36m=1,
        days_since_last_claim=29,
        claim_vehicles_36m=1,
    )


def test_claims_chain_and_amounts(answer: Answer, expect: Expect, terms: list[Row]) -> None:
    claims = [
        claim("K1", "2026-01-10", reported_at=at("2026-01-12"), surveyed_at=at("2026-01-13"),
              paid_at=at("2026-01-22"), closed_at=at("2026-01-23")),
        claim("K2", "2026-06-20", reported_at=at("2026-06-21"), surveyed_at=at("2026-06-24")),
        claim("K3", "2025-01-01", closed_at=at("2025-02-01")),
    ]  # fmt: skip
    moves = [
        ("M1", "K1", "2026-01-12", 0, 1000),
        ("M2", "K1", "2026-01-22", 800, -1000),
        ("M3", "K2", "2026-06-21", 0, 5000.5),
        ("M4", "K3", "2025-01-01", 300, 0),
    ]
    movements = [
        {"movement_id": m, "claim_id": k, "moved_at": at(t), "paid_change": p,
         "outstanding_change": o, "recorded_at": at(t)}
        for m, k, t, p, o in moves
    ]  # fmt: skip
    found = answer("claims", claims=claims, claim_movements=movements, policies=terms)
    expect(
        found,
        open_claims=1,
        days_since_oldest_open_claim=9,
        days_since_last_claim_closed=158,
        report_delay_days_36m=1.0,
        survey_delay_days_36m=2.0,
        payment_delay_days_36m=10.0,
        claims_paid_365d=800.0,
        claims_paid_36m=1100.0,
        claims_incurred_365d=5800.5,
        claims_incurred_36m=6100.5,
        claims_outstanding=5000.5,
        largest_claim_36m=5000.5,
        motor_premium_36m=5250.0,
        claims_ratio_36m=6100.5 / 5250,
        mean_claim_36m=2033.5,
    )
    expect(
        answer("claims", date(2026, 1, 15), claims=claims, claim_movements=movements),
        claims_outstanding=1000.0,
        claims_paid_36m=300.0,
        open_claims=1,
    )


def test_customer_without_claims_has_zero_counts_and_null_days(
    answer: Answer, expect: Expect
) -> None:
    found = answer("claims", claim_movements=[])
    expect(found, claim_count_36m=0, claims_incurred_36m=0.0, days_since_last_claim=None,
           mean_claim_36m=None, claims_ratio_36m=None)  # fmt: skip


REOPENED: dict[str, tuple[list[tuple[str, float, float]], bool]] = {
    # movements after the closing on 1 March (moved, paid, outstanding), and whether it is open
    "closed": ([], False),
    "money is set aside again": ([("2026-04-01", 0, 800)], True),
    "and paid out": ([("2026-04-01", 0, 800), ("2026-05-01", 800, -800)], False),
    "and in part": ([("2026-04-01", 0, 800), ("2026-05-01", 300, -300)], True),
    "a late payment": ([("2026-04-01", 500, 0)], False),
    "money comes back": ([("2026-04-01", -500, 0)], False),
    "moved in July": ([("2026-07-01", 0, 800)], False),
}


def test_a_reopened_claim_is_open_again(answers: Any, expect: Expect) -> None:
    """Closed on 1 March 2026 with 1,500 paid; looked at on 30 June."""
    claims, movements = [], []
    for name, (later, _) in REOPENED.items():
        row = claim(f"K{name}", "2026-01-10", customer_id=name, reported_at=at("2026-01-11"),
                    closed_at=at("2026-03-01"), paid_at=at("2026-03-01"))  # fmt: skip
        claims.append(row)
        moves = [("2026-01-11", 0, 2000), ("2026-02-20", 1500, -2000), *later]
        movements += [
            {"movement_id": f"{name}/{n}", "claim_id": f"K{name}", "customer_id": name,
             "moved_at": at(moved), "recorded_at": at(moved), "paid_change": paid,
             "outstanding_change": outstanding}
            for n, (moved, paid, outstanding) in enumerate(moves)
        ]  # fmt: skip
    end = date(2026, 6, 30)
    pairs = [(name, end) for name in REOPENED]
    # Without the table, nothing tells that a claim was opened again.
    found = answers("claims", pairs, claims=claims)
    assert {row["open_claims"] for row in found.values()} == {0}
    found = answers("claims", pairs, claims=claims, claim_movements=movements)
    for name, (_, is_open) in REOPENED.items():
        expect(
            found[name, end],
            open_claims=int(is_open),
            days_since_oldest_open_claim=170 if is_open else None,
            days_since_last_claim_closed=None if is_open else 121,
            open_claim_stage="pay" if is_open else None,
            overdue_claims=0,
        )
