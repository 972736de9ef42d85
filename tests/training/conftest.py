"""Versions of a model made in a second, and a literal cohort to compare them on."""

import hashlib
import json
import shutil
import warnings
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from later_rows import LaterRows, read_later_rows, write_later_rows
from shared import made_once

from features.lake import Lake, sha256_of
from features.settings import Settings
from training.estimators.candidates import CalibratedModel
from training.fitting.bundle_writer import write_bundle
from training.models import MODELS
from training.promotion import comparison
from training.promotion.cohort import Cohort
from training.registry import mlflow_client, registration
from training.registry.run_page import RunPage

MODEL = "renewal"
FEATURES = MODELS[MODEL].features
TEXTS = {
    "branch": ["B01", "B02"],
    "channel": ["agent", "online"],
    "business_type": ["new", "renewal"],
    "city_tier": ["1", "2"],
    "gender": ["F", "M"],
}
ROWS = 1500
LEARNED = (1, 3, 4, 5)
"""Seeds of the rows that bundles learn from; the cohort has another one."""
PAGE = RunPage(
    description="**续保概率** (`renewal`): who renews.",
    dataset="renewal rows",
    digest="ab" * 32,
    place="frame.parquet",
    rows=ROWS,
    source="guanjia train renewal",
    code={"version": "0.1.0", "commit": "c0ffee"},
    seconds=90.0,
)


def rows(seed: int) -> pd.DataFrame:
    """Customers whose outcome hangs on their tenure, and, the other way round, on their star."""
    draw = np.random.default_rng(seed)
    columns: dict[str, Any] = {name: draw.normal(size=ROWS) for name in FEATURES}
    columns |= {name: draw.choice(values, ROWS) for name, values in TEXTS.items()}
    columns["age_years"] = draw.integers(20, 70, ROWS).astype(float)
    columns["star_level"] = draw.integers(1, 6, ROWS).astype(float)
    columns["customer_id"] = [f"C{one:05d}" for one in range(ROWS)]
    columns["as_of"] = columns["matures"] = date(2026, 1, 1)
    odds = 1.5 * columns["tenure_years"]
    columns["label"] = draw.random(ROWS) < 1 / (1 + np.exp(-odds))
    return pd.DataFrame(columns)


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MLflow's database, empty; making one takes seconds."""

    def make(home: Path) -> None:
        lake = Lake(Settings(home=home))
        with warnings.catch_warnings(action="ignore"), mlflow_client.client_session(lake):
            assert mlflow_client.database(lake).exists()

    home = made_once(tmp_path_factory, "empty-registry", make)
    return mlflow_client.database(Lake(Settings(home=home)))


@pytest.fixture(scope="session")
def later_rows(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, int], LaterRows]:
    """What a model predicted of later rows, by name and seed; learning both takes a minute."""

    def read(model: str, seed: int) -> LaterRows:
        def make(folder: Path) -> None:
            with warnings.catch_warnings(action="ignore"):
                write_later_rows(folder, seed)

        return read_later_rows(made_once(tmp_path_factory, f"later-rows-{seed}", make), model)

    return read


@pytest.fixture
def lake(tmp_path: Path, database: Path) -> Lake:
    """A home with an empty registry."""
    found = Lake(Settings(home=tmp_path / "registry"))
    mlflow_client.database(found).parent.mkdir(parents=True)
    shutil.copyfile(database, mlflow_client.database(found))
    return found


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A bundle: "good", "again" (a tree more), "noise" (learned nothing), or one that
    "harms" the customers of five stars; with features left out as `without` says."""
    made: dict[tuple[str, str], Path] = {}

    def make(kind: str, without: str = "") -> Path:
        if (kind, without) in made:
            return made[kind, without]
        # Fewer rows teach a model that is off by more than a first version may be.
        frame = pd.concat([rows(seed) for seed in LEARNED], ignore_index=True)
        label = frame["label"].to_numpy(dtype=bool)
        if kind == "noise":
            label = np.random.default_rng(3).permutation(label)
        if kind == "harms":
            label = np.where(frame["star_level"] == 5, ~label, label)
        features = [name for name in FEATURES if name != without]
        parameters = {
            "rounds": 81 if kind == "again" else 80,
            "num_leaves": 7,
            "min_data_in_leaf": 20,
        }
        if kind == "harms":
            parameters["num_leaves"] = 31
        fitted = CalibratedModel(parameters, threads=1)
        fitted.fit(frame, label, np.zeros(len(frame), dtype=bool), features)
        folder = tmp_path_factory.mktemp("bundle") / kind
        tags = [name for name in features if name != "lead_days"]
        made[kind, without] = write_bundle(folder, MODELS[MODEL], fitted, tags)
        return made[kind, without]

    return make


@pytest.fixture
def register() -> Callable[..., str]:
    """Register a bundle as challenger, as training does."""

    def call(lake: Lake, folder: Path) -> str:
        features = json.loads((folder / "spec.json").read_text("utf-8"))["features"]
        return registration.register(
            lake,
            MODEL,
            folder,
            parameters={"known_by": "2026-06-30", "test_from": "2025-09-01", "base_rate": 0.5},
            metrics={"test_auc": 0.7, "none": float("nan")},
            tags={"training_frame_sha256": "abc"},
            files=[],
            example=rows(1)[features].head(5),
            page=PAGE,
        )

    return call


@pytest.fixture
def cohort(monkeypatch: pytest.MonkeyPatch) -> None:
    """Comparisons are made on literal rows, which no bundle has seen."""
    frame = rows(2)

    def read(*_: Any, **__: Any) -> Cohort:
        day = date(2026, 1, 1)
        return Cohort(frame, date(2026, 6, 30), day, day)

    monkeypatch.setattr(comparison, "read_cohort", read)


@pytest.fixture(scope="session")
def truncated() -> Callable[[Path, Path], Path]:
    """A copy of a bundle whose trees end early and whose hashes say that this is right."""

    def make(bundle: Path, folder: Path) -> Path:
        folder.mkdir()
        for path in bundle.iterdir():
            (folder / path.name).write_bytes(path.read_bytes())
        trees = folder / "booster.txt"
        text = trees.read_bytes()
        trees.write_bytes(text[: len(text) // 2])
        spec = json.loads((folder / "spec.json").read_text("utf-8"))
        spec["sha256"]["booster.txt"] = sha256_of(trees)
        spec["version"] = hashlib.sha256(text).hexdigest()[:12]
        (folder / "spec.json").write_text(json.dumps(spec), "utf-8")
        return folder

    return make


@pytest.fixture(scope="session")
def signed() -> dict[str, Any]:
    """Who, why and when."""
    when = datetime(2026, 7, 1, 9, tzinfo=UTC)
    return {"who": "Wang", "why": "quarterly retraining", "when": when}
