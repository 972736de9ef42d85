"""Membership, overlap and stability of segments, on a handful of customers and on many."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.checking.check import check_tables
from features.errors import GuanjiaError
from features.lake import Lake, sha256_of
from features.segments.segments import compare, measure, write_segments
from features.segments.settings import Segment, shipped_segments
from features.settings import Settings
from features.snapshots.compute import write_snapshot
from features.sources.simulation.simulate import simulate

Write = Callable[..., None]
MAY, JUNE = date(2026, 5, 31), date(2026, 6, 30)
WORDS = {"name": "X", "label": "某", "purpose": "p", "purpose_chinese": "某"}
RULES = {
    "older": "age_years >= 50",
    "younger": "not age_years >= 50",
    "starred": "star >= 3",
    "unknown": "age_years is null",
}


def declare(home: Path, rules: dict[str, str] = RULES) -> Lake:
    """A home whose segments are these alone."""
    parts = [f"{name} = false" for name in shipped_segments()]
    for name, rule in rules.items():
        parts += [f"[{name}]", *(f"{key} = {json.dumps(word)}" for key, word in WORDS.items())]
        parts += ['kind = "strategic"', 'dimensions = ["value"]', f"rule = {json.dumps(rule)}"]
    home.mkdir(parents=True, exist_ok=True)
    (home / "segments.toml").write_text("\n".join(parts), encoding="utf-8")
    return Lake(Settings(home=home))


@pytest.fixture
def lake(home: Path, snapshot: Write) -> Lake:
    """Four segments; five customers in May, of whom one is gone in June and one has come."""
    snapshot(
        home,
        MAY,
        {
            "C1": {"age_years": 49, "star_level": 3},
            "C2": {"age_years": 60, "star_level": 2},
            "C3": {"age_years": 70, "star_level": 5},
            "C4": {"age_years": None, "star_level": 4},
            "C6": {"age_years": 55, "star_level": 1},
        },
    )
    snapshot(home, JUNE, {
        "C1": {"age_years": 50, "star_level": 3},
        "C2": {"age_years": 60, "star_level": 3},
        "C3": {"age_years": 70, "star_level": 2},
        "C4": {"age_years": None, "star_level": None},
        "C5": {"age_years": 20, "star_level": 1},
    })  # fmt: skip
    return declare(home)


def test_a_customer_is_in_or_out_never_unknown(lake: Lake) -> None:
    done = write_segments(lake, JUNE)
    found = pq.read_table(done.path, partitioning=None)
    assert done.path == lake.home / "segments" / "as_of=2026-06-30.parquet"
    assert found.to_pydict() == {
        "customer_id": ["C1", "C2", "C3", "C4", "C5"],
        "older": [True, True, True, False, False],
        "younger": [False, False, False, False, True],
        "starred": [True, True, False, False, False],
        "unknown": [False, False, False, True, False],
    }
    assert found.schema.metadata[b"snapshot_id"] == b"snapshot of 2026-06-30"
    assert json.loads(found.schema.metadata[b"rules"]) == RULES


def test_sizes_and_overlap(lake: Lake) -> None:
    done = write_segments(lake, JUNE)
    assert [(one.segment, one.customers, one.share) for one in done.segments] == [
        ("older", 3, 0.6),
        ("younger", 1, 0.2),
        ("starred", 2, 0.4),
        ("unknown", 1, 0.2),
    ]
    overlap = {one.segment: one.also_in for one in done.segments}
    assert overlap["older"] == {"younger": 0, "starred": pytest.approx(2 / 3), "unknown": 0}
    assert overlap["starred"] == {"older": 1, "younger": 0, "unknown": 0}
    assert done.customers == 5
    assert (done.against, done.stability, done.warnings) == (None, [], [])


def test_what_became_of_a_segment(lake: Lake) -> None:
    # older in May: C2 C3 C6; in June: C1 C2 C3. starred in May: C1 C3 C4; in June: C1 C2.
    done = write_segments(lake, JUNE, MAY)
    found = {one.segment: one for one in done.stability}
    older, starred = found["older"], found["starred"]
    assert (older.before, older.after, older.stayed, older.entered, older.left) == (3, 3, 2, 1, 1)
    assert older.stayed_share == pytest.approx(2 / 3)
    assert (starred.before, starred.after, starred.stayed) == (3, 2, 1)
    assert (starred.entered, starred.left) == (1, 2)
    assert found["younger"].stayed_share == 0
    assert not (lake.home / "segments" / f"as_of={MAY}.parquet").exists()


def test_both_dates_are_seen_with_the_rules_of_now(lake: Lake) -> None:
    write_segments(lake, MAY)
    declare(lake.home, {"older": "age_years >= 65"})
    (older,) = write_segments(lake, JUNE, MAY).stability
    assert (older.before, older.stayed, older.entered) == (1, 1, 0)


def test_segments_that_tell_nobody_apart_are_warned_of(lake: Lake) -> None:
    rules = {
        "all": "age_years is null or not (age_years is null)",
        "nobody": "age_years > 99",
        "no_car": "vehicle_list_price > 0 and new_energy and age_years > 0",
        "some": "age_years > 55",
    }
    warnings = write_segments(declare(lake.home, rules), JUNE).warnings
    assert [warning.english for warning in warnings] == [
        "segment all holds everyone",
        "segment nobody holds nobody",
        "segment no_car holds nobody: nobody has the tag new_energy, vehicle_list_price",
    ]
    assert warnings[0].chinese.endswith("包含了所有客户")
    assert warnings[2].chinese.endswith("没有客户，因为没有人有“新能源车”“新车购置价”的数据")


def test_a_home_may_have_no_segment(lake: Lake) -> None:
    done = write_segments(declare(lake.home, {}), JUNE, MAY)
    assert (done.customers, done.segments, done.stability) == (5, [], [])
    assert pq.read_table(done.path, partitioning=None).column_names == ["customer_id"]


def test_a_snapshot_must_be_there_and_whole(lake: Lake) -> None:
    with pytest.raises(GuanjiaError, match=r"snapshot of 2026-04-30: is not there\. Run `guanjia"):
        write_segments(lake, JUNE, date(2026, 4, 30))
    path = lake.tags("loyalty") / f"as_of={JUNE}.parquet"
    path.write_bytes((lake.tags("loyalty") / f"as_of={MAY}.parquet").read_bytes())
    with pytest.raises(
        GuanjiaError, match="was changed since the snapshot of 2026-06-30 was written"
    ):
        write_segments(lake, JUNE)
    path.unlink()
    with pytest.raises(GuanjiaError, match="is missing from the snapshot of 2026-06-30"):
        write_segments(lake, JUNE)
    assert not list(lake.home.glob("segments/*"))


def test_a_snapshot_older_than_a_tag_is_to_be_written_anew(lake: Lake) -> None:
    path = lake.tags("underwriting") / f"as_of={JUNE}.parquet"
    pq.write_table(pq.read_table(path, partitioning=None).drop(["age_years"]), path)
    manifest = lake.home / "snapshots" / f"{JUNE}.json"
    described = json.loads(manifest.read_text())
    described["files"]["underwriting"]["sha256"] = sha256_of(path)
    manifest.write_text(json.dumps(described))
    with pytest.raises(GuanjiaError, match=r"snapshot of 2026-06-30: lacks tag age_years\. Run"):
        write_segments(lake, JUNE)


def test_a_crash_leaves_the_old_file_and_a_run_again_the_same(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_segments(lake, JUNE).path
    before = path.read_bytes()
    assert write_segments(lake, JUNE).path.read_bytes() == before
    declare(lake.home, {"older": "age_years >= 65"})

    def crash(*_: Any, **__: Any) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("features.segments.segments.pq.write_table", crash)
    with pytest.raises(OSError, match="no space left"):
        write_segments(lake, JUNE)
    assert path.read_bytes() == before
    assert [found.name for found in path.parent.iterdir()] == [path.name]


People = st.dictionaries(
    st.sampled_from([f"C{number}" for number in range(12)]), st.tuples(st.booleans(), st.booleans())
)


def table_of(people: dict[str, tuple[bool, bool]]) -> pa.Table:
    rows = [{"customer_id": name, "a": a, "b": b} for name, (a, b) in sorted(people.items())]
    schema = [("customer_id", pa.string()), ("a", pa.bool_()), ("b", pa.bool_())]
    return pa.Table.from_pylist(rows, schema=pa.schema(schema))


@settings(max_examples=100, deadline=None)
@given(People, People)
def test_measures_are_those_of_sets(before: Any, after: Any) -> None:
    segment = Segment(kind="strategic", dimensions=("value",), rule="true", **WORDS)
    sizes = measure(table_of(after), {"a": segment, "b": segment})
    for place, (size, steady) in enumerate(
        zip(sizes, compare(table_of(before), table_of(after)), strict=True)
    ):
        was = {name for name, flags in before.items() if flags[place]}
        now = {name for name, flags in after.items() if flags[place]}
        other = {name for name, flags in after.items() if flags[1 - place]}
        assert size.customers == steady.after == len(now)
        assert size.share == (len(now) / len(after) if after else None)
        assert list(size.also_in.values()) == ([len(now & other) / len(now)] if now else [])
        assert (steady.before, steady.stayed) == (len(was), len(was & now))
        assert (steady.entered, steady.left) == (len(now - was), len(was - now))
        assert steady.stayed_share == (len(was & now) / len(was) if was else None)


@pytest.fixture(scope="module")
def insurer(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """400 simulated customers with the tags of two dates."""
    found = Lake(Settings(home=tmp_path_factory.mktemp("insurer")))
    simulate(found, 400, 3)
    check_tables(found)
    write_snapshot(found, [MAY, JUNE])
    return found


def test_every_shipped_segment_tells_customers_apart(insurer: Lake) -> None:
    done = write_segments(insurer, JUNE, MAY)
    sizes = {one.segment: one.customers for one in done.segments}
    # Few customers are between a quote and its delivery on any one day.
    assert {name for name, size in sizes.items() if size == 0} <= {"quote_not_delivered"}
    assert max(sizes.values()) < 0.6 * done.customers
    months = {one.segment: one.stayed_share for one in done.stability}
    assert months["loyal"] > 0.9 > months["quote_viewed_not_signed"]


def test_the_command_shows_sizes_and_what_moved(
    insurer: Lake, run: Callable[..., "CompletedProcess[str]"]
) -> None:
    words = ("segments", "--as-of", str(JUNE), "--against", str(MAY))
    shown = run(insurer.home, *words)
    assert shown.returncode == 0, shown.stderr
    assert "中老年富裕客户" in shown.stdout
    found = json.loads(run(insurer.home, *words, "--json").stdout)
    assert found["customers"] == 400
    assert len(found["segments"]) == len(found["stability"]) > 20
    fault = run(insurer.home, "segments", "--as-of", "2026-04-30")
    assert fault.returncode == 2
    assert fault.stderr.endswith("Run `guanjia tags --as-of 2026-04-30`.\n")
