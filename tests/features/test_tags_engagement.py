"""Engagement tags against answers worked out by hand on tables of a few rows."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

Row = dict[str, Any]
Answer = Callable[..., Row]
Expect = Callable[..., None]


def at(text: str) -> datetime:
    """An instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def contact(number: int, occurred: str, channel: str, result: str, **more: Any) -> Row:
    row = {"interaction_id": f"I{number}", "touchpoint": "renewal", "channel": channel}
    return {**row, "direction": "out", "occurred_at": at(occurred), "result": result,
            "cost": 0.1, **more}  # fmt: skip


def test_engagement_counts_contacts_by_channel_and_result(answer: Answer, expect: Expect) -> None:
    interactions = [
        contact(1, "2026-06-30T15:59:59", "sms", "sent"),
        contact(2, "2026-06-15", "sms", "clicked"),
        contact(3, "2026-05-01", "phone", "no_answer", cost=2),
        contact(4, "2026-04-15", "phone", "connected", cost=2),
        contact(5, "2025-08-01", "wecom", "refused"),
        contact(6, "2026-06-10", "app", "connected", direction="in"),
        contact(7, "2025-06-01", "wechat", "opted_out"),
    ]
    expect(
        answer("engagement", interactions=interactions),
        contact_count_30d=2,
        contact_count_90d=4,
        contact_count_365d=5,
        contact_reached_count_365d=3,
        contact_response_count_30d=1,
        contact_response_count_365d=2,
        contact_response_share_365d=0.4,
        inbound_contact_count_90d=1,
        contact_refused_count_365d=1,
        contact_no_answer_count_90d=1,
        contact_cost_365d=4.4,
        sms_contact_count_365d=2,
        sms_response_count_365d=1,
        phone_contact_count_365d=2,
        phone_response_count_365d=1,
        wecom_contact_count_365d=1,
        wechat_contact_count_365d=0,
        days_since_last_contact=0,
        days_since_last_response=15,
        opted_out=True,
    )


def test_engagement_with_surveys_and_consents(answer: Answer, expect: Expect) -> None:
    def case(number: int, kind: str, occurred: str, **more: Any) -> Row:
        return {"case_id": f"S{number}", "kind": kind, "topic": "service",
                "occurred_at": at(occurred), **more}  # fmt: skip

    found = answer(
        "engagement",
        customers=[{"mini_program_bound_at": at("2026-06-20"), "wecom_added_at": at("2026-08-01")}],
        surveys_and_complaints=[
            case(1, "survey", "2024-01-01", score=5),
            case(2, "survey", "2026-01-01", score=2),
            case(3, "complaint", "2026-06-01"),
            case(4, "complaint", "2024-06-01", resolved_at=at("2024-06-10")),
        ],
        consents=[
            {"consent_id": f"X{n}", "purpose": p, "granted": g, "changed_at": at(t)}
            for n, (p, g, t) in enumerate(
                [("marketing", True, "2024-01-01"), ("marketing", False, "2025-01-01"),
                 ("profiling", True, "2024-01-01")]
            )
        ],
    )  # fmt: skip
    expect(
        found,
        mini_program_bound=True,
        days_since_mini_program_bound=10,
        wecom_added=False,
        days_since_wecom_added=None,
        survey_count_365d=1,
        survey_score_last=2,
        survey_score_mean_36m=3.5,
        complaint_count_365d=1,
        complaint_count_36m=2,
        open_complaints=1,
        marketing_consent=False,
        profiling_consent=True,
    )
