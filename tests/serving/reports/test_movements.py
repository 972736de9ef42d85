"""Service, stars, margin and stages on literal insurers, worked out by hand."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from due_terms import at, term

from features.errors import GuanjiaError
from features.lake import Lake
from serving.reports.expected import EXPECTED
from serving.reports.margins import kept_and_lost
from serving.reports.months import month_of
from serving.reports.relationship import report_stages
from serving.reports.service_quality import report_service
from serving.reports.settings import load_report_settings
from serving.reports.star_movement import report_stars, star_sections
from serving.reports.terms import terms_table

LakeOf = Callable[..., Lake]
JUNE = (date(2026, 6, 1), date(2026, 6, 30))


def step_days(**days: str) -> dict[str, Any]:
    """Instants of a claim with their civil days: `step_days(surveyed="2026-06-02")`."""
    row: dict[str, Any] = {}
    for name, day in days.items():
        row |= {f"{name}_at": at(day), f"{name}_on": date.fromisoformat(day)}
    return row


def claim(number: str, customer: str, occurred: str, reported: str, **more: str) -> dict[str, Any]:
    row: dict[str, Any] = {"claim_id": number, "customer_id": customer, "policy_id": "P1"}
    return row | step_days(occurred=occurred, reported=reported, **more)


def case(number: str, customer: str, day: str, score: int | None = None, **more: Any) -> Any:
    row: dict[str, Any] = {"case_id": number, "customer_id": customer, "topic": "claims"}
    row |= {"kind": "complaint" if score is None else "survey", "score": score}
    return row | step_days(occurred=day) | {"recorded_at": at(day)} | more


def contact(number: str, customer: str, day: str, touchpoint: str) -> dict[str, Any]:
    row = {"interaction_id": number, "customer_id": customer, "touchpoint": touchpoint}
    return row | {"channel": "sms", "direction": "out", **step_days(occurred=day)}


def test_the_claims_chain_and_satisfaction_are_those_worked_out_by_hand(lake_of: LakeOf) -> None:
    lake = lake_of(
        customers=[{"customer_id": "C1", "branch": "B1"}, {"customer_id": "C2", "branch": "B2"}],
        claims=[
            # The survey may take a day, the assessment seven after it.
            claim("L1", "C1", "2026-06-01", "2026-06-01", surveyed="2026-06-02",
                  assessed="2026-06-10"),
            claim("L2", "C1", "2026-06-05", "2026-06-05", surveyed="2026-06-08"),
            # Waits since 1 June: longer than a day, and so overdue; surveyed only in July.
            claim("L3", "C2", "2026-06-01", "2026-06-01", surveyed="2026-07-02"),
            # Its survey was in May: only its assessment counts in June.
            claim("L4", "C2", "2026-05-01", "2026-05-01", surveyed="2026-05-02",
                  assessed="2026-06-01", adjusted="2026-06-02", paid="2026-06-03",
                  closed="2026-06-03"),
        ],
        surveys_and_complaints=[
            case("S1", "C1", "2026-06-12", 5), case("S2", "C1", "2026-06-20", 3),
            case("S3", "C2", "2026-06-20", 4), case("S4", "C2", "2026-05-31", 1),
            case("K1", "C2", "2026-06-21"),
            case("K2", "C2", "2026-06-22", resolved_at=at("2026-06-25")),
        ],
        interactions=[
            contact("I1", "C1", "2026-06-10", "birthday"),
            contact("I2", "C1", "2026-06-15", "holiday"),
            contact("I3", "C2", "2026-04-01", "birthday"),
        ],
    )  # fmt: skip
    done = report_service(lake, *JUNE)
    chain = {row.branch: row for row in done.chain}
    survey = {key: (row.in_time["survey"].yes, row.in_time["survey"].of)
              for key, row in chain.items()}  # fmt: skip
    assert survey == {"B1": (1, 2), "B2": (0, 0), "": (1, 2)}
    assert (chain[""].in_time["assess"].yes, chain[""].in_time["assess"].of) == (0, 2)
    assert chain[""].median_days["survey"] == 2
    assert [(key, row.open, row.overdue) for key, row in chain.items()] == [
        ("B1", 2, 2), ("B2", 1, 1), ("", 3, 3)
    ]  # fmt: skip
    branches = {row.key: (row.surveys, row.satisfied.yes, row.complaints, row.unresolved)
                for row in done.branches}  # fmt: skip
    assert branches == {"B1": (2, 1, 0, 0), "B2": (1, 1, 2, 1)}
    touchpoints = {row.key: (row.surveys, row.complaints) for row in done.touchpoints}
    # C2 was last contacted 80 days before.
    assert touchpoints == {"birthday": (1, 0), "holiday": (1, 0), "无触达": (1, 2)}
    own = report_service(lake, *JUNE, branches={"B1"})
    assert [row.branch for row in own.chain] == ["B1", ""]
    assert [row.key for row in own.branches] == ["B1"]


def test_a_period_that_ends_before_it_begins_is_refused(lake_of: LakeOf) -> None:
    lake = lake_of(customers=[{"customer_id": "C1"}])
    with pytest.raises(GuanjiaError, match="ends before it begins"):
        report_service(lake, JUNE[1], JUNE[0])


def renewed_yearly(customer: str, first: int, last: int, premium: float) -> list[dict[str, Any]]:
    """Terms that begin on 10 June of years, each a year long."""
    return [
        term(f"P{customer}{year}", customer, f"{year + 1}-06-10", written_premium=premium,
             private_car=True)
        for year in range(first, last + 1)
    ]  # fmt: skip


def test_stars_move_as_worked_out_by_hand(lake_of: LakeOf) -> None:
    granted = {"granted_at": at("2026-01-01"), "granted_on": date(2026, 1, 1)}
    lake = lake_of(
        customers=[{"customer_id": name, "branch": "B1"} for name in ("C1", "C2", "C3")],
        policies=[
            # C1: until 10 June 2,400 a year for 4 years, coefficient 1.2: 11,520, gold; on 30 June
            # 5 terms and coefficient 1.3: 15,600, which is over 90% of platinum's 16,000.
            *renewed_yearly("C1", 2022, 2026, 2400.0),
            # C2: first year, value 0, bronze on both dates.
            *renewed_yearly("C2", 2026, 2026, 3000.0),
            # C3: 2 terms of 2,900, then lost: silver (5,800 x 1) before and after, still covered.
            term("PC31", "C3", "2025-07-01", written_premium=2900.0, private_car=True),
            term("PC32", "C3", "2026-07-01", written_premium=2900.0, private_car=True),
        ],
        claims=[claim("L1", "C9", "2026-01-01", "2026-01-01")],
        claim_movements=[{"movement_id": "M1", "claim_id": "L9", "customer_id": "C9",
                          "moved_at": at("2026-01-01"), "paid_change": 1, "outstanding_change": 0}],
        entitlements=[
            {"entitlement_id": "E1", "customer_id": "C1", "service_class": "A", "unit_cost": 100,
             "used_at": at("2026-05-01"), "used_on": date(2026, 5, 1), **granted},
            {"entitlement_id": "E2", "customer_id": "C2", "service_class": "A", "unit_cost": 200,
             **granted},
            {"entitlement_id": "E3", "customer_id": "C3", "service_class": "B", "unit_cost": 50,
             **granted},
        ],
    )  # fmt: skip
    done = report_stars(lake, date(2026, 6, 1), date(2026, 6, 30))
    rows = {row.name: row for row in done.rows}
    assert {(start, end): count for start, end, count in done.moves} == {
        (3, 3): 1, (2, 2): 1, (0, 1): 1
    }  # fmt: skip
    gold = rows["黄金"]
    # 3 services of class A at 150 on average, 3 of class B at 50.
    assert gold.allowance == Decimal(600)
    assert [gold.allowed_before, gold.allowed_after, gold.used] == [600, 600, 100]
    assert gold.close_by == 1
    assert gold.condition == "star = 3 and not lapsed and customer_value >= 14400"
    assert rows["青铜"].before == 0
    assert rows["青铜"].after == 1
    assert rows["钻石"].condition is None
    assert "接近下一星级的 1 人" in star_sections(done)[0].sentences[1]
    with pytest.raises(GuanjiaError, match="are not in order"):
        report_stars(lake, date(2026, 6, 30), date(2026, 6, 1))


def test_margin_of_kept_and_lost_terms_is_that_worked_out_by_hand(
    insurer: Lake, lake_of: LakeOf
) -> None:
    day = date(2026, 6, 14)
    lake_of(
        claim_movements=[{"movement_id": "M1", "claim_id": "L1", "customer_id": "C3",
                          "moved_at": at("2026-01-06"), "paid_change": 300,
                          "outstanding_change": 100}],
        costs=[{"cost_id": "K1", "customer_id": "C1", "policy_id": "P1", "kind": "commission",
                "incurred_at": at("2025-06-05"), "amount": 200},
               {"cost_id": "K2", "customer_id": "C1", "policy_id": "P1", "kind": "other",
                "incurred_at": at("2025-06-05"), "amount": 999}],
    )  # fmt: skip
    month = month_of(day)
    settings = load_report_settings(insurer.home)
    with terms_table(insurer, day, month.first, month.last, settings):
        insurer.con.execute(
            f"CREATE TEMP TABLE {EXPECTED} AS SELECT * FROM (VALUES ('P1', 100.0::DOUBLE),"
            " ('P2', -50.0), ('P3', 20.0)) AS v(policy_id, margin)"
        )
        kept, lost = kept_and_lost(insurer, day, month)
    # Kept are P1 and P5 of 1,000 yuan each; lost are four, of which P3 had a claim of 400 yuan.
    assert (kept.renewed, kept.terms, kept.premium) == (True, 2, 2000)
    assert (kept.loss_ratio, kept.expense_ratio, kept.combined_ratio) == (0, 0.1, 0.1)
    assert (lost.terms, lost.premium, lost.loss_ratio) == (4, 4000, 0.1)
    assert (kept.expected_margin, kept.good, kept.with_margin) == (100, 1, 1)
    assert (lost.expected_margin, lost.good, lost.with_margin) == (-15, 1, 2)
    assert lost.margin_high == pytest.approx(-15 + 1.96 * 70 / 2**0.5 / 2**0.5, rel=1e-3)


def test_stages_move_with_what_winning_customers_cost(lake_of: LakeOf) -> None:
    bound = at("2026-06-15")
    lake = lake_of(
        customers=[
            {"customer_id": "C1", "branch": "B1", "registered_at": at("2025-01-01"),
             "mini_program_bound_at": bound, "mini_program_bound_on": bound.date()},
            {"customer_id": "C2", "branch": "B1", "registered_at": at("2025-01-01")},
            {"customer_id": "C3", "branch": "B2", "registered_at": at("2026-06-10"),
             "recorded_at": at("2026-06-10")},
        ],
        policies=[term("P3", "C3", "2027-06-11", signed="2026-06-10", private_car=True)],
        claims=[claim("L1", "C9", "2026-01-01", "2026-01-01")],
        costs=[{"cost_id": "K1", "customer_id": "C3", "policy_id": "P3", "kind": "acquisition",
                "incurred_at": at("2026-06-10"), "amount": 250,
                "recorded_at": at("2026-06-10") + timedelta(hours=1)}],
    )  # fmt: skip
    done = report_stages(lake, date(2026, 5, 31), date(2026, 6, 30))
    moves = {(move.before, move.after): move for move in done.moves}
    assert {pair: move.customers for pair, move in moves.items()} == {
        ("entry", "stickiness"): 1, ("entry", "entry"): 1, ("new", "entry"): 1
    }  # fmt: skip
    assert moves["new", "entry"].acquisition == 250
    assert moves["new", "entry"].premium == 1000
    own = report_stages(lake, date(2026, 5, 31), date(2026, 6, 30), {"B2"})
    assert [(move.before, move.customers) for move in own.moves] == [("new", 1)]


def test_the_day_of_literal_rows_is_a_day_of_the_insurer() -> None:
    assert at("2026-06-01") == datetime.fromisoformat("2026-06-01T10:00:00+08:00")
