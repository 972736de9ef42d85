"""What is registered has learned from every ripe row, what is judged from none of its test."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.checking.check import check_tables
from features.contracts.tables import CONTRACTS
from features.errors import GuanjiaError
from features.lake import Lake, sha256_of
from features.settings import Settings, cutoff
from features.sources.simulation.simulate import simulate
from training.dataset import Dataset
from training.estimators.bundle import Predictor
from training.evaluation.assessment import Learned, assess
from training.fitting.datasets import build, split_by_time
from training.fitting.learn import Fits, fit_both
from training.fitting.recording import record
from training.fitting.tuning import Tuning
from training.models import MODELS
from training.registry import versions
from training.registry.champions import fetch_judged

FIRST, TAGS = date(2022, 1, 1), ["x", "z"]
MODEL = replace(
    MODELS["churn"], monotone={}, candidates=("linear", "trees", "blend"), purpose=None, truth=""
)
PARAMETERS = {"rounds": 40, "patience": 10, "num_leaves": 4, "min_data_in_leaf": 50}


def history(count: int = 4000) -> pd.DataFrame:
    """Two years of questions whose answer hangs on x as a line and on z as a step, and becomes
    rarer by the day."""
    draw = np.random.default_rng(3)
    days = np.sort(draw.integers(0, 730, count))
    x, z = draw.normal(size=count), draw.normal(size=count)
    odds = 1.2 * x + 1.5 * (np.abs(z) > 1) - days / 365
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


def dataset(frame: pd.DataFrame) -> Dataset:
    split = split_by_time(frame)
    return Dataset(frame, TAGS, TAGS, split, Path("frame.parquet"), "ab" * 32, {}, len(frame))


def fitted(frame: pd.DataFrame) -> Fits:
    return fit_both(MODEL, dataset(frame), 1, PARAMETERS)


def files(fits: Fits, folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Hashes of the files of the registered and of the judged bundle."""
    registered, judged = (
        {one.name: sha256_of(one) for one in path.iterdir()}
        for path in fits.write(folder, MODEL, TAGS)
    )
    return registered, judged


def test_the_registered_model_has_seen_the_newest_ripe_outcome_and_the_judged_one_has_not(
    tmp_path: Path,
) -> None:
    frame = history()
    newest = (frame["matures"] == frame["matures"].max()).to_numpy()
    before = files(fitted(frame), tmp_path / "before")
    other = frame.assign(label=frame["label"] ^ newest)
    after = files(fitted(other), tmp_path / "after")
    assert newest.any()
    for name in ("booster.txt", "linear.json", "calibration.json"):
        assert before[0][name] != after[0][name]
    assert before[1] == after[1]


def test_nothing_of_the_test_slice_reaches_what_is_judged(tmp_path: Path) -> None:
    frame = history()
    split = split_by_time(frame)
    later = pd.to_datetime(frame["as_of"]) >= pd.Timestamp(split.test_from)
    other = frame.assign(
        label=frame["label"] ^ later, x=frame["x"].where(~later, 9.0), z=frame["z"].where(~later)
    )
    judged = [files(fitted(rows), tmp_path / str(n))[1] for n, rows in enumerate((frame, other))]
    assert judged[0] == judged[1]


def test_as_many_trees_and_the_same_settings_and_a_later_level() -> None:
    frame = history()
    fits = fitted(frame)
    assert fits.registered.trees_ == fits.judged_fit.trees_ > 0
    assert fits.registered.candidate == fits.judged_fit.candidate
    assert fits.registered.parameters == fits.judged_fit.parameters
    # The outcome becomes rarer: what learned from the last months says so.
    last = frame[pd.to_datetime(frame["as_of"]) > pd.Timestamp("2023-11-30")]
    rate = last["label"].mean()
    told = [fit.predict_proba(last).mean() for fit in (fits.registered, fits.judged_fit)]
    assert abs(told[0] - rate) < abs(told[1] - rate)


def test_card_and_report_say_which_figure_belongs_to_what(tmp_path: Path) -> None:
    frame = history().assign(**dict.fromkeys(("gender", "city_tier", "branch", "channel"), "a"))
    data, lake = (
        dataset(frame.assign(age_years=40.0, star_level=1.0)),
        Lake(Settings(home=tmp_path)),
    )
    fits = fit_both(MODEL, data, 1, PARAMETERS)
    bundles = [Predictor.load(path) for path in fits.write(tmp_path, MODEL, TAGS)]
    known_by = date(2024, 2, 1)
    done = assess(lake, MODEL, data, bundles[1], known_by, registered=bundles[0].version)
    split, days = data.split, pd.to_datetime(frame["as_of"])
    ripe = pd.to_datetime(frame["matures"])[split.calibration].max().date()
    last = days[split.calibration].max().date()
    assert done.learned == [
        Learned("judged candidate", "受检模型", bundles[1].version, int(split.train.sum()),
                days.min().date(), last, ripe),
        Learned("registered model", "注册模型", bundles[0].version, len(frame),
                days.min().date(), days.max().date(), frame["matures"].max()),
    ]  # fmt: skip
    assert ripe < split.test_from <= frame["matures"].max()
    assert done.bundle_version == bundles[0].version != bundles[1].version
    # Only what serves says how far off the level of a later quarter may be.
    assert bundles[0].level_margin == fits.registered.level_margin_
    assert fits.registered.level_margin_ is not None
    assert fits.registered.level_margin_ > 0
    assert bundles[1].level_margin is None


def test_a_run_keeps_both_bundles_and_versions_are_compared_by_the_judged_one(
    lake: Lake, tmp_path: Path
) -> None:
    frame = history().assign(**dict.fromkeys(("gender", "city_tier", "branch", "channel"), "a"))
    data = dataset(frame.assign(age_years=40.0, star_level=1.0))
    fits, known_by = fit_both(MODEL, data, 1, PARAMETERS), date(2024, 2, 1)
    registered, judged = fits.write(tmp_path, MODEL, TAGS)
    version = Predictor.load(registered).version
    done = assess(lake, MODEL, data, Predictor.load(judged), known_by, registered=version)
    searched = Tuning(dict(PARAMETERS), trials=9, outcomes=1_200, gain=0.003, low=0.002, high=0.004)
    trained = record(lake, MODEL, data, fits, searched, tmp_path, done, known_by=known_by,
                     row_limit=400_000, source="test", seconds=0)  # fmt: skip
    assert (trained.registered_rows, trained.newest_outcome) == (4000, frame["matures"].max())
    assert trained.bundle_version == Predictor.load(trained.folder).version == version
    logged = versions.read_version(lake, "churn", trained.version)
    assert logged.parameters["judged_version"] == Predictor.load(judged).version != version
    assert logged.parameters["newest_outcome"] == str(frame["matures"].max())
    assert logged.metrics["tuning_gain"] == 0.003
    assert trained.tuning == searched.words
    assert logged.metrics["test_contact_lift"] == pytest.approx(done.gain["lift"].iloc[0])
    compared = fetch_judged(lake, logged, tmp_path / "compared")
    assert Predictor.load(compared).version == Predictor.load(judged).version
    # A version of an earlier release has one bundle, which was judged and serves.
    earlier = replace(logged, tags={})
    assert fetch_judged(lake, earlier, tmp_path / "earlier") == trained.folder
    other = replace(logged, tags={**logged.tags, versions.JUDGED_HASH: "0" * 64})
    with pytest.raises(GuanjiaError, match="was altered in the registry"):
        fetch_judged(lake, other, tmp_path / "other")


def altered(lake: Lake, home: Path, change: Any) -> Lake:
    """A lake whose checked tables are `change(rows)` of this one's."""
    made = Lake(Settings(home=home))
    for name in CONTRACTS:
        if lake.has(name):
            table = pq.read_table(lake.checked(name))
            rows = change(table.to_pylist())
            made.checked(name).parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), made.checked(name))
    return made


@pytest.mark.slow
def test_what_is_recorded_after_known_by_changes_no_training_row(tmp_path: Path) -> None:
    lake, known_by = Lake(Settings(home=tmp_path / "lake")), date(2025, 3, 31)
    simulate(lake, 250, 3)
    check_tables(lake)
    end = cutoff(known_by, lake.settings.timezone)

    def spoil(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        for row in rows:
            if row["recorded_at"] >= end:
                later = {n: v - timedelta(days=30) for n, v in row.items() if _movable(n, v)}
                row.update(later)
        return rows

    models = [MODELS[name] for name in ("renewal", "churn", "churn_hazard", "cross_sell_health")]
    other = altered(lake, tmp_path / "other", spoil)
    frames = [
        {
            model.name: data.sha256
            for model, data in zip(models, build(home, models, known_by), strict=True)
        }
        for home in (lake, other)
    ]
    assert frames[0] == frames[1]


def _movable(name: str, value: object) -> bool:
    return isinstance(value, date | datetime) and name not in ("recorded_at", "superseded_at")
