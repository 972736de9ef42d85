"""Candidates compete on rows that came later; tuning goes on where it stopped."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import optuna
import pandas as pd
import pytest

from features.lake import Lake
from features.settings import Settings
from training.dataset import Dataset
from training.fitting.datasets import split_by_time
from training.fitting.selection import choose, customer_windows, time_windows
from training.fitting.tuning import tune
from training.models import MODELS

MODEL = replace(MODELS["churn"], monotone={})
FIRST = date(2022, 1, 1)


def history(count: int, steps: bool, seed: int = 3) -> pd.DataFrame:
    """Outcomes of two years that follow a slope, or a step that no slope can follow."""
    draw = np.random.default_rng(seed)
    days = draw.integers(0, 730, count)
    x, z = draw.normal(size=count), draw.normal(size=count)
    odds = np.where((x > -0.5) & (x < 0.5), 2.0, -2.0) if steps else 1.2 * x - 0.8 * z
    return pd.DataFrame(
        {
            "customer_id": [f"C{i:06d}" for i in range(count)],
            "as_of": [FIRST + timedelta(days=int(day)) for day in days],
            "matures": [FIRST + timedelta(days=int(day) + 30) for day in days],
            "x": x,
            "z": z,
            "label": draw.random(count) < 1 / (1 + np.exp(-odds)),
        }
    )


@pytest.mark.parametrize(("steps", "best"), [(False, {"linear"}), (True, {"trees", "additive"})])
def test_the_candidate_that_fits_the_world_wins(steps: bool, best: set[str]) -> None:
    trials = choose(MODEL, history(4000, steps), ["x", "z"], threads=1)
    assert {trial.candidate for trial in trials} == set(MODEL.candidates)
    assert [trial.loss for trial in trials] == sorted(trial.loss for trial in trials)
    assert trials[0].candidate in best


def test_nothing_is_judged_before_its_outcome_could_be_known() -> None:
    rows = history(3000, False)
    windows = time_windows(rows)
    assert len(windows) == 2
    for window in windows:
        assert not (window.train & window.validation).any()
        assert rows["matures"][window.train].max() <= rows["as_of"][window.validation].min()


def test_a_short_history_is_not_cut() -> None:
    assert choose(MODEL, history(150, False), ["x", "z"], threads=1) == []


def test_what_time_cannot_part_is_judged_by_other_customers() -> None:
    rows = history(3000, True).assign(as_of=FIRST, matures=FIRST + timedelta(days=30))
    rows["customer_id"] = [f"C{i // 3}" for i in range(len(rows))]
    assert time_windows(rows) == []
    parts = customer_windows(rows)
    assert len(parts) == 5
    assert sum(part.validation.astype(int) for part in parts).tolist() == [1] * len(rows)
    for part in parts:
        assert not set(rows["customer_id"][part.train]) & set(rows["customer_id"][part.validation])
    trials = choose(MODEL, rows, ["x", "z"], threads=1)
    assert trials[0].candidate in {"trees", "additive"}
    assert {trial.rows for trial in trials} == {len(rows)}


def test_tuning_is_resumed_and_begins_with_what_is_declared(tmp_path: Path) -> None:
    frame = history(3000, True)
    data = Dataset(
        frame, ["x", "z"], ["x", "z"], split_by_time(frame), tmp_path, "a" * 64, {}, 3000
    )
    lake = Lake(Settings(home=tmp_path))
    first = tune(lake, MODEL, data, 0.01)
    again = tune(lake, MODEL, data, 0.01)
    assert first is not None
    assert again is not None
    assert again.trials + again.pruned == first.trials + first.pruned + 1 == 2
    assert again.declared_loss == first.declared_loss
    assert again.loss <= again.declared_loss
    (study,) = optuna.get_all_study_summaries(f"sqlite:///{tmp_path}/training/churn/tuning.db")
    assert study.study_name == "churn-" + "a" * 16 + "-held back"
    # Other data: another study, from the beginning.
    other = tune(lake, MODEL, replace(data, sha256="b" * 64), 0.01)
    assert other is not None
    assert other.trials == 1
