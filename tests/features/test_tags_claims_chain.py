"""Tags of the claims chain and of claims in detail, against answers worked out by hand."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from features.errors import GuanjiaError
from features.tags.relations.claims_standards import STEPS, ClaimsStandards, load_claims_standards

Row = dict[str, Any]
Answer = Callable[..., Row]
Expect = Callable[..., None]


def at(text: str) -> datetime:
    """An instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def claim(claim_id: str, *days: str | None, **more: Any) -> Row:
    """A claim by the days on which it occurred, was reported, surveyed, assessed, adjusted, paid
    and closed."""
    names = ("occurred_at", "reported_at", "surveyed_at", "assessed_at", "adjusted_at", "paid_at",
             "closed_at")  # fmt: skip
    moments = {name: at(day) for name, day in zip(names, days, strict=False) if day}
    return {"claim_id": claim_id, "policy_id": "S1", "vehicle_id": "V1", **moments, **more}


@pytest.fixture
def claims() -> list[Row]:
    """One claim in time at every step, one of injury that is late at three, one closed unpaid."""
    return [
        claim("K1", "2026-01-10", "2026-01-12", "2026-01-13", "2026-01-20", "2026-01-23",
              "2026-01-26", "2026-01-26", kind="collision", at_fault=True),
        claim("K2", "2025-03-01", "2025-03-04", "2025-03-08", "2025-04-07", "2025-04-17",
              "2025-04-28", "2025-04-28", kind="collision", injury=True, policy_id="J1"),
        claim("K3", "2025-06-01", "2025-06-01", "2025-06-03", None, None, None, "2025-06-10",
              kind="glass", policy_id="unknown"),
        claim("K4", "2020-01-01", "2020-06-01", "2020-12-01"),
    ]  # fmt: skip


def test_steps_against_their_standards(answer: Answer, expect: Expect, claims: list[Row]) -> None:
    # Days of K1: 2 1 7 3 3; of K2: 3 4 30 10 11; of K3: 0 2. K4 is older than the window.
    expect(
        answer("claims", claims=claims),
        assess_delay_days_36m=37 / 2,
        adjust_delay_days_36m=13 / 2,
        pay_delay_days_36m=7.0,
        longest_report_delay_days_36m=3,
        longest_survey_delay_days_36m=4,
        longest_assess_delay_days_36m=30,
        longest_adjust_delay_days_36m=10,
        longest_pay_delay_days_36m=11,
        report_in_time_share_36m=2 / 3,
        survey_in_time_share_36m=1 / 3,
        assess_in_time_share_36m=1.0,
        adjust_in_time_share_36m=1.0,
        pay_in_time_share_36m=0.5,
        claim_steps_in_time_share_36m=8 / 12,
        overdue_claims=1,
        open_claim_stage="survey",
        days_since_open_claim_step=(date(2026, 6, 30) - date(2020, 12, 1)).days,
    )


def test_standards_of_one_company(
    answer: Answer, expect: Expect, claims: list[Row], tmp_path: Path
) -> None:
    (tmp_path / "claims.toml").write_text(
        "[survey]\nproperty_days = 2\ninjury_days = 4\n", encoding="utf-8"
    )
    found = answer("claims", claims=claims)
    expect(found, survey_in_time_share_36m=1.0, pay_in_time_share_36m=0.5)


WAITING: list[tuple[list[str | None], str, int, int]] = [
    (["2026-06-28", "2026-06-29"], "report", 1, 0),
    (["2026-06-28", "2026-06-28"], "report", 2, 1),
    (["2026-06-01", "2026-06-01", "2026-06-23"], "survey", 7, 0),
    (["2026-06-01", "2026-06-01", "2026-06-22"], "survey", 8, 1),
    (["2026-05-01", "2026-05-01", "2026-05-02", "2026-06-27"], "assess", 3, 0),
    (["2026-05-01", "2026-05-01", None, "2026-06-26"], "assess", 4, 1),
    (["2026-05-01", "2026-05-01", None, None, "2026-06-26"], "adjust", 4, 1),
    (["2026-01-01", "2026-01-01", None, None, "2026-01-02", "2026-01-03"], "pay", 178, 0),
]
"""Days of the steps, the stage, the days in it, and how many claims are overdue."""


def test_open_claims_wait_for_their_next_step(answers: Answer, expect: Expect) -> None:
    end = date(2026, 6, 30)
    claims = [
        {**claim(f"K{n}", *days), "customer_id": str(n)} for n, (days, *_) in enumerate(WAITING)
    ]
    found = answers("claims", [(str(n), end) for n in range(len(WAITING))], claims=claims)
    for n, (_, stage, waits, overdue) in enumerate(WAITING):
        expect(
            found[str(n), end],
            open_claim_stage=stage,
            days_since_open_claim_step=waits,
            overdue_claims=overdue,
        )


def test_a_step_does_not_exist_before_it_is_taken(answers: Answer, expect: Expect) -> None:
    claims = [
        claim("K1", "2026-06-20", "2026-06-20", "2026-06-22", "2026-06-25", injury=True),
        claim("K2", "2026-06-21", "2026-06-21T01:00", "2026-06-23", None, None, None, "2026-06-28"),
    ]
    stages = {19: None, 20: "report", 21: "report", 23: "survey", 27: "survey", 28: "assess"}
    pairs = [("C1", date(2026, 6, day)) for day in stages]
    found = answers("claims", pairs, claims=claims)
    for day, stage in stages.items():
        expect(found["C1", date(2026, 6, day)], open_claim_stage=stage)
    expect(
        found["C1", date(2026, 6, 23)],
        overdue_claims=0,
        days_since_open_claim_step=0,
        assess_delay_days_36m=None,
    )


def test_claims_are_counted_by_kind_line_and_whether_closed(
    answer: Answer, expect: Expect, claims: list[Row], term: Answer
) -> None:
    policies = [
        term("S1", "2025-09-01", "2026-09-01", 3000),
        term("J1", "2024-09-01", "2025-09-01", 950, line="motor_compulsory"),
    ]
    expect(
        answer("claims", claims=claims, policies=policies),
        collision_claim_share_36m=2 / 3,
        glass_claim_share_36m=1 / 3,
        scratch_claim_share_36m=0.0,
        theft_claim_share_36m=0.0,
        natural_claim_share_36m=0.0,
        injury_claim_share_36m=1 / 3,
        at_fault_claim_share_36m=1 / 3,
        commercial_claim_count_365d=1,
        commercial_claim_count_36m=1,
        commercial_claim_count_ever=2,
        compulsory_claim_count_365d=0,
        compulsory_claim_count_36m=1,
        closed_unpaid_claims_36m=1,
        closed_unpaid_claim_share_36m=1 / 3,
        commercial_claim_frequency=2 / (302 / 365.25),
        claim_free_years=0,
    )


def test_claim_free_years_begin_with_cover(answers: Answer, expect: Expect, term: Answer) -> None:
    insured = ("C1", "hit")
    policies = [
        {**term(f"S{name}", "2024-06-29", "2025-06-29", 3000), "customer_id": name}
        for name in insured
    ]
    claims = [
        {**claim(f"K{name}", "2025-06-30", "2025-06-30"), "customer_id": name}
        for name in ("hit", "stranger")
    ]
    end = date(2026, 6, 30)
    pairs = [(name, end) for name in (*insured, "stranger")]
    found = answers("claims", pairs, policies=policies, claims=claims)
    expect(found["C1", end], claim_free_years=2, commercial_claim_frequency=0.0)
    expect(found["hit", end], claim_free_years=0)
    expect(found["stranger", end], claim_free_years=None, commercial_claim_frequency=None)


def test_reserves_and_payments_follow_the_movements_of_claims(
    answers: Answer, expect: Expect, claims: list[Row]
) -> None:
    moves = [
        ("M1", "K1", "2026-01-12", 0, 2000), ("M2", "K1", "2026-01-20", 0, 1000),
        ("M3", "K1", "2026-01-26", 3000, -3000), ("M4", "K2", "2025-03-04", 0, 40_000),
        ("M5", "K2", "2025-04-28", 49_999.5, -40_000), ("M6", "K2", "2025-05-30", 0.5, 0),
        ("M7", "K3", "2025-06-01", 0, 500), ("M8", "K3", "2025-06-10", 0, -500),
    ]  # fmt: skip
    movements = [
        {"movement_id": m, "claim_id": k, "moved_at": at(t), "paid_change": p,
         "outstanding_change": o, "recorded_at": at(t)}
        for m, k, t, p, o in moves
    ]  # fmt: skip
    days = [date(2025, 5, 29), date(2026, 6, 30)]
    pairs = [("C1", day) for day in days]
    found = answers("claims", pairs, claims=claims, claim_movements=movements)
    expect(
        found["C1", days[1]],
        mean_claim_paid_36m=53_000 / 2,
        large_claim_count_36m=1,
        large_claim_count_ever=1,
        reopened_claims_36m=1,
        reserve_development_ratio_36m=53_000 / 42_000 - 1,
    )
    expect(
        found["C1", days[0]],
        large_claim_count_36m=0,
        reopened_claims_36m=0,
        mean_claim_paid_36m=49_999.5,
    )


def test_complaints_and_surveys_are_counted_with_their_claims(
    answer: Answer, expect: Expect, claims: list[Row]
) -> None:
    cases = [
        {"case_id": "S1", "kind": "complaint", "topic": "claims", "claim_id": "K2",
         "occurred_at": at("2025-04-01"), "resolved_at": at("2025-04-11")},
        {"case_id": "S2", "kind": "complaint", "topic": "claims", "claim_id": "K2",
         "occurred_at": at("2026-05-01")},
        {"case_id": "S3", "kind": "complaint", "topic": "price", "occurred_at": at("2026-05-01")},
        {"case_id": "S4", "kind": "survey", "topic": "claims", "score": 2,
         "occurred_at": at("2025-05-01")},
        {"case_id": "S5", "kind": "survey", "topic": "claims", "score": 5,
         "occurred_at": at("2026-02-01")},
        {"case_id": "S6", "kind": "survey", "topic": "service", "score": 1,
         "occurred_at": at("2026-03-01")},
    ]  # fmt: skip
    expect(
        answer("claims", claims=claims, surveys_and_complaints=cases),
        claim_complaint_count_365d=1,
        claim_complaint_count_36m=2,
        open_claim_complaints=1,
        disputed_claims_36m=1,
        disputed_claim_ratio_36m=1 / 3,
        claim_survey_score_last=5,
        claim_survey_score_mean_36m=3.5,
    )


def test_a_customer_without_claims(answer: Answer, expect: Expect) -> None:
    absent = answer("claims")
    expect(absent, open_claim_complaints=None, disputed_claim_ratio_36m=None)
    expect(
        answer("claims", claim_movements=[], surveys_and_complaints=[]),
        overdue_claims=0,
        open_claim_stage=None,
        claim_steps_in_time_share_36m=None,
        closed_unpaid_claims_36m=0,
        large_claim_count_36m=0,
        reserve_development_ratio_36m=None,
        claim_complaint_count_36m=0,
        claim_survey_score_last=None,
    )


def test_documentation_has_the_standards() -> None:
    page = (Path(__file__).parents[2] / "docs" / "tag-rules.md").read_text(encoding="utf-8")
    for step in STEPS:
        standard = ClaimsStandards().standard_for(step)
        told = rf"\| `{step}` [^|]+\|[^|]+\| {standard.property_days} \| {standard.injury_days} \|"
        assert re.search(told, page), step


def test_what_claims_toml_may_not_say(tmp_path: Path) -> None:
    assert load_claims_standards(tmp_path) == ClaimsStandards()
    path = tmp_path / "claims.toml"
    for text, fault in (
        (
            "[survey]\nproperty_days = -1\ninjury_days = 1\n",
            r"claims\.toml, field survey\.property_days: ",
        ),
        (
            "[surveys]\nproperty_days = 1\ninjury_days = 1\n",
            r"field surveys: is not known\. Did you mean survey",
        ),
        (
            "[survey]\nproperty_days = 1\n",
            r"field survey\.injury_days: is missing\. Write injury_days = ",
        ),
        ("[survey\n", "is not valid TOML"),
    ):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(GuanjiaError, match=fault):
            load_claims_standards(tmp_path)
