"""What an earlier release wrote is read as it read it: models, snapshots, records, decisions.

The files were made by that release itself (`tests/golden/make.py`). Where a change takes something
away on purpose, it is named here (`TAGS_GONE`, `COLUMNS_GONE`), and the migration says what it did.
"""

import json
import shutil
import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from features.lake import Lake
from features.settings import Settings
from features.snapshots.lookup import SnapshotLookup
from features.snapshots.snapshots import read_snapshot
from features.tags.catalogue import catalogue
from serving.decision.replay import replay
from serving.records.contacts.decisions import find_decision
from serving.records.database import Records
from serving.records.revisions import MIGRATIONS
from serving.records.tables import METADATA
from training.estimators.bundle import Predictor
from training.registry import local_models
from training.uplift.effect_model import load_effect

RELEASE = Path(__file__).with_name("e1ac05b")
DAY = date(2026, 6, 30)
STORED: dict[str, Any] = {
    name: json.loads((RELEASE / f"{name}.json").read_text("utf-8"))
    for name in ("predictions", "tags", "rows")
}
MODELS = sorted(name for name in STORED["predictions"] if not name.startswith("effect of "))
TAGS_GONE: set[str] = set()
COLUMNS_GONE: dict[str, set[str]] = {
    "handovers": {"tasks"},
    "tasks": {
        "task_id", "customer_id", "branch", "account_manager_id", "touchpoint", "decision_id",
        "contact_id", "note", "due_on", "state", "opened_at", "closed_at",
    },
}  # fmt: skip
"""Columns of a table that a migration took away; of a table that it took away, all of them."""
CLOSE = {"rel": 1e-12, "abs": 0}
"""NumPy has an exponential of its own for each kind of processor; they differ in the last bit."""


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """The home as the earlier release left it."""
    shutil.copytree(RELEASE, tmp_path / "release")
    return Lake(Settings(home=tmp_path / "release"))


def columns(names: list[str], extra: list[str]) -> dict[str, list[Any]]:
    """Tags of the stored customers, and of one of whom nothing is known, as models are asked."""
    rows = [*STORED["tags"].values(), {}]
    found = {name: [row.get(name) for row in rows] for name in names}
    return found | {name: [5.0] * len(rows) for name in extra}


def test_bundles_of_every_kind_are_kept() -> None:
    specs = {name: json.loads(spec_of(name).read_text("utf-8")) for name in MODELS}
    kinds = {(spec.get("kind"), *spec.get("weights", ["no parts"])) for spec in specs.values()}
    assert kinds == {
        ("probability", "linear"),
        ("probability", "trees"),
        ("probability", "linear", "trees"),
        ("count", "linear"),
        ("amount", "linear"),
        (None, "no parts"),  # from before there were parts: trees alone
    }
    assert specs["churn_hazard"]["extra"] == ["month_ahead"]
    assert not [name for name, spec in specs.items() if "ranges" in spec]
    assert [path.name for path in (RELEASE / "effects").iterdir()] == ["contact"]


def spec_of(model: str) -> Path:
    return RELEASE / "models" / model / "1" / "spec.json"


@pytest.mark.parametrize("name", MODELS)
def test_a_stored_model_predicts_what_it_predicted(name: str, lake: Lake) -> None:
    assert local_models.champion_version(lake, name) == "1"
    model, stored = (
        Predictor.load(local_models.bundle_path(lake, name, "1")),
        STORED["predictions"][name],
    )
    asked = columns(model.tags, model.extra)
    assert model.version == stored["version"]
    assert model.ranges == {"lead_days": (7, 60)}
    assert model.scorer.score(model.matrix(asked)).tolist() == stored["scores"]
    predicted = model.predict(asked).tolist()
    assert predicted == pytest.approx(stored["predictions"], **CLOSE)
    rows = [{tag: values[place] for tag, values in asked.items()} for place in range(6)]
    assert [model.predict_one(row) for row in rows] == predicted


def test_a_stored_effect_model_says_what_it_said(lake: Lake) -> None:
    model, stored = load_effect(lake.home / "effects" / "contact"), STORED["predictions"]
    effects, bounds = model.predict(columns(model.features, []))
    assert model.version == stored["effect of contact"]["version"]
    assert effects.tolist() == stored["effect of contact"]["effects"]
    assert bounds.tolist() == pytest.approx(stored["effect of contact"]["lower_bounds"], **CLOSE)


def test_a_stored_snapshot_is_read_as_it_was(lake: Lake) -> None:
    snapshot = read_snapshot(lake, DAY, verify=True)
    assert (snapshot.snapshot_id, snapshot.customers) == ("d40afe519f887a2a", 5)
    beside = {"customer_id", "as_of", "event_timestamp", "created_timestamp"}
    files = [lake.home / file["path"] for file in snapshot.files.values()]
    names = {name for path in files for name in pq.read_schema(path).names} - beside
    assert names - set(catalogue()) == TAGS_GONE
    asked = sorted(names - TAGS_GONE)
    assert len(asked) > 450
    for row in SnapshotLookup(lake).read(sorted(STORED["tags"]), asked):
        stored = STORED["tags"][row["customer_id"]]
        assert {name: row[name] for name in asked} == {name: stored.get(name) for name in asked}


@pytest.fixture
def records(lake: Lake) -> Any:
    """The records of the earlier release, brought up to date."""
    records = Records(lake.settings)
    records.migrate()
    yield records
    records.close()


def test_stored_records_are_migrated_and_keep_every_row(
    lake: Lake, records: Records, caplog: pytest.LogCaptureFixture
) -> None:
    assert [one for one in caplog.get_records("setup") if "are packed: their" in one.message]
    found = {}
    with records.reading() as connection:
        for table in METADATA.sorted_tables:
            query = table.select().order_by(*table.primary_key.columns)
            found[table.name] = [dict(row) for row in connection.execute(query).mappings()]
        # Packed since migration 0005, each by itself.
        numbers = [row["decision_id"] for row in found["decisions"]]
        found["decisions"] = [find_decision(connection, number) for number in numbers]
    for row in found["decisions"]:
        row["document"].pop("facts", None)
    assert [row["planned_day"] for row in found["contacts"]] == [
        row["local_day"] for row in found["contacts"]
    ]
    found = json.loads(json.dumps(found, default=str))
    lost = {
        table: gone
        for table, rows in STORED["rows"].items()
        if (gone := set(rows[0]) - {column for row in found.get(table, []) for column in row})
    }
    assert lost == COLUMNS_GONE
    for table, rows in STORED["rows"].items():
        left = [name for name in rows[0] if name not in COLUMNS_GONE.get(table, ())]
        assert [{name: row[name] for name in left} for row in found.get(table, [])] == [
            {name: row[name] for name in left} for row in rows if left
        ], table
    with closing(sqlite3.connect(lake.home / "records.db")) as connection:
        ((version,),) = connection.execute("SELECT version_num FROM alembic_version")
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert version == ScriptDirectory.from_config(config).get_current_head()


def test_stored_decisions_are_made_again(lake: Lake, records: Records) -> None:
    """The best, a lot, silence, and one of the control group."""
    made = [row for row in STORED["rows"]["decisions"] if "answer" in row["document"]]
    kinds = {(row["touchpoint"], row["randomised"], row["holdout"]) for row in made}
    assert kinds == {
        ("renewal_60d", False, False),
        ("service_reminder", True, False),
        (None, False, False),
        (None, False, True),
    }
    for row in made:
        again = replay(lake, records, row["decision_id"])
        assert (again.same, again.changed, again.notes) == (True, [], [])
