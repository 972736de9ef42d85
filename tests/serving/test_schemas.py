"""Requests as declared, and nothing else."""

from typing import Any

import pytest
from pydantic import ValidationError

from serving.decision.schemas import DecideContext, DecideRequest
from serving.schemas import Context, Message, PredictRequest


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"customer_ids": []}, "too_short"),
        ({"customer_ids": ["C"] * 1001}, "too_long"),
        ({"customer_ids": ["C"], "model": "renewal"}, "extra_forbidden"),
        ({"customer_ids": ["C"], "context": {"lead": 3}}, "extra_forbidden"),
        ({"customer_ids": ["C"], "context": {"lead_days": float("nan")}}, "finite_number"),
        ({"customer_ids": ["C"], "context": {"lead_days": -1}}, "greater_than_equal"),
        ({"customer_ids": [""]}, "string_too_short"),
        ({"customer_ids": [None]}, "string_type"),
        ({"customer_ids": ["C"], "explain": "yes"}, "bool_type"),
        ({"customer_ids": ["C"], "explain": 1}, "bool_type"),
        ({"customer_ids": ["C"], "models": ["churn"] * 33}, "too_long"),
        ({"customer_ids": ["C"], "models": ["c" * 65]}, "string_too_long"),
        ({}, "missing"),
    ],
)
def test_faults_are_named(body: dict[str, Any], kind: str) -> None:
    with pytest.raises(ValidationError) as caught:
        PredictRequest.model_validate(body)
    assert [error["type"] for error in caught.value.errors()] == [kind]


def test_a_thousand_customers_are_allowed() -> None:
    assert len(PredictRequest(customer_ids=["C"] * 1000).customer_ids) == 1000


@pytest.mark.parametrize(
    ("message", "field"),
    [(Context, "lead_days"), (DecideContext, "lead_days"), (DecideRequest, "alternatives")],
)
def test_a_number_is_no_text_and_no_truth_value(message: type[Message], field: str) -> None:
    others = {"customer_id": "C", "decision_point": "app_open"} if message is DecideRequest else {}
    assert getattr(message.model_validate({**others, field: 7.0}), field) == 7
    for value in (True, "9", 7.5):
        with pytest.raises(ValidationError):
            message.model_validate({**others, field: value})
