"""A hazard by step and the probability of all steps together are made one answer."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from training.estimators.hazard import log_survival
from training.models import MODELS

probabilities = st.floats(0, 1)


def ended(hazards: list[float], whole: float) -> list[float]:
    """Probability of the end by each step."""
    logs = log_survival(np.array([hazards]), np.array([whole]))
    return np.round(1 - np.exp(np.cumsum(logs[0])), 5).tolist()


@pytest.mark.parametrize(
    ("hazards", "whole", "by_step"),
    [
        # Survival .64 and .25, .16 in all; the root of it is .4, so the roots of both are taken.
        ([0.36, 0.75], 0.6, [0.2, 0.6]),
        # They agree already.
        ([0.36, 0.75], 0.84, [0.36, 0.84]),
        # Nothing says when, so all steps are alike: survival .5 three times.
        ([0.0, 0.0, 0.0], 0.875, [0.5, 0.75, 0.875]),
        # It cannot end in the second step.
        ([0.2, 0.0, 0.2], 0.36, [0.2, 0.2, 0.36]),
        # Nothing ends, whatever the hazards say.
        ([0.2, 1.0], 0.0, [0.0, 0.0]),
        ([0.0, 0.0], 0.0, [0.0, 0.0]),
        # The end is certain, and in the first step; short of certain by a millionth.
        ([1.0, 0.0], 1.0, [1.0, 1.0]),
        ([1.0, 0.0], 0.3, [0.3, 0.3]),
        ([1.0, 1.0], 0.75, [0.5, 0.75]),
    ],
)
def test_hazards_are_bent_to_what_all_steps_together_say(
    hazards: list[float], whole: float, by_step: list[float]
) -> None:
    assert ended(hazards, whole) == by_step


@given(arrays.arrays(np.float64, (5, 6), elements=probabilities),
       arrays.arrays(np.float64, 5, elements=probabilities))  # fmt: skip
def test_steps_never_fall_and_add_up_whatever_is_predicted(
    hazards: np.ndarray, whole: np.ndarray
) -> None:
    logs = log_survival(hazards, whole)
    assert (logs <= 0).all()
    np.testing.assert_allclose(1 - np.exp(logs.sum(axis=1)), whole, atol=2e-6)
    # A dearer whole raises every step, and of one row the order of the steps stays.
    assert (log_survival(hazards, (1 + whole) / 2) <= logs).all()
    order = np.argsort(hazards, axis=1)
    sorted_logs = np.take_along_axis(logs, order, axis=1)
    assert (np.diff(sorted_logs, axis=1) <= 0).all() or (hazards.max(axis=1) == 0).any()


@given(arrays.arrays(np.float64, (7, 6), elements=probabilities),
       arrays.arrays(np.float64, 7, elements=probabilities))  # fmt: skip
def test_one_row_is_reconciled_as_many_are(hazards: np.ndarray, whole: np.ndarray) -> None:
    many = log_survival(hazards, whole)
    for place in range(7):
        one = log_survival(hazards[place : place + 1], whole[place : place + 1])
        assert one.tobytes() == many[place : place + 1].tobytes()


def test_what_adds_up_asks_the_same_customers_by_the_same_tags() -> None:
    hazards = [model for model in MODELS.values() if model.adds_up_to]
    assert [model.name for model in hazards] == ["churn_hazard"]
    names = list(MODELS)
    for model in hazards:
        whole = MODELS[model.adds_up_to]
        assert names.index(whole.name) < names.index(model.name)
        assert (whole.eligible, whole.describes) == (model.eligible, model.describes)
        assert whole.tag_set is model.tag_set
        assert (whole.family, whole.kind) == (model.family, model.kind)
        assert len(model.extra) == 1
        assert not whole.extra
