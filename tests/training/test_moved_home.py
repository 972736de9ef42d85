"""A home that lies elsewhere than it did: its registry follows, and nothing is written to the old
place."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from features.lake import Lake
from features.lake.pointer import read_pointer
from features.settings import Settings
from guanjia.jobs.backups.readiness import check_restored
from training.registry import versions
from training.registry.mlflow_client import database
from training.registry.moved_home import follow_moved_home, rewrite_paths

Run = Callable[..., Any]
MODEL = "claim_frequency"


def test_a_restored_home_trains_where_it_lies(
    demo: tuple[Path, dict[str, Any]], tmp_path: Path, run: Run
) -> None:
    old, new, backup = tmp_path / "old" / "home", tmp_path / "new place", tmp_path / "backup"
    shutil.copytree(demo[0], old)
    # The demo itself was moved here by hand: whoever opens its registry first mends it.
    assert versions.read_version_by_alias(Lake(Settings(home=old)), MODEL, "champion")
    assert run(old, "backup", str(backup)).returncode == 0
    shutil.rmtree(old.parent)
    done = run(new, "restore", str(backup), "--home", str(new))
    assert done.returncode == 0, done.stderr
    naming = [
        path for path in new.rglob("*") if path.is_file() and str(old).encode() in path.read_bytes()
    ]
    assert naming == []
    assert read_pointer(new) == read_pointer(demo[0]), "what was published is published"
    assert [check for check in check_restored(Settings(home=new)) if not check.good] == []
    before = {path for path in tmp_path.rglob("*") if not path.is_relative_to(new)}
    done = run(new, "train", MODEL)
    assert done.returncode == 0, done.stderr
    assert {path for path in tmp_path.rglob("*") if not path.is_relative_to(new)} == before
    lake = Lake(Settings(home=new))
    challenger = versions.read_version_by_alias(lake, MODEL, "challenger")
    assert challenger is not None
    assert challenger.version == "2"
    folder = new / "mlflow" / "artifacts" / challenger.run / "artifacts" / "bundle"
    assert (folder / "spec.json").exists()
    assert versions.download(lake, challenger.run, "bundle", tmp_path).is_dir()


@pytest.fixture
def registry(tmp_path: Path) -> Callable[[Path], Lake]:
    """A home at a place, with a registry that names another one: `registry(former)`."""

    def make(former: Path) -> Lake:
        lake = Lake(Settings(home=tmp_path / "now"))
        database(lake).parent.mkdir(parents=True)
        place = f"{former.as_uri()}/mlflow/artifacts"
        with closing(sqlite3.connect(database(lake))) as file, file:
            file.execute("CREATE TABLE experiments (name TEXT, artifact_location TEXT)")
            file.execute("CREATE TABLE runs (run TEXT, artifact_uri TEXT)")
            file.execute("CREATE TABLE datasets (source TEXT, rows INTEGER)")
            file.execute("INSERT INTO experiments VALUES ('guanjia', ?)", [place])
            file.execute("INSERT INTO runs VALUES ('r1', ?)", [f"{place}/r1/artifacts"])
            json = f'{{"uri": "{former}/training/frame.parquet"}}'
            file.execute("INSERT INTO datasets VALUES (?, 7)", [json])
        return lake

    return make


def texts(lake: Lake) -> list[Any]:
    with closing(sqlite3.connect(database(lake))) as file:
        return [
            value
            for table in ("experiments", "runs", "datasets")
            for row in file.execute(f"SELECT * FROM {table}")
            for value in row
        ]


@pytest.mark.parametrize("name", ["home", "with space", "管家"])
def test_every_address_follows_the_home(
    name: str, registry: Callable[[Path], Lake], tmp_path: Path
) -> None:
    lake = registry(tmp_path / name)
    assert follow_moved_home(lake, database(lake)) == 3
    place = f"{lake.home.as_uri()}/mlflow/artifacts"
    frame = f'{{"uri": "{lake.home}/training/frame.parquet"}}'
    assert texts(lake) == ["guanjia", place, "r1", f"{place}/r1/artifacts", frame, 7]
    assert follow_moved_home(lake, database(lake)) == 0


def test_what_was_trained_into_the_old_place_is_fetched_from_there(
    registry: Callable[[Path], Lake], tmp_path: Path
) -> None:
    old = tmp_path / "old"
    lost = old / "mlflow" / "artifacts" / "r1" / "artifacts" / "bundle" / "spec.json"
    lost.parent.mkdir(parents=True)
    lost.write_text("{}")
    lake = registry(old)
    follow_moved_home(lake, database(lake))
    assert (lake.home / lost.relative_to(old)).read_text() == "{}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/data/place", "/new"),
        ("/data/place/raw", "/new/raw"),
        ("file:///data/place/mlflow", "file:///new/mlflow"),
        ('{"a": "/data/place/x", "b": "/data/place"}', '{"a": "/new/x", "b": "/new"}'),
        ("/data/place2/raw", "/data/place2/raw"),
        ("/data/place.old/raw", "/data/place.old/raw"),
        ("/mnt/data/place/raw", "/mnt/data/place/raw"),
        ("s3://bucket/data/place", "s3://bucket/data/place"),
        ("home", "home"),
    ],
)
def test_other_folders_keep_their_names(text: str, expected: str) -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as file:
        file.execute("CREATE TABLE t (c TEXT)")
        file.execute("INSERT INTO t VALUES (?)", [text])
        rewrite_paths(file, Path("/data/place"), Path("/new"))
        assert file.execute("SELECT c FROM t").fetchall() == [(expected,)]
