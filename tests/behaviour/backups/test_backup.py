"""A backup is the home of one instant, though others write; whole, or not there."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from sqlalchemy import text

from features.settings import Settings
from serving.records.database import Records

Run = Callable[..., Any]
Content = Callable[[Path], dict[str, str]]
Done = Callable[[Any], Any]
CUSTOMERS, DAY = 30, "2026-06-30"


def test_names_of_one_file_are_kept_once(old: Path, tmp_path: Path, run: Run, done: Done) -> None:
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


def test_what_is_killed_is_whole_or_not_there(
    old: Path, tmp_path: Path, run: Run, done: Done, content: Content
) -> None:
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
    old: Path, tmp_path: Path, run: Run, done: Done
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


def test_what_is_computed_can_be_left_out(old: Path, tmp_path: Path, run: Run, done: Done) -> None:
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


def test_a_drill_prints_both_times_and_leaves_nothing(
    old: Path, tmp_path: Path, run: Run, done: Done
) -> None:
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
    done: Done,
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
