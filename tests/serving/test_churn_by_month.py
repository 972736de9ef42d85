"""Churn by month, within 180 days and in the coming month are one answer, for one and for many."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from serving.predictions.probabilities import (
    ServedModel,
    churn_by_month,
    needed_tags,
    predict,
    predict_one,
    reconcile,
)
from training.estimators.bundle import Predictor
from training.estimators.hazard import CoherentHazard

STORED = Path(__file__).parents[1] / "golden" / "e1ac05b"


def stored(name: str, **spec: Any) -> ServedModel:
    """A real bundle of an earlier release, as if its specification said more."""
    predictor = Predictor.load(STORED / "models" / name / "1")
    ranges = {"month_ahead": (1, 6)} if name == "churn_hazard" else {}
    loaded = Predictor(
        predictor.spec | {"ranges": ranges} | spec, predictor.scorer, predictor.calibration
    )
    return ServedModel(name, loaded.version, loaded)


@pytest.fixture(scope="module")
def raw() -> dict[str, ServedModel]:
    """Both models of churn, not reconciled yet; the hazard is trees, the other a blend."""
    hazard = stored("churn_hazard", adds_up_to="churn")
    return {"churn": stored("churn"), "churn_hazard": hazard}


@pytest.fixture(scope="module")
def served(raw: dict[str, ServedModel]) -> dict[str, ServedModel]:
    return reconcile(raw)


@pytest.fixture(scope="module")
def customers(served: dict[str, ServedModel]) -> pd.DataFrame:
    """Customers with motor cover, drawn from the tags of a real snapshot, and mixed up."""
    known = list(json.loads((STORED / "tags.json").read_text("utf-8")).values())
    draw = np.random.default_rng(5)
    rows = {
        name: [known[place].get(name) for place in draw.integers(0, len(known), 300)]
        for name in needed_tags(served)
    }
    rows["motor_policies_in_force"] = [1] * 299 + [0]
    return pd.DataFrame(rows)


def rows_of(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return frame.astype(object).where(frame.notna(), None).to_dict("records")


def test_all_months_together_are_churn_and_the_first_is_the_hazard(
    served: dict[str, ServedModel], customers: pd.DataFrame
) -> None:
    for row in rows_of(customers)[:-1]:
        answers = predict_one(served, row)
        months = churn_by_month(served, row, answers)
        assert months is not None
        assert (len(months), months[0], months[-1]) == (
            6, answers["churn_hazard"], answers["churn"],
        )  # fmt: skip
        assert sorted(months) == months
    (uncovered,) = rows_of(customers)[-1:]
    answers = predict_one(served, uncovered)
    assert answers == {"churn": None, "churn_hazard": None}
    assert churn_by_month(served, uncovered, answers) is None


def test_many_are_reconciled_bit_for_bit_as_one_is(
    served: dict[str, ServedModel], customers: pd.DataFrame
) -> None:
    many = predict(served, customers)
    for place, row in enumerate(rows_of(customers)[:-1]):
        assert predict_one(served, row) == {name: many[name][place] for name in served}
    assert np.isnan(many["churn_hazard"][-1])


def test_each_month_asked_about_is_that_of_the_family(
    served: dict[str, ServedModel], customers: pd.DataFrame
) -> None:
    hazard = served["churn_hazard"].predictor
    rows = rows_of(customers)[:50]
    columns = {name: [row.get(name) for row in rows] for name in hazard.tags}
    stays = np.ones(len(rows))
    for month in range(1, 7):
        asked = hazard.predict({**columns, "month_ahead": [month] * len(rows)})
        assert asked.tolist() == [hazard.predict_one({**row, "month_ahead": month}) for row in rows]
        stays *= 1 - asked
    churn = served["churn"].predictor.predict(columns)
    np.testing.assert_allclose(1 - stays, churn, atol=1e-12)


def test_the_hazards_alone_say_something_else(
    raw: dict[str, ServedModel], served: dict[str, ServedModel], customers: pd.DataFrame
) -> None:
    """What is mended: without reconciliation the two models contradict each other."""
    row = rows_of(customers)[0]
    alone = predict_one(raw, row)
    months = churn_by_month(raw, row, alone)
    assert months is not None
    assert alone["churn"] is not None
    assert abs(months[-1] - alone["churn"]) > 0.001
    assert alone["churn"] == predict_one(served, row)["churn"]


def test_one_without_the_other_answers_alone(raw: dict[str, ServedModel]) -> None:
    for name, model in raw.items():
        assert reconcile({name: model}) == {name: model}
    earlier = {**raw, "churn_hazard": stored("churn_hazard")}
    assert reconcile(earlier) == earlier


def test_a_hazard_that_is_asked_alone_still_adds_up(
    raw: dict[str, ServedModel], served: dict[str, ServedModel], customers: pd.DataFrame
) -> None:
    alone = reconcile({"churn_hazard": raw["churn_hazard"]}, raw)
    assert list(alone) == ["churn_hazard"]
    assert {*needed_tags(alone)} >= {*raw["churn"].predictor.tags}
    row = rows_of(customers)[0]
    assert predict_one(alone, row)["churn_hazard"] == predict_one(served, row)["churn_hazard"]


def test_a_promotion_of_the_other_moves_the_hazard_and_nothing_else_is_read(
    raw: dict[str, ServedModel], served: dict[str, ServedModel], customers: pd.DataFrame
) -> None:
    """Whichever of the two is promoted alone, the answers are one family at once."""
    row = rows_of(customers)[0]
    other = {**raw, "churn": replace(raw["churn"], predictor=Halved(raw["churn"].predictor))}
    now = reconcile(other)
    before, after = predict_one(served, row), predict_one(now, row)
    assert after["churn"] == before["churn"] / 2  # type: ignore[operator]
    months = churn_by_month(now, row, after)
    assert months is not None
    assert (months[0], months[-1]) == (after["churn_hazard"], after["churn"])
    assert after["churn_hazard"] < before["churn_hazard"]  # type: ignore[operator]


class Halved(Predictor):
    """Another version of a model: half as likely."""

    def __init__(self, of: Predictor) -> None:
        super().__init__(of.spec, of.scorer, of.calibration)

    def predict_one(self, values: Any) -> float:
        return super().predict_one(values) / 2


def test_the_reconciled_reads_what_both_read(served: dict[str, ServedModel]) -> None:
    hazard = served["churn_hazard"].predictor
    assert isinstance(hazard, CoherentHazard)
    assert hazard.features_used >= hazard.whole.features_used | {"month_ahead"}
    assert hazard.features[-1] == "month_ahead"
