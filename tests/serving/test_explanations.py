"""An explanation is a sum: base, themes and rest make the model's own score, whoever is asked."""

from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.predictions.reasons import SMALLEST, explain, strongest_reasons
from training.estimators.bundle import Predictor
from training.estimators.candidates import CalibratedModel
from training.estimators.contributions import by_theme, importance
from training.fitting.bundle_writer import write_bundle
from training.fitting.datasets import held_back
from training.models import MODELS

CLAIMS = [
    "claim_count_90d",
    "claim_count_180d",
    "claim_count_365d",
    "claim_count_36m",
    "at_fault_claim_count_36m",
]
FEATURES = [
    *CLAIMS,
    "age_years",
    "licence_years",
    "channel",
    "premium_change_ratio",
    "tenure_years",
    "lead_days",
]


def customers(rows: int, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Claims that say nearly the same; age and claims matter."""
    draw = np.random.default_rng(seed)
    claims, age = draw.poisson(1.0, rows), draw.normal(45, 12, rows)
    frame = pd.DataFrame({name: claims + (draw.random(rows) < 0.1) for name in CLAIMS})
    frame["age_years"], frame["licence_years"] = age, age - 20
    frame["channel"] = draw.choice(["agent", "direct"], rows)
    frame["premium_change_ratio"] = np.where(
        draw.random(rows) < 0.2, np.nan, draw.normal(size=rows)
    )
    frame["tenure_years"], frame["lead_days"] = draw.integers(0, 6, rows), 30
    frame["customer_id"] = [f"C{number}" for number in range(rows)]
    odds = 1 - claims + (age - 45) / 15 + (frame["channel"] == "direct")
    return frame, draw.random(rows) < 1 / (1 + np.exp(-odds))


@pytest.fixture(scope="module")
def booster(tmp_path_factory: pytest.TempPathFactory) -> tuple[Predictor, lgb.Booster]:
    frame, label = customers(1500, 1)
    fitted = CalibratedModel({"num_leaves": 7, "rounds": 40, "min_data_in_leaf": 20}, threads=1)
    fitted.fit(frame, label, held_back(frame), FEATURES)
    fitted.calibrate(*customers(1500, 2))
    folder = tmp_path_factory.mktemp("bundle")
    bundle = write_bundle(folder / "bundle", MODELS["renewal"], fitted, FEATURES[:-1])
    return Predictor.load(bundle), fitted.scorer_.trees[0]


finite = st.floats(-5, 60, allow_nan=False) | st.just(float("nan"))
row = st.fixed_dictionaries(
    {name: finite for name in FEATURES if name != "channel"}
    | {"channel": st.sampled_from(["agent", "direct", "never seen", None])}
)


@settings(max_examples=60, deadline=None)
@given(row)
def test_sums_are_the_score_and_nothing_protected_is_given(
    booster: tuple[Predictor, lgb.Booster],
    protected_tags: frozenset[str],
    values: dict[str, Any],
) -> None:
    predictor, trees = booster
    frame = pd.DataFrame([values])
    told = explain(FEATURES, values, predictor.contributions(frame)[0])
    raw = float(trees.predict(predictor.matrix(frame))[0])
    shares = sum(share.score for share in told.shares)
    assert told.base + shares + told.rest == pytest.approx(told.score, abs=1e-9)
    assert told.score == pytest.approx(np.log(raw / (1 - raw)), abs=1e-6)
    assert told.raw == pytest.approx(raw, abs=1e-9)
    given_names = {share.strongest.tag for share in told.shares}
    assert not given_names & protected_tags
    assert "person" not in {share.theme for share in told.shares}
    assert all(abs(share.score) >= SMALLEST for share in told.shares)
    sizes = [abs(share.score) for share in told.shares]
    assert sizes == sorted(sizes, reverse=True)
    assert all((share.score > 0) == (share.effect == "raises") for share in told.shares)


def test_what_a_protected_trait_adds_stands_in_the_rest() -> None:
    features = ["age_years", "licence_years", "channel", "tenure_years"]
    values = {"age_years": 70.0, "licence_years": 40.0, "channel": "agent", "tenure_years": 3.0}
    told = explain(features, values, [2.0, 0.5, -0.3, 0.001, 0.7])
    assert [(one.theme, one.score) for one in told.shares] == [("channel", -0.3)]
    assert told.rest == pytest.approx(2.501)
    assert (told.base, told.score) == (0.7, pytest.approx(2.901))


def test_tags_of_one_meaning_are_one_reason_named_by_the_strongest() -> None:
    values = dict.fromkeys(CLAIMS, 2) | {"channel": "agent"}
    weights = [-0.3, -0.3, -0.4, -0.2, 0.7, 0.35, 0.0]
    told = explain([*CLAIMS, "channel"], values, weights)
    assert [(one.theme, round(one.score, 6)) for one in told.shares] == [
        ("claims", -0.5),
        ("channel", 0.35),
    ]
    # The claim that went the other way is the largest of all; it took from the sum, so it does
    # not name it.
    assert told.shares[0].strongest.tag == "claim_count_365d"
    assert told.shares[0].chinese == "理赔经历"
    reasons = strongest_reasons([*CLAIMS, "channel"], values, weights)
    assert [(one.tag, one.effect) for one in reasons] == [
        ("claim_count_365d", "lowers"),
        ("channel", "raises"),
    ]


def test_tags_that_undo_each_other_are_no_reason() -> None:
    values = {"claim_count_365d": 1, "claim_count_36m": 1}
    assert strongest_reasons(list(values), values, [0.5, -0.495]) == []


def test_columns_without_a_meaning_are_not_added_up() -> None:
    values = {"mystery": 1.0, "riddle": 2.0}
    told = explain(list(values), values, [0.5, -0.5, 0.1])
    assert {one.strongest.tag for one in told.shares} == {"mystery", "riddle"}


def test_extreme_scores_do_not_overflow() -> None:
    for odds, sure in ((900.0, 1.0), (-900.0, 0.0)):
        assert explain(["channel"], {"channel": "agent"}, [odds, 0.0]).raw == sure


def test_global_importance_adds_up_themes(booster: tuple[Predictor, lgb.Booster]) -> None:
    predictor, _ = booster
    frame, _ = customers(400, 5)
    told = importance(predictor, frame)
    found = told.themes
    assert sum(one.share for one in found) == pytest.approx(1)
    assert {found[0].theme, found[1].theme} == {"claims", "person"}
    moved = predictor.contributions(frame)
    themes = by_theme(predictor.features, moved)
    assert sum(themes.values()) == pytest.approx(moved[:, :-1].sum(axis=1))
    claims = np.abs(themes["claims"]).mean()
    total = sum(np.abs(one).mean() for one in themes.values())
    assert next(o for o in found if o.theme == "claims").share == pytest.approx(claims / total)
    single = np.abs(moved[:, :-1]).mean(axis=0)
    assert list(told.features.values()) == pytest.approx(sorted(single / single.sum())[::-1])
    assert set(told.features) == set(predictor.features)
    assert set(found[0].tags) <= set(CLAIMS) | {"age_years", "licence_years"}
