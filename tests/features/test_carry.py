"""A snapshot carried forward equals a full rebuild, and a kill at any moment loses nothing."""

import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.checking.check import check_tables
from features.contracts.tables import CONTRACTS
from features.contracts.vocabulary import MOTOR_LINES
from features.errors import GuanjiaError
from features.lake import Lake
from features.settings import Settings
from features.snapshots.compute import write_snapshot
from features.snapshots.definitions import definitions
from features.snapshots.incremental import open_base
from features.snapshots.snapshots import Snapshot, read_snapshot, sole_writer
from features.snapshots.stale import write_digests
from features.sources.simulation.simulate import simulate
from features.tags.catalogue import groups

Rows = list[dict[str, Any]]
FIRST = date(2024, 2, 26)


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """The checked tables of 150 simulated customers; tests copy them."""
    found = Lake(Settings(home=tmp_path_factory.mktemp("lake")))
    simulate(found, 150, 7)
    check_tables(found)
    return found


@pytest.fixture
def lake(simulated: Lake, tmp_path: Path) -> Lake:
    """The same checked tables in a home of its own."""
    return copy_of(simulated, tmp_path / "own")


def copy_of(simulated: Lake, home: Path) -> Lake:
    found = Lake(Settings(home=home))
    for name in CONTRACTS:
        if simulated.has(name):
            found.checked(name).parent.mkdir(parents=True, exist_ok=True)
            found.checked(name).write_bytes(simulated.checked(name).read_bytes())
    return found


def carried_and_whole(lake: Lake, day: date) -> tuple[Snapshot, Snapshot]:
    (carried,) = write_snapshot(lake, [day])
    (whole,) = write_snapshot(lake, [day], recompute_all=True)
    return carried, whole


def change(lake: Lake, table: str, edit: Callable[[Rows], Rows]) -> None:
    """Rewrite a checked table."""
    found = pq.read_table(lake.checked(table))
    rows = edit(found.to_pylist())
    pq.write_table(pa.Table.from_pylist(rows, schema=found.schema), lake.checked(table))


@pytest.mark.slow
def test_day_after_day_equals_a_full_rebuild(lake: Lake, tmp_path: Path) -> None:
    (base,) = write_snapshot(lake, [FIRST])
    # Over a leap day and a month's end, a weekend, a fortnight; each from what was carried before.
    days = [*(FIRST + timedelta(n) for n in range(1, 5)), date(2024, 3, 4), date(2024, 3, 18)]
    rebuilt = copy_of(lake, tmp_path / "rebuilt")
    # In one pass: that each date alone is the same, test_tagging.py says.
    wholes = write_snapshot(rebuilt, days, recompute_all=True)
    for day, whole in zip(days, wholes, strict=True):
        (carried,) = write_snapshot(lake, [day])
        assert (carried.base, whole.base) == (base.as_of, None)
        assert carried.recomputed < carried.customers == whole.recomputed
        assert carried.snapshot_id == whole.snapshot_id, day
        base = carried


@pytest.mark.usefixtures("few_tags")
def test_nothing_new_touches_nobody(lake: Lake) -> None:
    (first,) = write_snapshot(lake, [FIRST])
    (again,) = write_snapshot(lake, [FIRST])
    assert (again.base, again.recomputed) == (str(FIRST), 0)
    assert again.snapshot_id == first.snapshot_id


def late(rows: Rows) -> Rows:
    """A claim of long ago that reached us late: recorded, it says, before the first snapshot."""
    known = [row for row in rows if row["recorded_at"] < datetime(2024, 1, 1, tzinfo=UTC)]
    return [*rows, {**known[5], "claim_id": "late", "superseded_at": None}]


def gone(rows: Rows) -> Rows:
    """A row that was seen is held back by a later check."""
    seen = max(
        (row for row in rows if row["recorded_at"] < datetime(2024, 2, 1, tzinfo=UTC)),
        key=lambda row: row["recorded_at"],
    )
    return [row for row in rows if row is not seen]


def dearer(rows: Rows) -> Rows:
    """A premium of the past is another one than it was."""
    for row in rows:
        if row["recorded_at"] < datetime(2024, 2, 1, tzinfo=UTC) and row["written_premium"]:
            row["written_premium"] += 1
    return rows


def corrected(rows: Rows) -> Rows:
    """An amount of the past is another one than it was."""
    seen = [row for row in rows if row["recorded_at"] < datetime(2024, 2, 1, tzinfo=UTC)]
    seen[3]["paid_change"] += Decimal("1000.01")
    return rows


def first_version(rows: Rows) -> Rows:
    """A term that was cancelled later was first written at another premium."""
    start = datetime(2024, 1, 1, tzinfo=UTC)
    ended = {
        row["policy_id"]
        for row in rows
        if row["cancelled_on"] and row["recorded_at"] < start and row["line"] in MOTOR_LINES
    }
    first = next(row for row in rows if row["policy_id"] in ended and row["superseded_at"])
    first["written_premium"] += 1
    return rows


def test_what_arrives_late_is_noticed(lake: Lake) -> None:
    (before,) = write_snapshot(lake, [FIRST])
    for table, edit in (
        ("claims", late),
        ("quotes", gone),
        ("claim_movements", corrected),
        ("policies", first_version),
    ):
        change(lake, table, edit)
        carried, whole = carried_and_whole(lake, FIRST)
        assert carried.base == str(FIRST)
        assert 0 < carried.recomputed < carried.customers, table
        assert carried.snapshot_id == whole.snapshot_id != before.snapshot_id, table
        before = whole
    carried, whole = carried_and_whole(lake, FIRST + timedelta(1))
    assert carried.snapshot_id == whole.snapshot_id


def other(value: Any) -> Any:
    """Another value of the same type."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, datetime | date):
        return value - timedelta(1)
    return f"{value}x" if isinstance(value, str) else value + 1


def mutate(columns: Iterable[str], touched: dict[str, str], rows: Rows) -> Rows:
    """Change each column in a row of another customer, as far as there are any."""
    past = datetime(2026, 1, 1, tzinfo=UTC)
    known = [row for row in rows if row["recorded_at"] < past and row["customer_id"]]
    for name in columns:
        for row in known:
            later = isinstance(row[name], datetime) and row[name] >= past
            free = row["customer_id"] not in touched.values()
            if name != "customer_id" and row[name] is not None and not later and free:
                touched[name], row[name] = row["customer_id"], other(row[name])
                break
    return rows


def test_every_column_of_a_known_row_counts(lake: Lake) -> None:
    """A cell of another customer is changed in each column: these are computed anew, few beside."""
    day = date(2026, 2, 26)
    digests = lake.home / "digests.parquet"
    write_digests(lake, day, digests)
    seen = Snapshot(str(day), "", 0, {}, definitions(lake), {"path": digests.name, "sha256": ""})
    columns = 0
    for table, contract in CONTRACTS.items():
        if not lake.has(table):
            continue
        touched: dict[str, str] = {}
        untouched = lake.checked(table).read_bytes()
        change(lake, table, partial(mutate, contract.columns, touched))
        with open_base(lake, seen, day) as base:
            assert base is not None
            stale = set(base.stale.customer_id.to_pyarrow().to_pylist())
        assert touched, table
        assert set(touched.values()) <= stale, table
        assert len(stale) <= len(touched) + 2, table
        columns += len(touched)
        lake.checked(table).write_bytes(untouched)
    assert columns > 100


@pytest.mark.usefixtures("few_tags")
def test_a_table_that_comes_or_goes_is_a_full_rebuild(lake: Lake) -> None:
    write_snapshot(lake, [FIRST])
    lake.checked("quotes").unlink()
    (found,) = write_snapshot(lake, [FIRST + timedelta(1)])
    assert found.base is None


@pytest.mark.usefixtures("few_tags")
def test_other_definitions_are_a_full_rebuild(lake: Lake) -> None:
    write_snapshot(lake, [FIRST])
    (lake.home / "star.toml").write_text("break_months = 3\n")
    (found,) = write_snapshot(lake, [FIRST + timedelta(1)])
    assert found.base is None


@pytest.mark.usefixtures("few_tags")
def test_a_damaged_file_is_not_carried(lake: Lake) -> None:
    (first,) = write_snapshot(lake, [FIRST])
    damaged = lake.home / first.files["underwriting"]["path"]
    damaged.write_bytes(damaged.read_bytes()[:-1])
    with pytest.raises(GuanjiaError, match=r"has a file tags/underwriting/.* was changed since"):
        read_snapshot(lake, FIRST, verify=True)
    (found,) = write_snapshot(lake, [FIRST + timedelta(1)])
    assert found.base is None


@pytest.mark.usefixtures("few_tags")
def test_two_writers_at_once_are_refused(lake: Lake) -> None:
    with sole_writer(lake), pytest.raises(GuanjiaError, match="written by another process"):
        write_snapshot(lake, [FIRST])


FEW = ("underwriting", "engagement", "entitlements", "loyalty")
"""Groups that stand for all where files change places: one could not be mixed up with others."""
REWRITES = f"""
import os, signal, sys, time
from datetime import date
from features.lake.connection import Lake
from features.settings import load
from features.snapshots import compute, tag_queries
from features.tags.catalogue import groups
few = {{name: groups()[name] for name in {FEW}}}
compute.groups = tag_queries.groups = lambda: few
for seconds in sys.stdin:
    ready, begun = os.pipe()
    writer = os.fork()
    if writer == 0:
        lake = Lake(load())
        lake.engine
        os.write(begun, b".")
        compute.write_snapshot(lake, [date.fromisoformat('{FIRST}')], recompute_all=True)
        os._exit(0)
    os.close(begun)
    os.read(ready, 1)
    time.sleep(float(seconds))
    os.kill(writer, signal.SIGKILL)
    os.waitpid(writer, 0)
    os.close(ready)
    print("killed", flush=True)
"""
"""For each line, lets a process write the snapshot and kills it after so many seconds."""


def test_a_kill_at_any_moment_loses_nothing(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """kill -9 while the snapshot is replaced by another: the old one stays, or the new one is."""
    few = {name: groups()[name] for name in FEW}
    for module in ("compute", "tag_queries"):
        monkeypatch.setattr(f"features.snapshots.{module}.groups", lambda: few)
    (old,) = write_snapshot(lake, [FIRST])
    change(lake, "policies", dearer)
    wait = random.Random(3)
    outcomes: list[str] = []
    with subprocess.Popen(
        [sys.executable, "-c", REWRITES], env={**os.environ, "GUANJIA_HOME": str(lake.home)},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        for _ in range(5):
            print(wait.uniform(0.05, 2), file=process.stdin, flush=True)
            assert process.stdout.readline() == "killed\n"
            outcomes.append(read_snapshot(lake, FIRST, verify=True).snapshot_id)
        process.stdin.close()
    (new,) = write_snapshot(lake, [FIRST])
    assert set(outcomes) <= {old.snapshot_id, new.snapshot_id}
    assert new.snapshot_id == write_snapshot(lake, [FIRST], recompute_all=True)[0].snapshot_id
    changed = [name for name in FEW if old.files[name]["sha256"] != new.files[name]["sha256"]]
    assert len(changed) > 1, "a mixture of old and new files would be another snapshot"
    assert not list(lake.home.rglob("*.draft"))


@pytest.mark.usefixtures("few_tags")
@pytest.mark.parametrize("files_moved", [0, 1])
def test_a_crash_while_files_change_places_is_finished_by_the_next_reader(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, files_moved: int
) -> None:
    (old,) = write_snapshot(lake, [FIRST])
    change(lake, "policies", dearer)
    moved = 0
    replace = Path.replace

    def crash(self: Path, target: Any) -> Path:
        nonlocal moved
        if self.name.endswith(".draft"):
            if moved == files_moved:
                raise KeyboardInterrupt
            moved += 1
        return replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", crash)
        with pytest.raises(KeyboardInterrupt):
            write_snapshot(lake, [FIRST])
    found = read_snapshot(lake, FIRST, verify=True)
    assert found.snapshot_id != old.snapshot_id
    assert found.snapshot_id == write_snapshot(lake, [FIRST], recompute_all=True)[0].snapshot_id
