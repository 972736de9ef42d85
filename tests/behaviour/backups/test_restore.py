"""A home comes back elsewhere as it was, without the erased, or not at all."""

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

import psycopg2
import pyarrow.parquet as pq
import pytest

Run = Callable[..., Any]
Content = Callable[[Path], dict[str, str]]
Done = Callable[[Any], Any]
GONE = ("C00000003", "C00000007")
"""Erased before the backup, and after it."""


@pytest.mark.parametrize("name", ["backup", "backup.tar"])
def test_a_home_comes_back_as_it_was(
    name: str, old: Path, tmp_path: Path, run: Run, done: Done, content: Content
) -> None:
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
    old: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch, done: Done
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
    old: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch, done: Done
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
    damage: Callable[[Path], None], sentence: str, old: Path, tmp_path: Path, run: Run, done: Done
) -> None:
    keys, new = tmp_path / "keys", tmp_path / "new"
    done(run(old, "backup", str(tmp_path / "b"), "--keys", str(keys), "--json"))
    damage(tmp_path / "b")
    refused = run(old, "restore", str(tmp_path / "b"), "--home", str(new), "--keys", str(keys))
    assert refused.returncode == 2
    assert sentence in refused.stderr
    assert not new.exists()
    assert not list(tmp_path.glob(".new*")), "nothing is left beside it either"


def test_a_tar_that_was_cut_off_is_refused(old: Path, tmp_path: Path, run: Run, done: Done) -> None:
    done(run(old, "backup", str(tmp_path / "b.tar"), "--json"))
    os.truncate(tmp_path / "b.tar", (tmp_path / "b.tar").stat().st_size // 2)
    refused = run(old, "restore", str(tmp_path / "b.tar"), "--home", str(tmp_path / "new"))
    assert refused.returncode == 2
    with pytest.raises((KeyError, tarfile.TarError)), tarfile.open(tmp_path / "b.tar") as tar:
        tar.getmember("manifest.json")
    assert not (tmp_path / "new").exists()


KILLED_RESTORE = """
import os, signal, subprocess, sys, time
from guanjia.jobs.backups import postgres_dump, restore
from guanjia.cli import main
point, words = sys.argv[1], sys.argv[2:]
run = subprocess.run
def killed_within(line, *given, **named):
    if not line[0].endswith("pg_restore"):
        return run(line, *given, **named)
    started = subprocess.Popen(line, env=named["env"], stderr=subprocess.DEVNULL)
    time.sleep(0.05)
    if point == "within":
        started.kill()  # with its parent, as the machine's end does
    os.kill(os.getpid(), signal.SIGKILL)
def killed_after(*given):
    load(*given)
    os.kill(os.getpid(), signal.SIGKILL)
load = restore.load_records
if point != "after":
    postgres_dump.subprocess.run = killed_within
else:
    restore.load_records = killed_after
sys.argv = ["guanjia", *words]
main()
"""


def killed_restore(words: tuple[str, ...], point: str) -> int:
    """Restore in a process that is killed within the load of the records, with pg_restore or
    without it, or right after it; return how it ended."""
    line = [sys.executable, "-c", KILLED_RESTORE, point, *words]
    return subprocess.run(line, check=False, capture_output=True, timeout=120).returncode


@pytest.mark.parametrize("point", ["within", "orphaned", "after"])
def test_a_restore_into_postgres_that_is_killed_goes_on(
    point: str,
    insurer: Path,
    tmp_path: Path,
    run: Run,
    postgres: str,
    monkeypatch: pytest.MonkeyPatch,
    done: Done,
) -> None:
    old = shutil.copytree(insurer, tmp_path / "old")
    keys, backup, new = tmp_path / "keys", tmp_path / "b", tmp_path / "new"
    monkeypatch.setenv("GUANJIA_DATABASE", postgres)
    done(run(old, "move", "records", "postgres", "--json"))
    done(run(old, "backup", str(backup), "--keys", str(keys), "--json"))
    before = rows_of(postgres)
    assert sum(before.values()) > 0
    with closing(psycopg2.connect(postgres)) as connection, connection:
        connection.cursor().execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    words = ("restore", str(backup), "--keys", str(keys), "--home", str(new))
    assert killed_restore(words, point) == -signal.SIGKILL
    refused = run(new, "rate", "C00000001")
    assert refused.returncode == 2
    assert "is only half restored" in refused.stderr
    done(run(old, *words, "--json"))
    assert rows_of(postgres) == before
    assert run(new, "rate", "C00000001").returncode == 0


def rows_of(address: str) -> dict[str, int]:
    """Table -> its rows, of a database."""
    with closing(psycopg2.connect(address)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        names = [name for (name,) in cursor.fetchall()]
        rows = {}
        for name in sorted(names):
            cursor.execute(f'SELECT count(*) FROM "{name}"')
            rows[name] = int((cursor.fetchone() or (0,))[0])
    return rows
