"""Behaviour tags against answers worked out by hand on tables of a few rows."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

Row = dict[str, Any]
Answer = Callable[..., Row]
Expect = Callable[..., None]


def at(text: str) -> datetime:
    """An instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def quote(quote_id: str, quoted: str, premium: float, **more: Any) -> Row:
    row = {"quote_id": quote_id, "policy_id": "P2", "line": "motor_commercial"}
    return {**row, "quoted_at": at(quoted), "premium": premium, **more}


def test_behaviour_of_a_quoted_renewal(answer: Answer, expect: Expect, terms: list[Row]) -> None:
    quotes = [
        quote("Q1", "2026-06-01", 2760, delivered_at=at("2026-06-01"), channel="online"),
        quote("Q2", "2026-06-20", 2530, viewed_at=at("2026-06-21"), channel="agent"),
        quote("Q3", "2025-07-01", 2300, policy_id="P1", channel="agent"),
        quote("Q4", "2026-06-29", 90, policy_id=None, line="accident"),
    ]
    expect(
        answer("behaviour", quotes=quotes, policies=terms),
        quote_count_30d=3,
        quote_count_90d=3,
        quote_count_365d=4,
        quote_delivered_count_90d=1,
        quote_viewed_count_90d=1,
        quote_viewed_share_90d=1 / 3,
        quote_channels_365d=2,
        non_motor_quote_count_365d=1,
        accident_quote_count_365d=1,
        accident_quote_count_36m=1,
        health_quote_count_365d=0,
        days_since_last_quote=1,
        renewal_quote_count=2,
        renewal_quote_premium=2530.0,
        renewal_quote_change_ratio=0.1,
        renewal_quote_spread=2760 / 2530 - 1,
        renewal_quote_delivered=True,
        renewal_quote_viewed=True,
        days_since_renewal_quote=10,
        price_increases_accepted=1,
        price_increase_acceptance_share=0.5,
        largest_premium_increase=0.15,
        channel_switches=1,
        third_party_limit_reductions=1,
        days_signed_before_inception=10,
        last_minute_signings=0,
    )
