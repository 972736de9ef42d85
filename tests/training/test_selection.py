"""Candidates compete on rows that came later."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.dataset import Dataset
from training.estimators.candidates import CalibratedModel
from training.estimators.losses import row_loss
from training.estimators.parts import CANDIDATES
from training.fitting.blending import blend, inverse_link
from training.fitting.datasets import split_by_time
from training.fitting.learn import fit, learn
from training.fitting.selection import CandidateScore, choose
from training.fitting.windows import Fold, can_count_trees, customer_windows, time_windows
from training.models import MODELS

MODEL = replace(MODELS["churn"], monotone={})
FIRST = date(2022, 1, 1)
NAMES = ["x", "z"]


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


LINEAR, TREES = {"linear", "shrunk"}, {"additive", "trees", "deep"}


@pytest.mark.parametrize(("steps", "best"), [(False, LINEAR), (True, TREES)])
def test_the_candidate_that_fits_the_world_wins(steps: bool, best: set[str]) -> None:
    trials = choose(MODEL, history(4000, steps), NAMES, threads=1)
    assert {trial.candidate for trial in trials} | {"blend"} == set(MODEL.candidates)
    losses = [trial.loss for trial in trials if trial.candidate != "blend"]
    assert losses == sorted(losses)
    assert "blend" not in {trial.candidate for trial in trials[1:]}
    # The blend may win, by parts that fit this world nearly alone.
    assert sum(trials[0].weights[name] for name in best & set(trials[0].weights)) > 0.5
    alone = next(trial for trial in trials if trial.candidate != "blend")
    assert alone.candidate in best


def scores(seed: int, rows: int = 400) -> tuple[dict[str, Any], Any]:
    """Log-odds of three parts that see one half of the truth each, and the outcome."""
    draw = np.random.default_rng(seed)
    one, two, chance = draw.normal(size=(3, rows))
    outcome = (draw.random(rows) < 1 / (1 + np.exp(-one - two))).astype(float)
    return {"one": 2 * one, "two": 2 * two, "chance": 2 * chance}, outcome


@given(seed=st.integers(0, 10_000), kind=st.sampled_from(["probability", "count"]))
def test_a_blend_says_its_loss_and_loses_little_where_it_was_found(seed: int, kind: Any) -> None:
    parts, outcome = scores(seed)
    weights, loss = blend(parts, outcome, kind)
    assert sum(weights.values()) == pytest.approx(1)
    assert min(weights.values()) > 0
    total = sum(weight * parts[name] for name, weight in weights.items())
    told = row_loss(outcome, inverse_link(total, kind), kind)
    assert np.allclose(loss, told)
    for score in parts.values():
        assert loss.mean() <= row_loss(outcome, inverse_link(score, kind), kind).mean() + 0.02


def test_few_outcomes_draw_weights_towards_equal_ones() -> None:
    """A hundred yes: two thirds of the weight are found, a third is equal."""
    came = np.array([1.0] * 100 + [0.0] * 900)
    knows, chance = 6 * came - 3, np.zeros(1000)
    parts = {"knows": knows, "chance": chance}
    assert blend(parts, came, "probability")[0] == pytest.approx({"knows": 5 / 6, "chance": 1 / 6})
    # With 1,900 yes less than a twentieth is equal, and that is left out.
    often = np.tile(came, 19)
    many = {name: np.tile(score, 19) for name, score in parts.items()}
    assert blend(many, often, "probability")[0] == {"knows": 1.0}


def test_what_two_parts_know_by_halves_the_blend_knows_whole() -> None:
    parts, outcome = scores(1, 5_000)
    weights, _ = blend(parts, outcome, "probability")
    assert weights["one"] == pytest.approx(0.5, abs=0.1)
    assert weights["two"] == pytest.approx(0.5, abs=0.1)
    later, answers = scores(2, 5_000)
    together = sum(weight * later[name] for name, weight in weights.items())
    best = min(row_loss(answers, inverse_link(s, "probability")).mean() for s in later.values())
    assert row_loss(answers, inverse_link(together, "probability")).mean() < best - 0.05


def test_a_part_that_knows_all_is_left_alone() -> None:
    parts, outcome = scores(3, 5_000)
    whole = (parts["one"] + parts["two"]) / 2
    assert blend({"chance": parts["chance"], "whole": whole}, outcome, "probability")[0] == {
        "whole": 1.0
    }


def test_nothing_is_judged_before_its_outcome_could_be_known() -> None:
    rows = history(3000, False)
    windows = time_windows(rows)
    assert len(windows) == 2
    for window in windows:
        assert not (window.train & window.validation).any()
        assert rows["matures"][window.train].max() <= rows["as_of"][window.validation].min()


def test_a_short_history_is_not_cut() -> None:
    assert choose(MODEL, history(150, False), NAMES, threads=1) == []


def test_what_time_cannot_part_is_judged_by_other_customers() -> None:
    rows = history(3000, True).assign(as_of=FIRST, matures=FIRST + timedelta(days=30))
    rows["customer_id"] = [f"C{i // 3}" for i in range(len(rows))]
    assert time_windows(rows) == []
    parts = customer_windows(rows)
    assert len(parts) == 5
    assert sum(part.validation.astype(int) for part in parts).tolist() == [1] * len(rows)
    for part in parts:
        assert not set(rows["customer_id"][part.train]) & set(rows["customer_id"][part.validation])
    trials = choose(MODEL, rows, NAMES, threads=1)
    assert sum(trials[0].weights[name] for name in TREES & set(trials[0].weights)) > 0.5
    assert {trial.rows for trial in trials} == {len(rows)}


def test_windows_of_customers_choose_one_number_of_trees_that_the_fits_take() -> None:
    """Each holds other customers back, so their mean is steadier than the number of one alone."""
    frame = history(3000, True)
    rows = frame.drop(columns=["as_of", "matures"])
    windows = customer_windows(rows)
    encoded = [Fold.encode(rows, NAMES, window, "probability") for window in windows]
    folds = [fold for fold in encoded if fold is not None]
    held = [
        set(rows["customer_id"][window.train][fold.rows.stop])
        for window, fold in zip(windows, folds, strict=True)
    ]
    assert all(len(one & other) < len(one) / 2 for one, other in combinations(held, 2))
    trials = choose(MODEL, rows, NAMES, threads=1)
    numbers = {trial.candidate: trial.trees.get(trial.candidate) for trial in trials[1:]}
    assert {name for name, number in numbers.items() if number} == TREES
    alone = [fold.fit(MODEL, CANDIDATES["trees"], MODEL.parameters, 7, 1).trees_ for fold in folds]
    assert len(set(alone)) > 1
    assert numbers["trees"] == round(np.mean(alone))
    for fitted, best in (learn(MODEL, rows, NAMES, threads=1), judged(frame, rows)):
        assert best[0].trees.keys() == TREES & set(best[0].weights)
        # A tree that finds nothing to split is left out.
        assert 0 <= sum(best[0].trees.values()) - fitted.trees_ <= 2


def judged(frame: pd.DataFrame, rows: pd.DataFrame) -> tuple[CalibratedModel, list[CandidateScore]]:
    """The fit that is judged, of rows without dates, which the dates of `frame` divide."""
    data = Dataset(rows, NAMES, NAMES, split_by_time(frame), Path(), "a" * 64, {}, len(rows))
    return fit(MODEL, data, threads=1)


def test_windows_of_time_and_samples_leave_the_number_of_trees_to_the_fit() -> None:
    """More rows, or later ones, need other numbers than the windows see."""
    rows = history(4000, True)
    assert choose(MODEL, rows, NAMES, threads=1)[0].trees == {}
    assert can_count_trees(customer_windows(rows))
    assert not can_count_trees(time_windows(rows))
    assert not can_count_trees(customer_windows(pd.concat([rows] * 7, ignore_index=True)))
