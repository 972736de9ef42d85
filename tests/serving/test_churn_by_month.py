"""Churn by month, within 180 days and in the coming month are one answer, for one and for many."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from features.lake import Lake
from features.settings import Settings
from serving.predictions import probabilities
from serving.predictions.by_month import churn_by_month
from serving.predictions.probabilities import (
    ServedModel,
    chain,
    load_models,
    needed_tags,
    predict,
    predict_one,
)
from training.estimators.bundle import Predictor
from training.estimators.candidates import CANDIDATES, CalibratedModel
from training.fitting.bundle_writer import write_bundle
from training.models import MODELS
from training.registry.champions import NoChampionError, no_champion

STORED = Path(__file__).parents[1] / "golden" / "e1ac05b"
DAYS, ROWS = "days_to_motor_expiry", 2_000
Customer = dict[str, Any]


def customers(seed: int, rows: int = ROWS) -> pd.DataFrame:
    """Customers of a real snapshot, mixed up, with days to expiry drawn anew."""
    known = list(json.loads((STORED / "tags.json").read_text("utf-8")).values())
    draw = np.random.default_rng(seed)
    names = dict.fromkeys([*MODELS["churn"].tag_set.tags, "motor_policies_in_force"])
    places = {name: draw.integers(0, len(known), rows) for name in names}
    frame = pd.DataFrame({n: [known[at].get(n) for at in places[n]] for n in names})
    days = draw.integers(0, 366, rows).astype(float)
    return frame.assign(**{DAYS: days, "motor_policies_in_force": 1.0})


def learned(name: str, frame: pd.DataFrame, label: np.ndarray, folder: Path) -> ServedModel:
    """A bundle as training writes it, learned from few rows; its first fifth calibrates it."""
    model = MODELS[name]
    first = np.arange(len(frame)) % 5 == 0
    fitted = CalibratedModel(
        {"rounds": 20, "num_leaves": 15, "min_data_in_leaf": 20, "learning_rate": 0.2},
        CANDIDATES["trees" if name == "churn_hazard" else "linear"],
        monotone=model.monotone,
        threads=1,
    )
    nobody = np.zeros(int((~first).sum()), bool)
    fitted.fit(frame[~first], label[~first], nobody, model.features)
    fitted.calibrate(frame[first], label[first])
    bundle = write_bundle(folder / name, model, fitted, model.tag_set.tags)
    return probabilities.load_model(name, bundle)


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ServedModel]:
    """Both models as loaded: who has little time left leaves at its end, or stays."""
    folder, frame = tmp_path_factory.mktemp("bundles"), customers(1)
    draw = np.random.default_rng(2)
    days = frame[DAYS].to_numpy()
    gone = (days <= 180) & (draw.random(ROWS) < 0.4)
    frame = frame.astype({name: float for name in frame if frame[name].dtype == bool})
    leavers = pd.concat([frame[gone].assign(month_ahead=float(month)) for month in range(1, 6)])
    ends = (leavers[DAYS] <= 30 * leavers["month_ahead"]).to_numpy()
    shuffled = draw.permutation(len(leavers))
    return {
        "churn": learned("churn", frame, gone, folder),
        "churn_hazard": learned("churn_hazard", leavers.iloc[shuffled], ends[shuffled], folder),
    }


@pytest.fixture(scope="module")
def served(raw: dict[str, ServedModel]) -> dict[str, ServedModel]:
    return chain(raw)


@pytest.fixture(scope="module")
def asked() -> list[Customer]:
    """Plain values; the last customer has no motor cover."""
    frame = customers(3, 200)
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    rows[-1]["motor_policies_in_force"] = 0.0
    return rows


def answered(models: dict[str, ServedModel], row: Customer) -> tuple[Any, Any, list[float]]:
    """Churn, the hazard and the months of a customer."""
    answers = predict_one(models, row)
    months = churn_by_month(models, row, answers)
    assert months is not None
    return answers["churn"], answers["churn_hazard"], months


def test_the_last_month_is_churn_the_first_is_the_hazard_and_none_falls(
    served: dict[str, ServedModel], asked: list[Customer]
) -> None:
    seen = set()
    for row in asked[:-1]:
        churn, hazard, months = answered(served, row)
        assert (len(months), months[0], months[-1]) == (6, hazard, churn)
        assert sorted(months) == months
        assert 0 < months[0] <= months[-1] < 1
        seen.add(round(months[0] / months[-1], 1))
    # The months differ by customer: some have all in the first, some hardly anything.
    assert {0.0, 1.0} <= seen
    answers = predict_one(served, asked[-1])
    assert answers == {"churn": None, "churn_hazard": None}
    assert churn_by_month(served, asked[-1], answers) is None


def test_each_month_is_churn_times_when(
    raw: dict[str, ServedModel], served: dict[str, ServedModel], asked: list[Customer]
) -> None:
    when = raw["churn_hazard"].predictor
    for row in asked[:20]:
        churn, _, months = answered(served, row)
        shares = [when.predict_one({**row, "month_ahead": month}) for month in range(1, 6)]
        assert months == [*(share * churn for share in shares), churn]


def test_many_are_answered_bit_for_bit_as_one_is(
    served: dict[str, ServedModel], asked: list[Customer]
) -> None:
    many = predict(served, pd.DataFrame(asked))
    alone = predict({"churn_hazard": served["churn_hazard"]}, pd.DataFrame(asked))
    assert alone["churn_hazard"].tobytes() == many["churn_hazard"].tobytes()
    for place, row in enumerate(asked[:-1]):
        assert predict_one(served, row) == {name: many[name][place] for name in served}
    assert np.isnan(many["churn_hazard"][-1])


def test_who_asks_for_the_hazard_alone_gets_the_same(
    served: dict[str, ServedModel], asked: list[Customer]
) -> None:
    alone = {"churn_hazard": served["churn_hazard"]}
    assert {*needed_tags(alone, explain=False)} >= served["churn"].predictor.features_used
    for row in asked[:20]:
        answers = predict_one(alone, row)
        months = churn_by_month(alone, row, answers)
        assert (answers["churn_hazard"], months) == answered(served, row)[1:]


def test_a_promotion_of_one_alone_leaves_one_answer(
    raw: dict[str, ServedModel], served: dict[str, ServedModel], asked: list[Customer]
) -> None:
    other = replace(raw["churn"], predictor=Halved(raw["churn"].predictor))
    for row in asked[:20]:
        before, after = answered(served, row), answered(chain({**raw, "churn": other}), row)
        assert after[0] == before[0] / 2
        assert (after[2][0], after[2][-1]) == (after[1], after[0])
        assert after[1] == pytest.approx(before[1] / 2)


class Halved(Predictor):
    """Another version of a model: half as likely."""

    def __init__(self, of: Predictor) -> None:
        super().__init__(of.spec, of.scorer, of.calibration)

    def predict_one(self, values: Any) -> float:
        return super().predict_one(values) / 2


def test_when_without_whether_is_no_answer(
    raw: dict[str, ServedModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert chain({"churn_hazard": raw["churn_hazard"]}) == {}
    assert chain({"churn": raw["churn"]}) == {"churn": raw["churn"]}

    def champion(_lake: Lake, name: str) -> Path:
        if name != "churn_hazard":
            raise no_champion(name)
        return Path(name)

    monkeypatch.setattr(probabilities, "champion", champion)
    monkeypatch.setattr(probabilities, "load_model", lambda name, _: raw[name])
    lake = Lake(Settings())
    with pytest.raises(NoChampionError):
        load_models(lake)
    with pytest.raises(NoChampionError, match="model churn: has no champion"):
        load_models(lake, ["churn_hazard"])
    monkeypatch.setattr(probabilities, "champion", lambda _lake, name: Path(name))
    (alone,) = load_models(lake, ["churn_hazard"]).values()
    assert alone.predictor.given == "churn"
    assert {*alone.predictor.tags} >= {*raw["churn"].predictor.tags}


def test_a_hazard_of_an_earlier_release_answers_as_it_did(raw: dict[str, ServedModel]) -> None:
    """It did not agree with churn, so it says nothing by month until it is trained again."""
    earlier = probabilities.load_model("churn_hazard", STORED / "models" / "churn_hazard" / "1")
    models = chain({**raw, "churn_hazard": earlier})
    assert models["churn_hazard"] == earlier
    row = json.loads((STORED / "tags.json").read_text("utf-8")).values()
    tags = dict.fromkeys(needed_tags(models)) | dict(next(iter(row)))
    tags["motor_policies_in_force"] = 1
    answers = predict_one(models, tags)
    assert answers["churn_hazard"] == earlier.predictor.predict_one({**tags, "month_ahead": 1})
    assert churn_by_month(models, tags, answers) is None


def test_what_is_given_is_asked_of_the_same_customers_by_the_same_tags() -> None:
    chained = [model for model in MODELS.values() if model.given]
    assert [model.name for model in chained] == ["churn_hazard"]
    names = list(MODELS)
    for model in chained:
        other = MODELS[model.given]
        assert names.index(other.name) < names.index(model.name)
        assert (other.eligible, other.describes) == (model.eligible, model.describes)
        assert other.tag_set is model.tag_set
        assert (other.family, other.kind, other.given) == (model.family, "probability", "")
        assert not other.extra
