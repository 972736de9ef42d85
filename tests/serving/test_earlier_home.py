"""A whole home of release 0.1.0 is opened, brought up to date, and goes on; nothing is trained.

`tests/golden/make_home.py` made it with that release.
"""

import json
import shutil
import sqlite3
import tarfile
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pyarrow.parquet as pq
import pytest

from features.errors import GuanjiaError
from features.lake import Lake
from features.settings import Settings
from features.snapshots.lookup import SnapshotLookup
from guanjia.terminal.home_format import FORMAT, keep_format, release
from serving.auth.tokens import make_token
from serving.decision.decider import Decider
from serving.decision.schemas import DecideRequest
from serving.decision.touchpoint_source import TouchpointSource
from serving.lists.source import contact_queries
from serving.predictions.service import PredictionService
from serving.records.database import Records
from training.registry import versions

Run = Callable[..., Any]
PACKED = Path(__file__).parents[1] / "golden" / "home-0.1.0.tar.xz"
NOON = datetime(2026, 7, 1, 4, tzinfo=UTC)


def unpacked(folder: Path) -> Path:
    """The home as release 0.1.0 left it, on another path."""
    with tarfile.open(PACKED) as tar:
        tar.extractall(folder, filter="data")
    return folder / "home"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return unpacked(tmp_path)


def customers(lake: Lake) -> list[str]:
    return sorted(pq.read_table(lake.checked("customers"))["customer_id"].unique().to_pylist())


def test_it_says_its_format_from_now_on(old: Path, run: Run) -> None:
    assert not (old / "home.json").exists()
    done = run(old, "touchpoints")
    assert done.returncode == 0, done.stderr
    stated = json.loads((old / "home.json").read_text())
    assert stated == {"format": FORMAT, "release": release()}


def test_its_day_goes_on(old: Path, run: Run) -> None:
    """Its rows are checked, carried to another day, and scored with its models."""
    with closing(sqlite3.connect(old / "records.db")) as records:
        decisions = records.execute("SELECT decision_id FROM decisions ORDER BY 1").fetchall()
    for words in (
        ("check",), ("tags", "--as-of", "2026-06-30"), ("score", "--as-of", "2026-06-30"),
        ("materialize", "--now", "2026-07-01T13:00+08:00"), ("erase", "--again"),
    ):  # fmt: skip
        done = run(old, *words)
        assert done.returncode == 0, (words, done.stderr)
    manifest = json.loads((old / "snapshots" / "2026-06-30.json").read_text())
    assert manifest["customers"] == 19
    database = Records(Settings(home=old))
    database.migrate()
    database.close()
    with closing(sqlite3.connect(old / "records.db")) as records:
        again = records.execute("SELECT decision_id FROM decisions ORDER BY 1").fetchall()
    assert again == decisions
    assert len(decisions) == 2


def test_its_rows_are_read_before_the_next_check(old: Path, run: Run) -> None:
    """Its consents were checked before they had a channel: they are to every channel."""
    lake = Lake(Settings(home=old))
    assert "channel" not in pq.read_schema(lake.checked("consents")).names
    for day in ("2026-06-30", "2026-07-01"):
        done = run(old, "tags", "--as-of", day)
        assert done.returncode == 0, done.stderr
    tags = ["marketing_consent", "latest_consents"]
    words = {row["customer_id"]: row for row in SnapshotLookup(lake).read(customers(lake), tags)}
    channels = {text for row in words.values() for text in row["latest_consents"].split(";")}
    assert len(channels) > 3
    assert not [text for text in channels if "." in text]
    contacts = contact_queries(NOON, lake)["consents"]
    listed = lake.con.execute(f"SELECT customer_id, marketing, channels FROM ({contacts})")
    assert listed.fetchall()
    assert lake.con.execute(f"SELECT count(channels) FROM ({contacts})").fetchone() == (0,)


def test_it_decides_from_its_snapshot(old: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Online store away, snapshot of before there was a tag that decisions read."""
    shutil.rmtree(old / "feast")
    lake = Lake(Settings(home=old))
    service, records = PredictionService(lake), Records(lake.settings)
    records.migrate()
    service.get_ready()
    (warning,) = [text for text in caplog.messages if text.startswith("snapshot of 2026-06-30")]
    assert "latest_consents" in warning
    assert "run `guanjia tags --as-of 2026-06-30`, then `guanjia materialize`" in warning
    decider = Decider(service, records, TouchpointSource(lake))
    answers = [
        decider.decide(DecideRequest(customer_id=customer, decision_point="daily_batch"), NOON)
        for customer in customers(lake)
    ]
    records.close()
    assert {answer.degraded for answer in answers} == {True}


def test_a_tag_that_nobody_can_do_without_is_missed(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = Lake(Settings(home=old))
    monkeypatch.setattr("features.snapshots.lookup.LATER_TAGS", frozenset())
    with pytest.raises(GuanjiaError, match=r"lacks tag latest_consents\. Run `guanjia tags"):
        SnapshotLookup(lake).read(customers(lake), ["branch", "latest_consents"])


def test_its_registry_leads_to_its_own_artifacts(old: Path, tmp_path: Path) -> None:
    lake = Lake(Settings(home=old))
    champion = versions.read_version_by_alias(lake, "renewal", "champion")
    assert champion is not None
    assert versions.download(lake, champion.run, "bundle", tmp_path).is_dir()
    assert b"guanjia-release-0.1.0/home" not in (old / "mlflow" / "mlflow.db").read_bytes()


def test_it_answers_as_it_did(
    old: Path, serving: Callable[..., AbstractContextManager[str]], tmp_path: Path
) -> None:
    stored = json.loads((old / "answers.json").read_text())
    asked = [answer["customer_id"] for answer in stored["predictions"]]
    ahead = str((NOON - datetime.now(UTC)).total_seconds())
    token = make_token(Settings(home=old), "tests", datetime.now(UTC))
    with serving(old, tmp_path, GUANJIA_CLOCK_AHEAD_SECONDS=ahead) as url:
        answer = httpx.post(
            f"{url}/predict",
            json={"customer_ids": asked, "models": list(stored["model_versions"])},
            headers={"Authorization": f"Bearer {token}"},
            timeout=60,
        )
    assert answer.status_code == 200, answer.text
    answered = answer.json()
    assert answered["model_versions"] == stored["model_versions"]
    assert not answered["degraded"]
    for new, before in zip(answered["predictions"], stored["predictions"], strict=True):
        for part in ("probabilities", "claims", "star"):
            assert new[part] == before[part]


def test_a_home_of_a_newer_release_is_refused_in_a_sentence(old: Path, run: Run) -> None:
    (old / "home.json").write_text(json.dumps({"format": 99, "release": "9.0.0"}))
    before = {path: path.stat().st_mtime_ns for path in old.rglob("*")}
    for words in (("check",), ("serve",), ("score", "--as-of", "2026-06-30")):
        refused = run(old, *words)
        assert refused.returncode == 2
        assert "was written by release 9.0.0 (format 99)" in refused.stderr
        assert "Install guanjia 9.0.0 or later" in refused.stderr
    assert {path: path.stat().st_mtime_ns for path in old.rglob("*")} == before


def test_a_home_that_cannot_be_written_is_read_all_the_same(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("guanjia.terminal.home_format.published", refuse)
    keep_format(old)
    monkeypatch.setattr("guanjia.terminal.home_format.FORMAT", 0)
    (old / "home.json").write_text(json.dumps({"format": 1, "release": "0.1.0"}))
    with pytest.raises(GuanjiaError, match=r"written by release 0\.1\.0"):
        keep_format(old)


def test_a_folder_that_is_no_home_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    keep_format(tmp_path)
    assert [path.name for path in tmp_path.iterdir() if path.name != "home"] == ["notes.txt"]
