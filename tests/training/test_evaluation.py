"""Figures worked out by hand, and slices that do not touch."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from features.errors import GuanjiaError
from training.datasets import split_by_time
from training.evaluation import calibration, figures

LABEL = np.array([False, True, False, True])
TOLD = np.array([0.1, 0.4, 0.5, 0.8])


def test_auc_and_brier_by_hand():
    found = figures.evaluate(LABEL, TOLD, pd.Series(["a", "b", "c", "d"]))
    assert found.auc == 0.75
    assert found.brier == pytest.approx((0.01 + 0.36 + 0.25 + 0.04) / 4)
    assert found.lift == 2.0
    assert found.auc_low <= 0.75 <= found.auc_high


def test_calibration_error_of_two_bins():
    # Bins (.1, .4) and (.5, .8): told .25 and .65, observed .5 and .5.
    assert calibration.expected_calibration_error(LABEL, TOLD, 2) == pytest.approx(0.2)


def history(days=1500, horizon=90):
    as_of = [date(2020, 1, 1) + timedelta(days=d) for d in range(days)]
    ripe = [day + timedelta(days=horizon) for day in as_of]
    return pd.DataFrame({"as_of": as_of, "matures": ripe})


def test_slices_do_not_overlap_and_outcomes_are_ripe_in_time():
    frame = history()
    split = split_by_time(frame)
    assert not (split.train & split.calibration).any()
    assert not (split.calibration & split.test).any()
    assert not (split.train & split.test).any()
    assert frame.matures[split.train].max() < frame.as_of[split.calibration].min()
    assert frame.matures[split.calibration].max() < frame.as_of[split.test].min()


def test_a_short_history_is_refused():
    with pytest.raises(GuanjiaError, match="longer history"):
        split_by_time(history(days=200))
