"""Trees are searched on earlier windows, and taken where later ones say so beyond chance."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import lightgbm as lgb
import numpy as np
import optuna
import pandas as pd
import pytest

from features.lake import Lake
from features.settings import Settings
from training.dataset import Dataset
from training.estimators.candidates import CalibratedModel
from training.estimators.parts import Candidate
from training.fitting import tuning
from training.fitting.datasets import split_by_time
from training.fitting.tuning import FEWEST_OUTCOMES, LEAST_GAIN, TUNED, Tuning, tune
from training.fitting.windows import Window
from training.model_spec import DEFAULTS, ModelSpec
from training.models import MODELS

WEAK = {"rounds": 2, "patience": 1, "learning_rate": 0.02, "num_leaves": 2, "min_data_in_leaf": 20}
"""Two stumps: nearly any trial is better where there is something to learn."""
MODEL = replace(
    MODELS["churn"], monotone={}, candidates=("linear", "trees", "blend"), parameters=WEAK
)
NAMES = ["x", "z"]
LONG = 1e9
"""Seconds that no test waits for: patience ends the search."""


def history(strength: float, count: int = 1_500) -> pd.DataFrame:
    """Outcomes of two years; in the middle of x they are likelier, where that has a strength."""
    draw = np.random.default_rng(3)
    days = [date(2022, 1, 1) + timedelta(days=int(day)) for day in draw.integers(0, 730, count)]
    x, z = draw.normal(size=count), draw.normal(size=count)
    odds = strength * np.where(np.abs(x) < 0.7, 1.0, -1.0)
    return pd.DataFrame(
        {
            "customer_id": [f"C{number:06d}" for number in range(count)],
            "as_of": days,
            "matures": [day + timedelta(days=30) for day in days],
            "x": x,
            "z": z,
            "label": draw.random(count) < 1 / (1 + np.exp(-odds)),
        }
    )


def search(
    home: Path, rows: pd.DataFrame, seconds: float = LONG, model: ModelSpec = MODEL
) -> Tuning:
    """Tune a model on rows.

    Parameters
    ----------
    home : pathlib.Path
        Folder of the study.
    rows : pandas.DataFrame
        As `history` returns them.
    seconds : float
        Budget.
    model : ModelSpec
        The model.
    """
    data = Dataset(rows, NAMES, NAMES, split_by_time(rows), home, "a" * 64, {}, len(rows))
    return tune(Lake(Settings(home=home, threads=1)), model, data, seconds)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let few outcomes judge, and a search end soon."""
    monkeypatch.setattr(tuning, "FEWEST_OUTCOMES", 20)
    monkeypatch.setattr(tuning, "PATIENCE", 3)


@pytest.mark.usefixtures("few")
def test_trees_that_are_better_later_too_replace_the_declared_ones(tmp_path: Path) -> None:
    searched = search(tmp_path, history(2.0))
    assert searched.better
    assert LEAST_GAIN * searched.loss <= searched.low < searched.gain < searched.high
    own = {name for name in searched.parameters if name.startswith(f"{TUNED}.")}
    assert own >= {"trees.num_leaves", "trees.learning_rate", "trees.rounds"}
    # What other parts share is as declared.
    assert {name: searched.parameters[name] for name in WEAK} == WEAK
    assert searched.words.startswith(f"Tuned trees: the best of {searched.trials} trials")
    assert searched.metrics()["tuning_gain"] == searched.gain
    # Patience, not the clock, ends it: the same rows and seed give the same parameters.
    assert search(tmp_path / "again", history(2.0)) == searched


@pytest.mark.usefixtures("few")
def test_a_gain_beyond_chance_that_is_too_small_replaces_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tuning, "LEAST_GAIN", 0.9)
    searched = search(tmp_path, history(2.0))
    assert 0 < searched.low < 0.9 * searched.loss
    assert not searched.better
    assert searched.parameters == WEAK
    assert searched.words.endswith("surely at least 90.0% is wanted")


@pytest.mark.usefixtures("few")
def test_rows_that_judge_come_after_those_that_search(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    days: list[pd.Series] = []

    class Recorded(tuning.Contest):
        def __init__(
            self, model: ModelSpec, data: Dataset, windows: Sequence[Window], threads: int
        ) -> None:
            rows = data.frame[data.split.train]
            days.extend(rows["as_of"][window.validation] for window in windows)
            super().__init__(model, data, windows, threads)

    monkeypatch.setattr(tuning, "Contest", Recorded)
    assert search(tmp_path, history(2.0, 4_000)).gain > 0
    searched, judged = days
    assert searched.max() < judged.min()


@pytest.mark.usefixtures("few")
def test_what_chance_finds_replaces_nothing(tmp_path: Path) -> None:
    """The best trial is better where it was searched, and not surely so later."""
    parameters = {**DEFAULTS, "min_data_in_leaf": 20, "lambda_l2": 1.0, "feature_fraction": 1.0}
    searched = search(tmp_path, history(0.5), model=replace(MODEL, parameters=parameters))
    (study,) = optuna.get_all_study_summaries(f"sqlite:///{tmp_path}/training/churn/tuning.db")
    assert study.best_trial is not None
    assert study.best_trial.number > 0
    assert not searched.better
    assert searched.low <= 0 < searched.gain
    assert searched.parameters == parameters
    assert searched.words.startswith("Trees as declared: the best of ")


@pytest.mark.parametrize(
    ("seconds", "changes", "why"),
    [
        (LONG, {}, f"fewer than {FEWEST_OUTCOMES:,} tell nothing apart"),
        (LONG, {"candidates": ("linear", "deep", "blend")}, "the model has no part trees"),
        (0, {}, "no seconds are given to search"),
    ],
)
def test_where_nothing_can_be_told_apart_nothing_is_searched(
    tmp_path: Path, seconds: float, changes: Mapping[str, tuple[str, ...]], why: str
) -> None:
    searched = search(tmp_path, history(2.0), seconds, replace(MODEL, **changes))
    assert searched.parameters == WEAK
    assert searched.words.endswith(why)
    assert searched.words.startswith("Trees as declared: ")
    assert searched.metrics() == {}
    assert not (tmp_path / "training").exists()


@pytest.mark.usefixtures("few")
def test_a_search_goes_on_where_it_stopped_and_begins_with_what_is_declared(tmp_path: Path) -> None:
    first, again = (search(tmp_path, history(2.0), 1e-9) for _ in range(2))
    assert (first.trials, again.trials) == (1, 2)
    assert first.parameters == WEAK
    assert first.gain == 0
    assert first.words == "Trees as declared: none of 0 other trials is better"
    (study,) = optuna.get_all_study_summaries(f"sqlite:///{tmp_path}/training/churn/tuning.db")
    assert study.study_name == "churn-" + "a" * 16 + "-blends, earlier windows"
    # A third session draws other parameters than the second did.
    search(tmp_path, history(2.0), 1e-9)
    stored = optuna.load_study(
        study_name=study.study_name, storage=f"sqlite:///{tmp_path}/training/churn/tuning.db"
    )
    drawn = [trial.params["learning_rate"] for trial in stored.trials]
    assert drawn[0] == WEAK["learning_rate"]
    assert len(set(drawn)) == 3


def test_parameters_of_a_part_are_of_that_part_alone() -> None:
    rows = history(2.0, 600)
    outcome, nobody = rows["label"].to_numpy(), np.zeros(len(rows), bool)
    candidate = Candidate("both", {"additive": 0.5, "trees": 0.5})

    def grow(parameters: Mapping[str, float]) -> dict[str, str]:
        model = CalibratedModel({**WEAK, **parameters}, candidate, threads=1)
        parts = model.fit(rows, outcome, nobody, NAMES).fitted_
        assert all(isinstance(part, lgb.Booster) for part in parts.values())
        return {name: part.model_to_string() for name, part in parts.items()}  # type: ignore[union-attr]

    declared, tuned = grow({}), grow({"trees.num_leaves": 9})
    assert tuned["additive"] == declared["additive"]
    assert tuned["trees"] != declared["trees"]
