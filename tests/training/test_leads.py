"""Lead times: one rule for one customer, for many, and for what the API takes."""

import numpy as np
import pandas as pd
import pytest

from serving.decision.schemas import DecideContext
from serving.schemas import Context
from training.labels.leads import LONGEST_LEAD, SHORTEST_LEAD, STRATA
from training.models import LEAD_TIME, MONTH_AHEAD

TAG = "days_to_commercial_expiry"
DAYS = [-5.0, 0.0, 0.5, 7.0, 7.5, 30.0, 60.0, 61.0, 365.0]
ASKED = [0.0, 0.0, 0.5, 7.0, 7.5, 30.0, 60.0, 60.0, 60.0]


def test_days_to_the_expiry_stay_within_what_models_learned_from() -> None:
    assert [LEAD_TIME.derive_one({TAG: days}) for days in DAYS] == ASKED
    assert LEAD_TIME.derive(pd.DataFrame({TAG: DAYS})).tolist() == ASKED


def test_every_day_of_the_range_is_in_one_stratum() -> None:
    days = [day for low, high in STRATA for day in range(low, high + 1)]
    assert days == list(range(SHORTEST_LEAD, LONGEST_LEAD + 1))


def test_days_that_are_not_known_stay_so() -> None:
    assert LEAD_TIME.derive_one({TAG: None}) is None
    assert LEAD_TIME.derive(pd.DataFrame({TAG: [None, np.nan]}, dtype=object)).isna().all()


def test_without_a_tag_the_first_is_asked_about() -> None:
    assert MONTH_AHEAD.derive_one({}) == 1
    assert MONTH_AHEAD.derive(pd.DataFrame({TAG: [3, 4]})).tolist() == [1, 1]


@pytest.mark.parametrize("message", [Context, DecideContext])
def test_the_api_takes_the_lead_times_that_models_learned_from(
    message: type[Context] | type[DecideContext],
) -> None:
    for days in (SHORTEST_LEAD, LONGEST_LEAD):
        assert message(lead_days=days).lead_days == days
    for days in (SHORTEST_LEAD - 1, LONGEST_LEAD + 1):
        with pytest.raises(ValueError, match="lead_days"):
            message(lead_days=days)
