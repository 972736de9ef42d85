"""Snapshots compared: planted faults are found and named, and a quiet month raises nothing."""

import hashlib
import json
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from features.checking.check import check_tables
from features.errors import GuanjiaError
from features.lake import Lake
from features.quality.assess import Quality, assess
from features.quality.files import as_json, write_quality
from features.settings import Settings
from features.snapshots.compute import write_snapshot
from features.sources.simulation.simulate import simulate
from features.tags.catalogue import catalogue

APRIL, MAY, JUNE = date(2026, 4, 30), date(2026, 5, 31), date(2026, 6, 30)
CUSTOMERS = 2000
Change = Callable[[pa.Table], pa.Table]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Three month ends of a simulated insurer; tests change nothing."""
    found = Lake(Settings(home=tmp_path_factory.mktemp("insurer")))
    simulate(found, CUSTOMERS, 3)
    check_tables(found)
    write_snapshot(found, [APRIL, MAY, JUNE])
    return found


@pytest.fixture
def spoilt(lake: Lake, tmp_path: Path) -> Callable[..., Lake]:
    """A copy with one tag group, whose last file is changed."""

    def run(tag: str, change: Change) -> Lake:
        copy = Lake(Settings(home=tmp_path / "spoilt"))
        group = catalogue()[tag].group
        shutil.copytree(lake.home / "snapshots", copy.home / "snapshots")
        shutil.copytree(lake.tags(group), copy.tags(group))
        path = copy.tags(group) / f"as_of={JUNE}.parquet"
        pq.write_table(change(pq.read_table(path, partitioning=None)), path)
        for manifest in (copy.home / "snapshots").glob("[!.]*.json"):
            bound = json.loads(manifest.read_text())
            entry = bound["files"][group]
            digest = hashlib.sha256((copy.home / entry["path"]).read_bytes()).hexdigest()
            bound["files"] = {group: entry | {"sha256": digest}}
            manifest.write_text(json.dumps(bound))
        return copy

    return run


def altered(tag: str, change: Callable[[pa.ChunkedArray], pa.ChunkedArray]) -> Change:
    def run(rows: pa.Table) -> pa.Table:
        place = rows.schema.get_field_index(tag)
        return rows.set_column(place, rows.schema.field(tag), change(rows[tag]))

    return run


def broken(found: Quality) -> dict[str, set[str]]:
    """The kinds of bounds that each tag breaks."""
    kinds: dict[str, set[str]] = {}
    for finding in found.broken:
        kinds.setdefault(finding.subject, set()).add(finding.kind)
    return kinds


@pytest.mark.parametrize(("on", "against"), [(JUNE, MAY), (MAY, APRIL), (JUNE, APRIL)])
def test_a_quiet_month_breaks_nothing(lake: Lake, on: date, against: date) -> None:
    found = assess(lake, on, against)
    assert found.broken == []
    assert len(found.tags) == len(catalogue())
    assert max(one.comparison.drift or 0 for one in found.tags) < 0.2


def test_the_last_snapshot_before_is_the_reference(lake: Lake) -> None:
    assert assess(lake, JUNE).against == MAY
    first = assess(lake, APRIL)
    assert (first.against, first.days, first.customers_before) == (None, None, None)
    assert {one.comparison.drift for one in first.tags} == {None}
    assert first.broken == []


def test_a_third_of_nulls_breaks_the_bound_of_nulls(spoilt: Callable[..., Lake]) -> None:
    def lose(values: pa.ChunkedArray) -> pa.ChunkedArray:
        kept = pa.array([i % 10 >= 3 for i in range(len(values))])
        return pc.if_else(kept, values.combine_chunks(), None)

    found = assess(spoilt("channel", altered("channel", lose)), JUNE)
    assert broken(found) == {"channel": {"null_change", "drift"}}
    (said,) = [one.sentence for one in found.broken if one.kind == "null_change"]
    assert "became 30." in said
    assert "(bound 5.0%)" in said


def test_a_tag_in_another_unit_breaks_scale_and_drift(spoilt: Callable[..., Lake]) -> None:
    lake = spoilt("claims_paid_36m", altered("claims_paid_36m", lambda v: pc.multiply(v, 1000.0)))
    assert broken(assess(lake, JUNE)) == {"claims_paid_36m": {"scale", "drift"}}


def test_another_unit_of_a_tag_that_is_mostly_zero(spoilt: Callable[..., Lake]) -> None:
    """The index hardly moves where one customer in ten has a value: the scale tells."""
    tag = "entitlement_cost_365d"
    lake = spoilt(tag, altered(tag, lambda v: pc.divide(v, 100.0)))
    assert "scale" in broken(assess(lake, JUNE))[tag]


def test_a_category_by_another_name(spoilt: Callable[..., Lake]) -> None:
    def rename(values: pa.ChunkedArray) -> pa.ChunkedArray:
        return pc.if_else(pc.equal(values, "telephone"), "TEL", values)

    found = assess(spoilt("channel", altered("channel", rename)), JUNE)
    assert broken(found) == {"channel": {"category_new", "category_gone", "drift"}}
    said = " ".join(one.sentence for one in found.broken)
    assert "had the value telephone, none has now" in said
    assert "have the new value TEL" in said


def test_values_out_of_range(spoilt: Callable[..., Lake]) -> None:
    def one_at(value: int) -> Callable[[pa.ChunkedArray], pa.ChunkedArray]:
        return lambda v: pa.chunked_array([pa.array([value, *v.to_pylist()[1:]], v.type)])

    lake = spoilt("age_years", altered("age_years", one_at(7)))
    (found,) = assess(lake, JUNE).broken
    assert (found.subject, found.sentence) == ("age_years", "a value 7 is below 16")
    assert found.chinese == "最小值 7 低于 16"


def test_a_tag_that_is_never_null_is_null(spoilt: Callable[..., Lake]) -> None:
    tag = "claim_count_ever"
    lake = spoilt(tag, altered(tag, lambda v: pc.if_else(pc.equal(v, 4), None, v)))
    assert "null_share" in broken(assess(lake, JUNE))[tag]


def test_a_tag_whose_table_is_absent_is_null_for_everyone(spoilt: Callable[..., Lake]) -> None:
    """Never null means: where there are rows to count. That it became so is a change."""
    tag = "claim_count_ever"
    lake = spoilt(tag, altered(tag, lambda v: pa.nulls(len(v), v.type)))
    assert broken(assess(lake, JUNE)) == {tag: {"null_change", "drift"}}
    for manifest in (lake.home / "snapshots").glob("[!.]*.json"):
        if manifest.stem != str(JUNE):
            manifest.unlink()
    assert broken(assess(lake, JUNE)) == {}


def test_lost_customers_break_the_bound_of_rows(spoilt: Callable[..., Lake]) -> None:
    lake = spoilt("channel", lambda rows: rows)
    manifest = lake.home / "snapshots" / f"{JUNE}.json"
    bound = json.loads(manifest.read_text()) | {"customers": CUSTOMERS - 200}
    manifest.write_text(json.dumps(bound))
    (found,) = assess(lake, JUNE).broken
    assert "customers became 1,800 (bound -1.0%)" in found.sentence


def test_a_tag_comes_and_a_tag_goes(spoilt: Callable[..., Lake]) -> None:
    found = assess(spoilt("channel", lambda rows: rows.drop_columns(["channel"])), JUNE)
    assert found.broken == []
    assert [one.sentence for one in found.findings if one.kind == "tag_gone"] == [
        "1 tags of the reference are gone: channel"
    ]
    assert "channel" not in {one.tag.name for one in found.tags}


def test_rows_in_quarantine_are_counted(lake: Lake, spoilt: Callable[..., Lake]) -> None:
    copy = spoilt("channel", lambda rows: rows)
    for folder in ("checked", "quarantine"):
        shutil.copytree(lake.home / folder, copy.home / folder)
    claims = pq.read_metadata(lake.checked("claims")).num_rows
    reasons = [["too late"], ["too late", "no policy"]] * claims
    pq.write_table(pa.table({"claim_id": ["x"] * 2 * claims, "reasons": reasons}),
                   copy.quarantine("claims"))  # fmt: skip
    found = assess(copy, JUNE)
    table = next(one for one in found.tables if one.table == "claims")
    assert (table.good, table.bad) == (claims, 2 * claims)
    assert table.reasons == {"too late": 2 * claims, "no policy": claims}
    (one,) = found.broken
    said = "66.7% of the rows are in quarantine, most because too late (bound 2.0%)"
    assert (one.subject, one.sentence) == ("claims", said)


def test_the_report_is_written_whole_and_the_same_each_time(lake: Lake) -> None:
    found = assess(lake, JUNE, MAY)
    paths = write_quality(lake, found)
    first = [path.read_bytes() for path in paths]
    assert [path.name for path in paths] == [f"as_of={JUNE}.json", f"as_of={JUNE}.parquet"]
    assert [path.read_bytes() for path in write_quality(lake, assess(lake, JUNE, MAY))] == first
    assert json.loads(first[0]) == json.loads(json.dumps(as_json(found)))
    rows = pq.read_table(paths[1]).to_pylist()
    assert [row["tag"] for row in rows] == list(catalogue())
    age = next(row for row in rows if row["tag"] == "age_years")
    assert age["null_share"] == age["nulls"] / CUSTOMERS
    assert age["minimum"] <= age["p01"] <= age["p50"] <= age["p99"] <= age["maximum"]


def test_against_training_is_the_last_date_learned_from(spoilt: Callable[..., Lake]) -> None:
    lake = spoilt("channel", lambda rows: rows)
    with pytest.raises(GuanjiaError, match=r"training history.*guanjia train"):
        assess(lake, JUNE, "training")
    days = pa.table({"as_of": pa.array([date(2025, 1, 1), APRIL], pa.date32())})
    pq.write_table(days, lake.tags("underwriting") / "history-training.parquet")
    assert assess(lake, JUNE, "training").against == APRIL


def test_what_cannot_be_compared_is_refused(lake: Lake, spoilt: Callable[..., Lake]) -> None:
    with pytest.raises(GuanjiaError, match=r"snapshot of 2026-06-29.*not there.*2026-06-29"):
        assess(lake, date(2026, 6, 29))
    with pytest.raises(GuanjiaError, match="reference 2026-06-30: is not before 2026-06-30"):
        assess(lake, JUNE, JUNE)
    torn = spoilt("channel", lambda rows: rows)
    path = torn.tags("underwriting") / f"as_of={JUNE}.parquet"
    pq.write_table(pq.read_table(path, partitioning=None).slice(1), path)
    with pytest.raises(GuanjiaError, match=r"has a file tags/underwriting/.* was changed since"):
        assess(torn, JUNE)
