"""A promotion reaches the running service without a restart; no answer mixes two versions."""

import hashlib
import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest

from features.lake import Lake, sha256_of
from features.settings import Settings
from serving.predictions.current_models import CurrentModels
from training.estimators.bundle import Predictor
from training.models import MODELS
from training.registry import local_models, registration
from training.registry import versions as registry
from training.registry.champions import champion

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),
]
Run = Callable[..., Any]
MODEL = "churn"
CUSTOMERS = 40


def register(lake: Lake, name: str, bundle: Path) -> str:
    features = json.loads((bundle / "spec.json").read_text("utf-8"))["features"]
    example = pd.DataFrame({one: [0.0] for one in features})
    return registration.register(
        lake, name, bundle, parameters={}, metrics={}, tags={}, files=[], example=example
    )


def promote(lake: Lake, name: str, bundle: Path) -> str:
    """What a promotion comes to once its gates have passed."""
    version = register(lake, name, bundle)
    registry.set_champion(lake, name, version)
    return version


def changed(bundle: Path, folder: Path, calibration: str = "", trees: bool = True) -> Path:
    """Another version of a bundle: of other probabilities, or with trees that end early."""
    shutil.copytree(bundle, folder)
    if calibration:
        (folder / "calibration.json").write_text(calibration, "utf-8")
    if not trees:
        text = (folder / "booster.txt").read_bytes()
        (folder / "booster.txt").write_bytes(text[: len(text) // 2])
    spec = json.loads((folder / "spec.json").read_text("utf-8"))
    spec["sha256"] = {name: sha256_of(folder / name) for name in spec["sha256"]}
    spec["version"] = hashlib.sha256(json.dumps(spec["sha256"]).encode()).hexdigest()[:12]
    (folder / "spec.json").write_text(json.dumps(spec), "utf-8")
    return folder


HALVED = json.dumps({"kind": "isotonic", "x": [0.0, 1.0], "y": [0.0, 0.5]})


@pytest.fixture(scope="module")
def registered(demo: tuple[Path, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the demo's models in a registry of its own: the demo's is not written to."""
    lake = Lake(Settings(home=tmp_path_factory.mktemp("registered")))
    for name in MODELS:
        promote(lake, name, demo[0] / "models" / name / "1")
        champion(lake, name)
    return lake.home


@pytest.fixture
def own(copy: Callable[..., Lake], registered: Path) -> Lake:
    """The demo's tags and that registry."""
    lake = copy("feast")
    (lake.home / "models").rename(lake.home / "bundles")
    for folder in ("mlflow", "models"):
        shutil.copytree(registered / folder, lake.home / folder)
    return lake


@pytest.fixture
def running(own: Lake, run: Run, tmp_path: Path, serving: Any) -> Iterator[tuple[str, str]]:
    """The real service over that home: its address and a token."""
    token = run(own.home, "token", "tests").stdout.strip()
    with serving(own.home, tmp_path, GUANJIA_MODEL_REFRESH_SECONDS="0.2") as url:
        yield url, token


def test_a_running_service_passes_damage_over_and_takes_up_a_promotion(
    own: Lake, running: tuple[str, str], tmp_path: Path
) -> None:
    """One service for both: to start it takes longer than what is asked of it."""
    url, token = running
    headers = {"Authorization": f"Bearer {token}"}
    damage_while_it_runs_changes_no_answer(own, url, headers, tmp_path / "log.txt")
    a_promotion_arrives_and_every_answer_is_of_one_version(own, url, headers)


def damage_while_it_runs_changes_no_answer(
    own: Lake, url: str, headers: dict[str, str], log: Path
) -> None:
    """Of the files of a model that answers, and of a version that is promoted."""
    asked = {"customer_ids": ["C00000001"]}

    def answer() -> dict[str, Any]:
        response = httpx.post(f"{url}/predict", json=asked, headers=headers, timeout=60)
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found

    before = answer()
    (local_models.bundle_path(own, MODEL, "1") / "booster.txt").write_bytes(b"tree\n")
    promote(own, MODEL, changed(own.home / "bundles" / MODEL / "1", own.home / "cut", trees=False))
    until = time.monotonic() + 60
    while "is refused" not in log.read_text("utf-8"):
        assert time.monotonic() < until
        assert answer() == before
        time.sleep(0.2)
    assert answer() == before
    assert before["models_confirmed"]


def a_promotion_arrives_and_every_answer_is_of_one_version(
    own: Lake, url: str, headers: dict[str, str]
) -> None:
    ids = pd.read_parquet(
        next(own.home.glob("tags/underwriting/*.parquet")), columns=["customer_id"]
    )
    asked = {"customer_ids": ids["customer_id"].head(CUSTOMERS).tolist()}
    answers: list[dict[str, Any]] = []
    enough = threading.Event()

    def hammer() -> None:
        with httpx.Client(base_url=url, timeout=60, headers=headers) as client:
            while not enough.is_set():
                response = client.post("/predict", json=asked)
                assert response.status_code == 200, response.text
                answers.append(response.json())

    threads = [threading.Thread(target=hammer) for _ in range(4)]
    for thread in threads:
        thread.start()
    old = Predictor.load(own.home / "bundles" / MODEL / "1").version
    bundle = changed(own.home / "bundles" / MODEL / "1", own.home / "second", HALVED)
    new = Predictor.load(bundle).version
    promote(own, MODEL, bundle)
    until = time.monotonic() + 60
    while time.monotonic() < until and not (
        answers and answers[-1]["model_versions"][MODEL] == new
    ):
        time.sleep(0.1)
    time.sleep(0.5)
    enough.set()
    for thread in threads:
        thread.join()

    seen = [one["model_versions"][MODEL] for one in answers]
    assert set(seen) == {old, new}
    told: dict[str, set[str]] = {}
    for one in answers:
        churn = [row["probabilities"][MODEL] for row in one["predictions"]]
        told.setdefault(one["model_versions"][MODEL], set()).add(json.dumps(churn))
    # All answers of a version are the same, and the second version's are others.
    assert {version: len(kinds) for version, kinds in told.items()} == {old: 1, new: 1}
    assert told[old] != told[new]
    others = {json.dumps([row["probabilities"]["renewal"] for row in one["predictions"]])
              for one in answers}  # fmt: skip
    assert len(others) == 1
    assert all(one["models_confirmed"] for one in answers)

    # Without MLflow it goes on with what it has, and says so.
    (own.home / "mlflow" / "mlflow.db").rename(own.home / "mlflow" / "away")
    until = time.monotonic() + 30
    while time.monotonic() < until:
        last = httpx.post(f"{url}/predict", json=asked, headers=headers, timeout=60).json()
        if not last["models_confirmed"]:
            break
        time.sleep(0.2)
    assert (last["models_confirmed"], last["model_versions"][MODEL]) == (False, new)
    assert json.dumps([row["probabilities"][MODEL] for row in last["predictions"]]) in told[new]


def test_a_damaged_champion_is_not_taken_up_and_a_sound_one_is(own: Lake) -> None:
    current = CurrentModels(own)
    before = current.now
    assert list(before.models) == list(MODELS)
    assert before.confirmed
    bundle = own.home / "bundles" / MODEL / "1"
    promote(own, MODEL, changed(bundle, own.home / "cut", trees=False))
    current.refresh()
    versions = {name: served.version for name, served in before.models.items()}
    assert {name: one.version for name, one in current.now.models.items()} == versions
    assert local_models.champion_version(own, MODEL) == "1"
    promote(own, MODEL, changed(bundle, own.home / "halved", HALVED))
    current.refresh()
    assert current.now.models[MODEL].version != before.models[MODEL].version
    assert current.now.models["renewal"] is before.models["renewal"]
    assert local_models.champion_version(own, MODEL) == "3"
    # Whoever took the set before still has it.
    assert before.models[MODEL].version == Predictor.load(bundle).version


def test_a_service_starts_without_its_registry(own: Lake, ends: Any) -> None:
    CurrentModels(own)
    away = Settings(home=own.home, mlflow_tracking_uri="http://127.0.0.1:9")
    with ends(300):
        found = CurrentModels(Lake(away)).now
    assert list(found.models) == list(MODELS)
    assert not found.confirmed


def test_a_damaged_model_at_start_is_missed_by_name_and_the_others_serve(
    own: Lake, run: Run, tmp_path: Path, serving: Any
) -> None:
    booster = local_models.bundle_path(own, MODEL, "1") / "booster.txt"
    booster.write_bytes(booster.read_bytes()[:-100])
    token = run(own.home, "token", "tests").stdout.strip()
    headers, asked = {"Authorization": f"Bearer {token}"}, {"customer_ids": ["C00000001"]}
    with serving(own.home, tmp_path) as url:
        found = httpx.post(f"{url}/predict", json=asked, headers=headers, timeout=60)
        assert found.status_code == 200
        # When somebody leaves says nothing without whether they do.
        others = [name for name in MODELS if name not in {MODEL, "churn_hazard"}]
        assert list(found.json()["model_versions"]) == others
        named = httpx.post(
            f"{url}/predict", json=asked | {"models": [MODEL]}, headers=headers, timeout=60
        )
        assert named.status_code == 404
        assert named.json()["faults"][0]["thing"] == f"model {MODEL}"
        decide = {"customer_id": "C00000001", "decision_point": "app_open"}
        decided = httpx.post(f"{url}/decide", json=decide, headers=headers, timeout=60)
        assert decided.status_code == 200, decided.text
    log = (tmp_path / "log.txt").read_text("utf-8")
    assert f"model {MODEL}: version 1 is refused" in log
    assert "booster.txt" in log
