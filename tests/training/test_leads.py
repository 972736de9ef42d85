"""Lead times: one rule for one customer, for many, and for what the API takes."""

import numpy as np
import pandas as pd
import pytest

from features.sources.simulation import truth
from serving.decision.schemas import DecideContext
from serving.schemas import Context
from training.labels.leads import LEADS, LONGEST_LEAD, SHORTEST_LEAD, lead_asked, leads_asked

DAYS = [-5.0, 0.0, 6.5, 7.0, 7.5, 30.0, 60.0, 61.0, 365.0]
ASKED = [7.0, 7.0, 7.0, 7.0, 7.5, 30.0, 60.0, 60.0, 60.0]


def test_days_to_the_expiry_stay_within_what_models_learned_from() -> None:
    assert [lead_asked(days) for days in DAYS] == ASKED
    assert leads_asked(np.array(DAYS)).tolist() == ASKED
    assert leads_asked(pd.Series(DAYS)).tolist() == ASKED
    assert [lead_asked(days) for days in LEADS] == list(LEADS)


def test_the_simulation_tells_the_truth_at_the_same_lead_times() -> None:
    assert truth.LEADS == LEADS


def test_days_that_are_not_known_stay_so() -> None:
    assert np.isnan(leads_asked(np.array([np.nan]))).all()
    assert leads_asked(pd.Series([None], dtype="float64")).isna().all()


@pytest.mark.parametrize("message", [Context, DecideContext])
def test_the_api_takes_the_lead_times_that_models_learned_from(
    message: type[Context] | type[DecideContext],
) -> None:
    for days in (SHORTEST_LEAD, LONGEST_LEAD):
        assert message(lead_days=days).lead_days == days
    for days in (SHORTEST_LEAD - 1, LONGEST_LEAD + 1):
        with pytest.raises(ValueError, match="lead_days"):
            message(lead_days=days)
