"""Snapshots and histories: what is written, in which order, and that it is the same each time."""

import hashlib
import json
import random
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from features.checking.check import check_tables
from features.contracts.tables import CONTRACTS
from features.errors import GuanjiaError
from features.lake import Lake
from features.lake.spine import spine_of, spine_of_customers
from features.settings import Settings, cutoff
from features.snapshots import compute
from features.snapshots.compute import compute_group, write_history, write_snapshot
from features.snapshots.definitions import source_files
from features.snapshots.group_files import (
    group_file,
    not_computed,
    require_computed,
    tag_schema,
)
from features.snapshots.snapshots import Snapshot, read_snapshot
from features.sources.simulation.simulate import simulate
from features.tags.catalogue import groups, with_sources

DAYS = [date(2024, 2, 29), date(2025, 7, 1), date(2026, 6, 30)]
NAMES = list(groups())


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """The checked tables of 60 simulated customers; tests add tags and change no table.

    Its snapshots are made by two threads, those of the copies by one.
    """
    found = Lake(Settings(home=tmp_path_factory.mktemp("lake"), threads=2))
    simulate(found, 60, 11)
    check_tables(found)
    return found


@pytest.fixture(scope="module")
def written(lake: Lake) -> list[Snapshot]:
    """Snapshots of all tags on three dates, computed in one pass."""
    return write_snapshot(lake, DAYS, recompute_all=True)


def copy_of(lake: Lake, home: Path, change: Any = lambda table: table) -> Lake:
    """The same checked tables in another home, each passed through `change`."""
    found = Lake(Settings(home=home))
    for name in CONTRACTS:
        if lake.has(name):
            path = found.checked(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(change(pq.read_table(lake.checked(name))), path)
    return found


def hashes(lake: Lake, days: list[date]) -> list[str]:
    return ids(write_snapshot(lake, days))


def ids(snapshots: list[Snapshot]) -> list[str]:
    return [snapshot.snapshot_id for snapshot in snapshots]


def test_a_snapshot_is_what_its_manifest_says(lake: Lake, written: list[Snapshot]) -> None:
    snapshot = written[2]
    manifest = json.loads((lake.home / "snapshots" / "2026-06-30.json").read_text())
    assert list(manifest)[:5] == ["as_of", "snapshot_id", "customers", "files", "definitions"]
    assert manifest["snapshot_id"] == snapshot.snapshot_id
    assert list(manifest["files"]) == NAMES
    for group, entry in manifest["files"].items():
        path = lake.home / entry["path"]
        assert path == lake.tags(group) / "as_of=2026-06-30.parquet"
        assert hashlib.sha256(path.read_bytes()).hexdigest() == entry["sha256"]
        rows = pq.read_table(path, partitioning=None)
        assert rows.schema.remove_metadata() == tag_schema(group)
        assert rows.num_rows == manifest["customers"] == 60
        customers = rows["customer_id"].to_pylist()
        assert customers == sorted(set(customers))
        end = datetime(2026, 6, 30, 16, tzinfo=UTC)
        assert set(rows["event_timestamp"].to_pylist()) == {end}
        assert rows["created_timestamp"] == rows["event_timestamp"]


def test_most_tags_of_the_simulation_say_something(lake: Lake, written: list[Snapshot]) -> None:
    mute: set[str] = set()
    for entry in written[2].files.values():
        rows = pq.read_table(lake.home / entry["path"], partitioning=None)
        mute |= {n for n in rows.column_names if rows[n].null_count == rows.num_rows}
    assert len(mute) <= 20, mute


def test_recomputing_is_bit_identical(lake: Lake, written: list[Snapshot], tmp_path: Path) -> None:
    """Carried forward from itself, and computed again in another home."""
    assert hashes(lake, DAYS) == ids(written)
    assert hashes(copy_of(lake, tmp_path), DAYS) == ids(written)


def test_several_dates_in_one_pass_equal_each_alone(lake: Lake, written: list[Snapshot]) -> None:
    for day, together in zip(DAYS, written, strict=True):
        (alone,) = write_snapshot(lake, [day], recompute_all=True)
        assert alone.base is None
        assert alone.snapshot_id == together.snapshot_id


def test_portions_of_customers_make_the_same_snapshots(
    lake: Lake, written: list[Snapshot], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # 60 customers on three dates: two portions.
    monkeypatch.setattr(compute, "PORTION", 100)
    parts = copy_of(lake, tmp_path)
    assert hashes(parts, DAYS) == ids(written)
    # What is read afterwards is the whole table again.
    assert parts.table("customers").count().to_pyarrow().as_py() == 60


@pytest.mark.usefixtures("few_tags")
@pytest.mark.parametrize(("portion", "parts"), [(1, 3), (2, 2), (3, 1)])
def test_a_portion_of_a_single_customer_and_one_of_all(
    lake: Lake,
    written: list[Snapshot],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    portion: int,
    parts: int,
) -> None:
    def three(rows: pa.Table) -> pa.Table:
        return rows.filter(pc.is_in(rows["customer_id"], pa.array(customers)))

    (group,) = compute.groups()
    whole = pq.read_table(lake.home / written[2].files[group]["path"], partitioning=None)
    customers = whole["customer_id"].to_pylist()[:3]
    other = copy_of(lake, tmp_path, three)
    monkeypatch.setattr(compute, "PORTION", portion)
    assert len(compute._portions(other, 1)) == parts
    (found,) = write_snapshot(other, [DAYS[2]])
    rows = pq.read_table(other.home / found.files[group]["path"], partitioning=None)
    assert rows.equals(three(whole))


def test_a_snapshot_carried_in_portions_is_the_same(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    day, later = date(2026, 6, 10), date(2026, 6, 12)
    whole = hashes(copy_of(lake, tmp_path / "whole"), [later])
    parts = copy_of(lake, tmp_path / "parts")
    write_snapshot(parts, [day])
    monkeypatch.setattr(compute, "PORTION", 20)
    (carried,) = write_snapshot(parts, [later])
    assert carried.base == "2026-06-10"
    assert [carried.snapshot_id] == whole


def test_row_order_is_irrelevant(lake: Lake, written: list[Snapshot], tmp_path: Path) -> None:
    def shuffle(table: pa.Table) -> pa.Table:
        order = list(range(table.num_rows))
        random.Random(5).shuffle(order)
        return table.take(order)

    assert hashes(copy_of(lake, tmp_path, shuffle), DAYS) == ids(written)


def test_history_equals_the_snapshots(lake: Lake, written: list[Snapshot]) -> None:
    spine = spine_of_customers(lake, DAYS)
    paths = write_history(lake, spine_of(spine.pairs.union(spine.pairs)), "test")
    assert paths == [lake.tags(name) / "history-test.parquet" for name in NAMES]
    for name, path in zip(NAMES, paths, strict=True):
        parts = [
            pq.read_table(lake.home / snapshot.files[name]["path"], partitioning=None)
            for snapshot in written
        ]
        order = [("customer_id", "ascending"), ("as_of", "ascending")]
        assert pq.read_table(path).equals(pa.concat_tables(parts).sort_by(order))


def test_one_group_alone_equals_the_snapshot(lake: Lake, written: list[Snapshot]) -> None:
    spine = spine_of_customers(lake, [DAYS[1]])
    for name in NAMES:
        alone = compute_group(lake, spine, name)
        path = lake.home / written[1].files[name]["path"]
        assert alone.equals(pq.read_table(path, partitioning=None))


def test_customers_are_on_the_spine_from_the_date_they_are_known(lake: Lake) -> None:
    first, last = (
        lake.engine.execute(spine_of_customers(lake, [day]).pairs.count())
        for day in (date(2018, 1, 1), DAYS[2])
    )
    assert (first, last) == (0, 60)


def test_a_customer_of_whom_nothing_is_known_has_zero_counts(lake: Lake) -> None:
    day = DAYS[2]
    spine = pa.table(
        {
            "customer_id": ["nobody"],
            "as_of": pa.array([day], pa.date32()),
            "cutoff": pa.array([cutoff(day, "Asia/Shanghai")], pa.timestamp("us", "UTC")),
        }
    )
    counts = {}
    for name in NAMES:
        (row,) = compute_group(lake, spine_of(ibis.memtable(spine)), name).to_pylist()
        tags = groups()[name].tags.values()
        counts |= {tag.name: row[tag.name] for tag in tags if tag.empty is not None}
    assert len(counts) > 100
    assert {name: count for name, count in counts.items() if count != 0} == {}


@pytest.mark.usefixtures("few_tags")
def test_a_crash_leaves_the_old_snapshot(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake, day = copy_of(lake, tmp_path), DAYS[0]
    write_snapshot(lake, [day])
    manifest = lake.home / "snapshots" / f"{day}.json"
    before = manifest.read_bytes()

    def crash(*_: Any) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr("features.snapshots.snapshots.sha256_of", crash)
        with pytest.raises(OSError, match="no space left"):
            write_snapshot(lake, [day])
    assert manifest.read_bytes() == before
    old = read_snapshot(lake, day, verify=True)
    (new,) = write_snapshot(lake, [day])
    assert (new.snapshot_id, new.recomputed) == (old.snapshot_id, 0)
    assert not list(lake.home.rglob(".as_of*"))


def test_errors_name_the_cure(lake: Lake) -> None:
    with pytest.raises(GuanjiaError, match="Name at least one date"):
        write_snapshot(lake, [])
    with pytest.raises(GuanjiaError, match=r"tag group magic: is not declared\. Did you mean"):
        compute_group(lake, spine_of_customers(lake, DAYS), "magic")


def test_rows_that_wait_for_their_file_hold_on_to_no_batch(tmp_path: Path) -> None:
    # An engine's batch of ten rows may have room for a hundred thousand in it: twenty columns here.
    schema = tag_schema("loyalty")
    room = pa.Table.from_pylist([{}] * 100_000, schema=schema).combine_chunks()
    before = pa.total_allocated_bytes() - room.nbytes
    with group_file(tmp_path / "loyalty.parquet", "loyalty") as file:
        file.write(room.slice(0, 10).to_batches())
        size = room.nbytes
        del room
        assert pa.total_allocated_bytes() - before < size / 10
    assert pq.ParquetFile(tmp_path / "loyalty.parquet").metadata.num_rows == 10


def test_every_source_of_the_definitions_is_there(tmp_path: Path) -> None:
    (tmp_path / "star_value.py").touch()
    assert source_files(tmp_path, ["star*.py"]) == [tmp_path / "star_value.py"]
    with pytest.raises(LookupError, match=r"no file matches 'tags/\*\.py'.*was it moved"):
        source_files(tmp_path, ["star*.py", "tags/*.py"])


def test_a_history_of_some_tags_has_them_as_the_whole_one_and_says_what_it_lacks(
    lake: Lake,
) -> None:
    # A ratio of two aggregates, one of them of no interest itself; and a tag of another group.
    wanted = ["claims_ratio_36m", "star_level"]
    spine = spine_of(spine_of_customers(lake, DAYS).pairs)
    whole = {path.parent.name: pq.read_table(path) for path in write_history(lake, spine, "test")}
    for path in write_history(lake, spine, "test", tags=wanted):
        some, name = pq.read_table(path), path.parent.name
        assert some.schema.equals(tag_schema(name))
        assert not_computed(path) == groups()[name].tags.keys() - set(wanted)
        for column in some.column_names:
            if column in not_computed(path):
                assert some[column].null_count == some.num_rows
            else:
                assert some[column].equals(whole[name][column])
    assert whole["claims"]["claims_ratio_36m"].null_count < whole["claims"].num_rows
    require_computed(lake, wanted)
    with pytest.raises(GuanjiaError, match="without claim_count_36m"):
        require_computed(lake, ["claims_ratio_36m", "claim_count_36m"])
    write_history(lake, spine, "test")
    require_computed(lake, ["claim_count_36m"])


def test_what_a_tag_is_made_of_is_found_in_its_expression() -> None:
    made_of = {
        name: [tag.name for tag in tags]
        for name, tags in with_sources(["claims_ratio_36m"]).items()
    }
    assert made_of["claims"] == ["claims_incurred_36m", "motor_premium_36m", "claims_ratio_36m"]
    assert all(not tags for name, tags in made_of.items() if name != "claims")
