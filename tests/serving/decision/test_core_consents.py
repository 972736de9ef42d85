"""Of what a customer told us and what they told the core system, `/decide` believes the later."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from features.lake import Lake
from serving.decision.decider import Decider
from serving.decision.schemas import DecideRequest
from serving.decision.touchpoint_source import TouchpointSource
from serving.predictions.service import PredictionService
from serving.records.contacts.of_customer import PastContact, PastDecision, list_past
from serving.records.database import Records
from serving.records.people.consents import ConsentChange, write_consent

pytestmark = pytest.mark.slow
NOON = datetime(2026, 7, 1, 4, tzinfo=UTC)
LONG_AGO = datetime(2015, 1, 1, tzinfo=UTC)
ASKED = 150
"""Customers, a few of whom would be contacted."""


def test_of_a_refusal_and_a_consent_the_later_counts(copy: Callable[..., Lake]) -> None:
    """The tags say when the core system got its consent: years after 2015, and before NOON."""
    lake = copy("feast", "scores")
    records = Records(lake.settings)
    records.migrate()
    decider = Decider(PredictionService(lake), records, TouchpointSource(lake))

    def marketed(customers: list[str]) -> list[str]:
        requests = (
            DecideRequest(customer_id=customer, decision_point="daily_batch")
            for customer in customers
        )
        results = (decider.preview(request, NOON)[0] for request in requests)
        return [
            customer
            for customer, result in zip(customers, results, strict=True)
            if result.chosen is not None and result.chosen.candidate.kind == "marketing"
        ]

    willing = marketed([f"C{number:08}" for number in range(1, ASKED)])[:5]
    assert willing
    for refused_at, expected in ((LONG_AGO, willing), (NOON - timedelta(hours=1), [])):
        told_at = NOON - timedelta(minutes=1)
        with records.writing() as connection:
            for customer in willing:
                change = ConsentChange(customer, "marketing", False, refused_at)
                write_consent(connection, change, told_at)
        assert marketed(willing) == expected
    # A preview leaves nothing behind.
    with records.reading() as connection:
        for kind in (PastContact, PastDecision):
            assert list_past(connection, kind, willing[0], 10) == []
    records.close()
