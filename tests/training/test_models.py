"""Of whom a model's question is asked, on literal rows; in training as in serving."""

import numpy as np
import pandas as pd

from features.tags.catalogue import catalogue
from training.models import MODELS


def test_renewal_is_asked_while_it_is_open() -> None:
    frame = pd.DataFrame(
        {
            "days_to_commercial_expiry": [30.0, 0.0, 30.0, 30.0, np.nan, 30.0],
            "commercial_renewal_signed": [False, False, True, False, None, None],
            "commercial_cancellation_known": [False, False, False, True, None, False],
        }
    )
    asked = [True, True, False, False, False, False]
    assert MODELS["renewal"].asks(frame).tolist() == asked


def test_renewal_learns_from_rows_whose_tags_describe_their_term() -> None:
    frame = pd.DataFrame(
        {
            "days_to_commercial_expiry": [30.0, 12.0],
            "commercial_renewal_signed": [0.0, 0.0],
            "commercial_cancellation_known": [0.0, 0.0],
            "lead_days": [30, 30],
        }
    )
    assert MODELS["renewal"].learns(frame).tolist() == [True, False]


def test_cross_selling_is_asked_of_motor_customers_without_the_line() -> None:
    frame = pd.DataFrame(
        {"motor_policies_in_force": [1, 1, 0, 2], "holds_health": [False, True, False, None]}
    )
    assert MODELS["cross_sell_health"].asks(frame).tolist() == [True, False, False, False]


def test_every_rule_reads_tags_alone() -> None:
    tags = catalogue()
    assert [n for m in MODELS.values() for n in m.rule_tags if n not in tags] == []
