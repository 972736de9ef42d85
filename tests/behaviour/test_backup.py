"""A home that is backed up while it is used comes back elsewhere as it was, without the erased."""

import hashlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tarfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from shared import made_once
from sqlalchemy import text

from features.settings import Settings
from serving.records.database import Records

Run = Callable[..., Any]
CUSTOMERS, DAY = 30, "2026-06-30"
GONE = ("C00000003", "C00000007")


@pytest.fixture(scope="session")
def insurer(tmp_path_factory: pytest.TempPathFactory, run: Run) -> Path:
    """A small home with snapshot, online rows, records and one customer who was erased."""

    def make(home: Path) -> None:
        for words in (
            ("simulate", "--customers", str(CUSTOMERS)), ("check",), ("tags", "--as-of", DAY),
            ("materialize", "--now", "2026-07-01T09:00+08:00"), ("erase", GONE[0], "--who", "a"),
            ("token",),
        ):  # fmt: skip
            done = run(home, *words)
            assert done.returncode == 0, done.stderr

    return made_once(tmp_path_factory, "backup-insurer", make)


@pytest.fixture
def old(insurer: Path, tmp_path: Path) -> Path:
    """A copy of it for one test."""
    return Path(shutil.copytree(insurer, tmp_path / "old" / "home"))


def content(home: Path) -> dict[str, str]:
    """Path -> hash of every file of a home; of a database, of its rows."""
    files = {}
    for path in sorted(home.rglob("*")):
        name = path.relative_to(home).as_posix()
        if not path.is_file() or name.startswith(("tmp/", "compiled/", "feast/registry")):
            continue
        written = path.read_bytes()
        if written[:15] == b"SQLite format 3":
            with closing(sqlite3.connect(path)) as database:
                written = "\n".join(database.iterdump()).encode()
        if not name.endswith(("lock", ".writing", "-wal", "-shm")):
            files[name] = hashlib.sha256(written).hexdigest()
    return files


def done(result: Any) -> Any:
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@pytest.mark.parametrize("name", ["backup", "backup.tar"])
def test_a_home_comes_back_as_it_was(name: str, old: Path, tmp_path: Path, run: Run) -> None:
    before = content(old)
    backup, keys, new = tmp_path / name, tmp_path / "keys.json", tmp_path / "new"
    told = done(run(old, "backup", str(backup), "--keys", str(keys), "--json"))
    assert told["keys"] == ["erasure.key", "token.key"]
    assert keys.stat().st_mode & 0o777 == 0o600
    secret = (old / "erasure.key").read_bytes()
    packed = [path for path in tmp_path.glob(f"{name}/**/*") if path.is_file()] or [backup]
    assert not [path for path in packed if secret in path.read_bytes()]
    shutil.move(old, tmp_path / "away")
    done(run(old, "restore", str(backup), "--home", str(new), "--keys", str(keys), "--json"))
    assert content(new) == before
    assert new.stat().st_mode & 0o77 == 0
    assert not old.exists()
    assert run(new, "rate", "C00000001").returncode == 0
    again = run(old, "restore", str(backup), "--home", str(new), "--keys", str(keys))
    assert again.returncode == 2
    assert "is not empty, and nothing is replaced" in again.stderr


def test_names_of_one_file_are_kept_once(old: Path, tmp_path: Path, run: Run) -> None:
    generation = old / "published" / "2026-06-30-1" / "checked"
    generation.mkdir(parents=True)
    os.link(old / "checked" / "policies.parquet", generation / "policies.parquet")
    backup, keys, new = tmp_path / "b", tmp_path / "keys", tmp_path / "new"
    done(run(old, "backup", str(backup), "--keys", str(keys), "--json"))
    packed = backup / "home"
    assert (packed / "checked" / "policies.parquet").exists()
    assert not (packed / "published").exists()
    done(run(old, "restore", str(backup), "--home", str(new), "--keys", str(keys), "--json"))
    linked = new / generation.relative_to(old) / "policies.parquet"
    assert linked.samefile(new / "checked" / "policies.parquet")


def rows_naming(home: Path, customer: str) -> list[str]:
    """Files of a home in which a customer is named."""
    naming = []
    for path in sorted(home.rglob("*.parquet")):
        table = pq.read_table(path, partitioning=None)
        if customer in table.to_pydict().get("customer_id", ()):
            naming.append(path.name)
    for path in sorted(home.rglob("*.db")):
        if path.read_bytes()[:15] == b"SQLite format 3":
            with closing(sqlite3.connect(path)) as database:
                if any(customer in line for line in database.iterdump()):
                    naming.append(path.name)
    return naming


def test_erased_customers_stay_erased(
    old: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One was erased before the backup, one after it; then the machine is gone."""
    apart = tmp_path / "another-disk" / "erasures.json"
    monkeypatch.setenv("GUANJIA_ERASURES_COPY", str(apart))
    backup, keys = tmp_path / "backup", tmp_path / "keys.json"
    done(run(old, "backup", str(backup), "--keys", str(keys), "--json"))
    assert rows_naming(backup, GONE[1])
    done(run(old, "erase", GONE[1], "--who", "compliance", "--json"))
    assert len(json.loads(apart.read_text())) == 2
    shutil.rmtree(old)
    monkeypatch.delenv("GUANJIA_ERASURES_COPY")
    words = ("restore", str(backup), "--home", str(tmp_path / "new"))
    refused = run(old, *words, "--erased", str(apart))
    assert refused.returncode == 2
    assert "erased customers could not be recognised, and would come back" in refused.stderr
    assert not (tmp_path / "new").exists()
    told = done(run(old, *words, "--erased", str(apart), "--keys", str(keys), "--json"))
    assert told["erased"] == 1
    assert told["rows_erased"]["raw/policies"] > 0
    assert [rows_naming(tmp_path / "new", customer) for customer in GONE] == [[], []]
    refused = run(tmp_path / "new", "rate", GONE[1])
    assert refused.returncode == 2


def test_the_copy_keeps_erasures_that_a_restored_home_has_forgotten(
    old: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier = shutil.copytree(old, tmp_path / "earlier")
    monkeypatch.setenv("GUANJIA_ERASURES_COPY", str(tmp_path / "copy.json"))
    done(run(old, "erase", GONE[1], "--json"))
    noted = set(json.loads((tmp_path / "copy.json").read_text()))
    done(run(earlier, "erase", "C00000011", "--json"))
    assert set(json.loads((tmp_path / "copy.json").read_text())) > noted


def damage_file(backup: Path) -> None:
    path = backup / "home" / "raw" / "policies"
    (file,) = path.glob("*")
    written = bytearray(file.read_bytes())
    written[len(written) // 2] ^= 1
    file.write_bytes(written)


def remove_file(backup: Path) -> None:
    (backup / "home" / "check.json").unlink()


def alter_manifest(backup: Path) -> None:
    manifest = backup / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"derived": true', '"derived": false'))


def cut_manifest(backup: Path) -> None:
    manifest = backup / "manifest.json"
    manifest.write_bytes(manifest.read_bytes()[:-300])


def newer_format(backup: Path) -> None:
    from dataclasses import replace

    from guanjia.jobs.backups.manifest import read_manifest, write_manifest

    manifest = backup / "manifest.json"
    newer = replace(read_manifest(manifest.read_text(), backup), home_format=99, release="9.0")
    manifest.write_text(write_manifest(newer))


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (damage_file, "has another home/raw/policies/"),
        (remove_file, "lacks home/check.json"),
        (alter_manifest, "has a manifest that was altered"),
        (cut_manifest, "has a manifest that cannot be read"),
        (newer_format, "was written by release 9.0 (format 99"),
    ],
)
def test_a_backup_that_is_not_as_it_was_made_is_refused(
    damage: Callable[[Path], None], sentence: str, old: Path, tmp_path: Path, run: Run
) -> None:
    keys, new = tmp_path / "keys", tmp_path / "new"
    done(run(old, "backup", str(tmp_path / "b"), "--keys", str(keys), "--json"))
    damage(tmp_path / "b")
    refused = run(old, "restore", str(tmp_path / "b"), "--home", str(new), "--keys", str(keys))
    assert refused.returncode == 2
    assert sentence in refused.stderr
    assert not new.exists()
    assert not list(tmp_path.glob(".new*")), "nothing is left beside it either"


def test_a_tar_that_was_cut_off_is_refused(old: Path, tmp_path: Path, run: Run) -> None:
    done(run(old, "backup", str(tmp_path / "b.tar"), "--json"))
    os.truncate(tmp_path / "b.tar", (tmp_path / "b.tar").stat().st_size // 2)
    refused = run(old, "restore", str(tmp_path / "b.tar"), "--home", str(tmp_path / "new"))
    assert refused.returncode == 2
    with pytest.raises((KeyError, tarfile.TarError)), tarfile.open(tmp_path / "b.tar") as tar:
        tar.getmember("manifest.json")
    assert not (tmp_path / "new").exists()


KILLED = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from features.lake import Lake
from features.settings import Settings
from guanjia.jobs.backups.backup import back_up
from guanjia.jobs.backups.restore import restore
what, home, backup, keys, last = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4], int(sys.argv[5])
calls = 0
def report(step, done, total):
    global calls
    calls += 1
    if calls == last:
        os.kill(os.getpid(), signal.SIGKILL)
now = datetime(2026, 7, 1, tzinfo=UTC)
if what == "backup":
    back_up(Lake(Settings(home=home)), backup, now, report)
else:
    restore(backup, Settings(home=home), now, report, keys=Path(keys))
"""  # noqa: E501


def killed(what: str, home: Path, backup: Path, keys: Path, last: int) -> int:
    """Run it in a process that is killed at its n-th report of progress; return how it ended."""
    line = [sys.executable, "-c", KILLED, what, str(home), str(backup), str(keys), str(last)]
    return subprocess.run(line, check=False, capture_output=True, timeout=120).returncode


def test_what_is_killed_is_whole_or_not_there(old: Path, tmp_path: Path, run: Run) -> None:
    backup, keys, new = tmp_path / "b", tmp_path / "keys", tmp_path / "new"
    before = content(old)
    assert killed("backup", old, backup, keys, 40) == -signal.SIGKILL
    assert not backup.exists()
    done(run(old, "backup", str(backup), "--keys", str(keys), "--json"))
    assert not list(tmp_path.glob(".b.*")), "what was killed is cleared away"
    assert not list((old / "tmp").glob("*backup*"))
    manifest = json.loads((backup / "manifest.json").read_text())
    files = len([entry for entry in manifest["entries"] if entry["same_as"] is None])
    words = ("restore", str(backup), "--home", str(new), "--keys", str(keys), "--json")
    for last, is_home in ((files // 2, False), (files + 2, True)):
        assert killed("restore", new, backup, keys, last) == -signal.SIGKILL
        assert new.exists() is is_home
        if is_home:
            refused = run(new, "rate", "C00000001")
            assert "is only half restored" in refused.stderr
    done(run(old, *words))
    assert content(new) == before


WRITER = """
import json, os, sys, time
from datetime import UTC, datetime
from pathlib import Path
from sqlalchemy import text
from features.publishing import published
from features.settings import Settings
from serving.records.database import Records
home, acknowledged = Path(sys.argv[1]), Path(sys.argv[2])
records = Records(Settings(home=home))
number = 0
with acknowledged.open("a") as log:
    while True:
        number += 1
        for name in ("first.json", "second.json"):
            with published(home / "days" / name) as draft:
                draft.write_text(str(number))
        with records.writing() as connection:
            connection.execute(
                text("INSERT INTO decision_frames (frame_id, content) VALUES (:one, 'x')"),
                {"one": str(number)},
            )
        log.write(f"{number} {datetime.now(UTC).isoformat()}\\n")
        log.flush()
        time.sleep(0.02)
"""


def test_a_backup_is_the_home_of_one_instant_though_others_write(
    old: Path, tmp_path: Path, run: Run
) -> None:
    log, backup, keys = tmp_path / "log", tmp_path / "b", tmp_path / "keys"
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(old), str(log)])
    try:
        while not log.exists() or log.read_text().count("\n") < 5:
            assert writer.poll() is None
        told = done(run(old, "backup", str(backup), "--keys", str(keys), "--json"))
        assert writer.poll() is None
    finally:
        writer.kill()
        writer.wait()
    first, second = (
        int((backup / "home" / "days" / name).read_text()) for name in ("first.json", "second.json")
    )
    assert second in (first, first - 1), "two files that were never there together"
    with closing(sqlite3.connect(backup / "home" / "records.db")) as database:
        stored = {int(row[0]) for row in database.execute("SELECT frame_id FROM decision_frames")}
    lines = [line.split() for line in log.read_text().splitlines()]
    before = {int(number) for number, at in lines if at <= told["began_at"]}
    assert len(before) >= 5
    assert before <= stored, "what was acknowledged before is in it"


def test_what_is_computed_can_be_left_out(old: Path, tmp_path: Path, run: Run) -> None:
    keys, new = tmp_path / "keys", tmp_path / "new"
    words = ("backup", str(tmp_path / "b"), "--keys", str(keys), "--without-derived", "--json")
    done(run(old, *words))
    shown = run(old, "restore", str(tmp_path / "b"), "--home", str(new), "--keys", str(keys)).stdout
    assert f"guanjia check && guanjia tags --as-of {DAY}" in shown
    assert not (new / "tags").exists()
    for command in (("check",), ("tags", "--as-of", DAY)):
        assert run(new, *command).returncode == 0
    assert len(tags_of(old)) > 5
    assert tags_of(new) == tags_of(old)


def tags_of(home: Path) -> dict[str, Any]:
    """Tag group -> its rows of the day."""
    files = sorted(home.glob(f"tags/*/as_of={DAY}.parquet"))
    rows = {path.parent.name: pq.read_table(path, partitioning=None) for path in files}
    return {
        group: table.drop_columns(["created_timestamp"]).sort_by("customer_id").to_pylist()
        for group, table in rows.items()
    }


def test_a_drill_prints_both_times_and_leaves_nothing(old: Path, tmp_path: Path, run: Run) -> None:
    keys, folder = tmp_path / "keys", tmp_path / "place"
    folder.mkdir()
    done(run(old, "backup", str(folder / "b"), "--keys", str(keys), "--json"))
    told = done(run(old, "restore", str(folder / "b"), "--drill", "--keys", str(keys), "--json"))
    assert {check["what"]: check["good"] for check in told["checks"]} == dict.fromkeys(
        ("records", "snapshot", "models", "online rows"), True
    )
    assert told["rpo_seconds"] > 0
    assert told["rto_seconds"] > 0
    assert [path.name for path in folder.iterdir()] == ["b"]


def test_records_on_postgres_come_along(
    insurer: Path,
    tmp_path: Path,
    run: Run,
    postgres: str,
    postgres_server: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    old = shutil.copytree(insurer, tmp_path / "old")
    keys, backup = tmp_path / "keys", tmp_path / "b.tar"
    monkeypatch.setenv("GUANJIA_DATABASE", postgres)
    done(run(old, "move", "records", "postgres", "--json"))
    done(run(old, "backup", str(backup), "--keys", str(keys), "--json"))
    words = ("restore", str(backup), "--keys", str(keys), "--home", str(tmp_path / "new"), "--json")
    refused = run(old, *words)
    assert refused.returncode == 2
    assert "rows already, and nothing is replaced" in refused.stderr
    records = Records(Settings(home=old, database=postgres))
    with records.writing() as connection:
        hashes = connection.execute(text("SELECT customer_hash FROM erasures")).scalars().all()
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    done(run(old, *words))
    with records.reading() as connection:
        again = connection.execute(text("SELECT customer_hash FROM erasures")).scalars().all()
    records.close()
    assert len(hashes) == 1
    assert again == hashes
    assert not (tmp_path / "new" / "records.dump").exists()
