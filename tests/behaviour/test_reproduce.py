"""A run is repeated from MLflow alone, and what changed is named; cohorts are replayed alike."""

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pandas as pd
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from wheel import run_installed

from features.lake import Lake
from features.settings import Settings
from training.estimators.bundle import Predictor
from training.fitting import provenance
from training.fitting import reproduce as repeating
from training.fitting.reproduce import reproduce
from training.models import find
from training.promotion.cohort import read_cohort
from training.registry import versions as registry

Demo = tuple[Path, dict[str, Any]]
Run = Callable[..., "CompletedProcess[str]"]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),
]
MODEL = "churn"


@pytest.fixture
def own(demo: Demo, tmp_path: Path) -> Lake:
    """The demo's checked tables and its registry, to be changed."""
    home = tmp_path / "own"
    for name in ("checked", "mlflow"):
        shutil.copytree(demo[0] / name, home / name)
    return Lake(Settings(home=home))


def test_a_run_is_reproduced_bit_for_bit(demo: Demo, installed: Path) -> None:
    before = sorted(path for path in demo[0].rglob("*") if path.suffix == ".parquet")
    # By the code that trained it, as a user has it: not by this checkout.
    said = run_installed(installed, demo[0].parent, "guanjia", "reproduce", f"{MODEL}/1")
    for line in ("data: as in the run", "code: as in the run", "environment: as in the run"):
        assert line in said
    assert "spec.json: identical" in said
    assert "reproduced bit for bit" in said
    assert sorted(path for path in demo[0].rglob("*") if path.suffix == ".parquet") == before


def test_other_data_are_named_and_nothing_is_trained(own: Lake) -> None:
    path = own.checked("policies")
    table = pq.read_table(path, partitioning=None)
    doubled = pc.add(table["written_premium"], table["written_premium"])
    place = table.schema.get_field_index("written_premium")
    column = doubled.cast(table.schema.field(place).type)
    pq.write_table(table.set_column(place, table.schema.field(place), column), path)
    found = reproduce(own, f"{MODEL}/1")
    assert not found.identical
    assert found.files == {}
    changed = {line.split(":")[0] for line in found.data}
    assert "commercial_premium_current" in changed
    assert not changed & {"rows", "label", "customer_id", "as_of", "age_years"}
    assert "would learn from other data" in found.sentences()[-1]


def test_another_seed_differs_and_other_code_is_named(
    own: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = repeating._document

    def document(lake: Lake, run: str, name: str, folder: Path) -> Any:
        return asked(lake, run, name, folder) | ({"seed": 8} if name == "training" else {})

    monkeypatch.setattr(repeating, "_document", document)
    code = {**provenance.code_identity(), "sources_sha256": "other"}
    code.pop("commit", None)  # which the wheel that trained has not
    monkeypatch.setattr(provenance, "code_identity", lambda: code)
    found = reproduce(own, f"{MODEL}/1")
    assert not found.identical
    assert found.data == []
    assert [line.split(":")[0] for line in found.code] == ["sources_sha256"]
    assert not all(found.files.values())
    assert found.sentences()[-1].endswith("not reproduced.")


def test_a_cohort_replayed_is_the_one_training_left(demo: Demo) -> None:
    lake = Lake(Settings(home=demo[0]))
    version = registry.read_version(lake, MODEL, "1")
    known_by = date.fromisoformat(version.parameters["known_by"])
    first = date.fromisoformat(version.parameters["test_from"])
    tags = set(Predictor.load(demo[0] / "models" / MODEL / "1").tags)
    left, replayed = (
        read_cohort(lake, find(MODEL), first, known_by, tags, 400_000, trained=trained)
        for trained in (version, None)
    )
    assert (left.first, left.last) == (replayed.first, replayed.last)
    for name in ("star_level", "branch", "age_years", "gender"):
        assert left.groups(name).tolist() == replayed.groups(name).tolist()
    names = ["customer_id", "label", *sorted(tags)]
    pd.testing.assert_frame_equal(left.frame[names], replayed.frame[names])
    # Every row is of the test slice, and ripe.
    assert left.first >= first
    assert pd.to_datetime(left.frame["matures"]).max() <= pd.Timestamp(known_by)
