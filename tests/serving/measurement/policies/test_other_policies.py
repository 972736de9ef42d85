"""What another policy would have gained, and what all contact added, by what was observed."""

from datetime import date
from typing import Any

import numpy as np
import pytest
from decided_month import BEGIN, CALL, END, POLICY, SHIPPED, decide, facts_of
from known_terms import both_terms, write_terms

from features.errors import GuanjiaError
from features.lake import Lake
from serving.decision.lots import in_holdout
from serving.decision.worth.policy import Policy
from serving.measurement.off_policy import value_policy
from serving.measurement.standing import measure_standing
from serving.records.database import Records


def test_another_policy_is_worth_what_it_would_have_gained(lake: Lake, records: Records) -> None:
    """Silence renews 50%, a call 80%; each is drawn half the time. A renewal is worth 100 yuan, a
    call costs 1: always to call is worth 79 yuan, the lot (50 + 79) / 2 = 64.5."""
    drawing = POLICY.model_copy(update={"exploration_share": 1.0})
    noise = np.random.default_rng(4)
    rows: list[dict[str, Any]] = []
    for number in range(600):
        customer = f"C{number}"
        called = decide(records, facts_of(customer, 100.0, CALL, policy=drawing)) is not None
        renews = bool(noise.random() < (0.8 if called else 0.5))
        rows += both_terms(number, customer, date(2026, 7, 20), renews=renews)
    write_terms(lake.checked("policies"), rows)
    found = value_policy(lake, records, POLICY, BEGIN, END, date(2026, 8, 31))
    assert found.unripe == 0
    assert found.value.new.low < 79 < found.value.new.high
    assert found.value.logged.low < 64.5 < found.value.logged.high
    assert found.value.effective == pytest.approx(300, abs=50)
    assert found.value.credible
    with pytest.raises(GuanjiaError, match="no ripe outcome"):
        value_policy(lake, records, POLICY, BEGIN, END, date(2026, 7, 31))


def holdout_policy() -> Policy:
    return SHIPPED.model_copy(update={"holdout_share": 0.3})


def test_the_standing_holdout_tells_what_all_contact_added(lake: Lake, records: Records) -> None:
    """Contact adds 20 points; at 3,000 terms and 30% held out the interval is 3.9 wide a side."""
    policy, noise = holdout_policy(), np.random.default_rng(5)
    rows: list[dict[str, Any]] = []
    for number in range(3_000):
        customer = f"C{number}"
        held = in_holdout(policy.salt, customer, "2026", 0.3)
        renews = bool(noise.random() < (0.5 if held else 0.7))
        rows += both_terms(number, customer, date(2026, 3, 1), renews=renews)
    write_terms(lake.checked("policies"), rows)
    found = measure_standing(lake, records, policy, date(2026, 6, 30))
    assert found.effect.low < 0.2 < found.effect.high
    assert found.renewals.value == pytest.approx(found.effect.value * found.effect.treated)
    assert (found.summed, found.ratio) == (0, None)
    with pytest.raises(GuanjiaError, match="has no ripe terms"):
        measure_standing(lake, records, replace_share(policy, 0.0), date(2026, 6, 30))


def replace_share(policy: Policy, share: float) -> Policy:
    return policy.model_copy(update={"holdout_share": share})
