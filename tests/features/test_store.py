"""Feast for real, on SQLite and snapshots of a few rows."""

import json
import os
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import ibis
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.errors import GuanjiaError
from features.lake import Lake
from features.online import feast_client, feast_home, views
from features.online.model_tags import TagSet
from features.online.reader import _Selection, read_tags
from features.online.rows import StoredRow
from features.online.views import customer, feature_services, feature_views
from features.settings import Settings, cutoff
from features.snapshots.group_files import NOT_COMPUTED
from features.snapshots.snapshots import Drafts
from features.tags import catalogue
from features.tags.declare import TagGroup
from training.fitting import shared_tags
from training.fitting.shared_tags import SharedTags

JUNE, MAY = date(2026, 6, 30), date(2026, 5, 31)
NOW = datetime(2026, 7, 1, tzinfo=UTC)
ROOT = Path(__file__).resolve().parents[2]
TAGS = ("channel", "claim_count_36m", "lapsed", "premium")
COLUMNS = pa.schema(
    [
        ("customer_id", pa.string()),
        ("event_timestamp", pa.timestamp("us", "UTC")),
        ("created_timestamp", pa.timestamp("us", "UTC")),
        ("claim_count_36m", pa.int64()),
        ("premium", pa.float64()),
        ("channel", pa.string()),
        ("gender", pa.string()),
        ("lapsed", pa.bool_()),
    ]
)


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    group = TagGroup("tiny", "小组")
    types = {"int64": "claim_count_36m", "float64": "premium", "boolean": "lapsed"}
    for type_, name in [*types.items(), ("string", "channel"), ("string", "gender")]:

        def tag(rows: object) -> object:
            """A tag of the test."""
            return rows

        tag.__name__ = name
        group.tag(name, unit="one", type=type_)(tag)  # type: ignore[arg-type]
    monkeypatch.setattr(catalogue, "groups", lambda: {"tiny": group})
    monkeypatch.setattr(catalogue, "catalogue", lambda: group.tags)
    monkeypatch.setattr(views, "SHARED_SETS", (TagSet("churn", TAGS),))
    return Lake(Settings(home=tmp_path))


def write(path: Path, rows: list[tuple[object, ...]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = dict(zip(COLUMNS.names, zip(*rows, strict=True), strict=True))
    pq.write_table(pa.table(columns, COLUMNS), path)


def at(day: date) -> datetime:
    return cutoff(day, "Asia/Shanghai")


def snapshot(lake: Lake, day: date, claims: int) -> None:
    when, drafts = at(day), Drafts(lake, day)
    rows = [
        ("C1", when, when, claims, 2779.5, "agent", "f", False),
        ("C2", when, when, None, None, None, None, None),
    ]
    write(drafts.group("tiny"), rows)
    drafts.publish(len(rows))


def test_the_offline_row_is_the_online_row(lake: Lake) -> None:
    snapshot(lake, JUNE, 2)
    told: list[tuple[str, int, int | None]] = []
    result = feast_client.materialize(lake, JUNE, lambda *step: told.append(step), now=NOW)
    assert result.rows == {"tiny": 2}
    assert told[-1] == ("materialize", 2, 2)
    ids = ["C2", "C1"]
    frame = pd.DataFrame({"customer_id": ids, "event_timestamp": [at(JUNE)] * 2}, index=[7, 3])
    offline = feast_client.history(lake, frame, TAGS)
    assert list(offline.index) == [7, 3]
    tags = ["channel", "claim_count_36m", "lapsed", "premium"]
    rows = read_tags(lake, ids, TAGS)
    for (_, old), new in zip(offline.iterrows(), rows, strict=True):
        assert new["known"]
        assert new["customer_id"] == old["customer_id"]
        assert (new["freshness"], new["as_of"]) == (at(JUNE), JUNE)
        assert [None if pd.isna(old[tag]) else old[tag] for tag in tags] == [new[t] for t in tags]
    assert [rows[1][tag] for tag in tags] == ["agent", 2, False, 2779.5]


def test_feast_tells_what_a_tag_is_in_both_languages(tmp_path: Path) -> None:
    (view,) = views.feature_views(tmp_path, {"claims": catalogue.groups()["claims"]})
    (field,) = (field for field in view.features if field.name == "claim_count_30d")
    assert field.description == "Number of claims that occurred within 30 days."
    assert field.tags["unit"] == "claims"
    assert field.tags["chinese_definition"] == "近30天内发生的出险次数。"
    assert (field.tags["chinese_unit"], field.tags["chinese_null"]) == ("次", "不为空")


def test_feast_is_opened_only_where_its_registry_is_another(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot(lake, JUNE, 2)
    registry = lake.home / "feast" / "registry.db"
    applied: list[Lake] = []
    written: list[bytes] = []
    apply = feast_client.apply

    def counted(home: Lake) -> None:
        applied.append(home)
        apply(home)
        written.append(registry.read_bytes())

    monkeypatch.setattr(feast_client, "apply", counted)
    for times, change in (
        (1, None),
        (1, None),
        (2, registry.unlink),
        (3, lambda: registry.write_bytes(written[0])),  # as somebody's `feast apply` left it
        (3, None),
        (3, (lake.home / "feast" / "online.db").unlink),
        (4, lambda: catalogue.groups()["tiny"].tags.pop("gender")),
    ):
        if change is not None:
            feast_client.forget(lake)
            change()
        feast_client.materialize(lake, JUNE, now=NOW)
        assert len(applied) == times
        assert read_tags(lake, ["C1"], ["premium"])[0]["premium"] == 2779.5


def test_tags_can_be_asked_for_by_name(lake: Lake) -> None:
    snapshot(lake, JUNE, 2)
    feast_client.materialize(lake, JUNE, now=NOW)
    assert read_tags(lake, ["C1"], ["gender", "premium"]) == [
        {
            "customer_id": "C1",
            "known": True,
            "freshness": at(JUNE),
            "as_of": JUNE,
            "whole": True,
            "newer": {},
            "gender": "f",
            "premium": 2779.5,
        }
    ]
    with pytest.raises(GuanjiaError, match=r"tag premum: is not declared.*premium"):
        read_tags(lake, ["C1"], ["premum"])


def test_feasts_own_api_gives_the_same_values(lake: Lake) -> None:
    snapshot(lake, JUNE, 2)
    feast_client.materialize(lake, JUNE, now=NOW)
    ids = ["C2", "nobody", "C1"]
    tags = ["channel", "claim_count_36m", "lapsed", "premium", "gender"]
    opened = feast_client._store(lake)
    answer = opened.get_online_features([f"tiny:{tag}" for tag in tags], {"customer_id": ids})
    theirs = answer.to_dict()
    ours = read_tags(lake, ids, tags)
    for tag in tags:
        values = [row[tag] for row in ours]
        assert values == theirs[tag]
        assert [type(one) for one in values] == [type(one) for one in theirs[tag]]


def test_an_unknown_customer_is_flagged(lake: Lake) -> None:
    snapshot(lake, JUNE, 2)
    feast_client.materialize(lake, JUNE, now=NOW)
    row = read_tags(lake, ["C1", "nobody"], TAGS)[1]
    assert (row.pop("customer_id"), row.pop("known"), row.pop("newer")) == ("nobody", False, {})
    assert row.pop("whole") is False
    assert set(row.values()) == {None}


def test_history_ignores_what_was_recorded_later(lake: Lake) -> None:
    may, june = at(MAY), at(JUNE)
    write(lake.tags("tiny") / "history-a.parquet", [("C1", may, may, 1, 1.0, "agent", "f", False)])
    august = datetime(2026, 8, 1, tzinfo=UTC)
    row = ("C1", june, august, 9, 9.0, "x", "f", True)
    write(lake.tags("tiny") / "history-b.parquet", [row])
    frame = pd.DataFrame({"customer_id": ["C1"], "event_timestamp": [june], "label": [1]})
    found = feast_client.history(lake, frame, TAGS).iloc[0]
    assert (found["claim_count_36m"], found["label"]) == (1, 1)


def test_history_does_not_read_a_draft(lake: Lake) -> None:
    snapshot(lake, JUNE, 2)
    (lake.tags("tiny") / ".as_of=2026-06-30.parquet.x.parquet").write_bytes(b"half")
    frame = pd.DataFrame({"customer_id": ["C1"], "event_timestamp": [at(JUNE)]})
    assert feast_client.history(lake, frame, TAGS)["claim_count_36m"].tolist() == [2]


def test_an_older_snapshot_does_not_overwrite_a_newer_one(lake: Lake) -> None:
    snapshot(lake, MAY, 1)
    snapshot(lake, JUNE, 2)
    for day in (MAY, JUNE, MAY):
        feast_client.materialize(lake, day, now=NOW)
    row = read_tags(lake, ["C1"], TAGS)[0]
    assert (row["claim_count_36m"], row["freshness"]) == (2, at(JUNE))


def test_a_corrected_snapshot_of_the_same_date_does(lake: Lake) -> None:
    for claims in (2, 3):
        snapshot(lake, JUNE, claims)
        feast_client.materialize(lake, JUNE, now=NOW)
    assert read_tags(lake, ["C1"], TAGS)[0]["claim_count_36m"] == 3


def test_errors_name_thing_fault_and_cure(lake: Lake) -> None:
    with pytest.raises(GuanjiaError, match=r"snapshot of 2026-06-30: is not .*Run `guanjia tags"):
        feast_client.materialize(lake, JUNE, now=NOW)
    Drafts(lake, JUNE).publish(0)
    with pytest.raises(GuanjiaError, match=r"snapshot of 2026-06-30: has no tags of tiny"):
        feast_client.materialize(lake, JUNE, now=NOW)
    snapshot(lake, JUNE, 1)
    damaged = lake.tags("tiny") / f"as_of={JUNE}.parquet"
    damaged.write_bytes(damaged.read_bytes()[:-1])
    with pytest.raises(GuanjiaError, match=r"snapshot of 2026-06-30: has a file tags/tiny/"):
        feast_client.materialize(lake, JUNE, now=NOW)
    with pytest.raises(GuanjiaError, match=r"tag premum: is not known. Did you mean premium"):
        feast_client.history(lake, pd.DataFrame(), ["premum"])
    with pytest.raises(GuanjiaError, match="the online store: is empty"):
        read_tags(lake, ["C1"], TAGS)
    ours = feature_views(lake.home, catalogue.groups())
    with pytest.raises(GuanjiaError, match="set m: has tags that are not declared: nothing"):
        feature_services(ours, [TagSet("m", ("nothing",))])
    with pytest.raises(GuanjiaError, match="set m: has tags that no model may use: gender"):
        TagSet("m", ("gender",))
    with pytest.raises(GuanjiaError, match="set m: has a tag twice"):
        TagSet("m", ("channel", "channel"))
    assert customer().join_key == "customer_id"


def test_a_home_given_relative_to_the_project_is_found_from_within_the_repo(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`feast apply` changes into the folder of its YAML before it asks."""
    monkeypatch.setenv("GUANJIA_HOME", "own")
    monkeypatch.chdir(feast_home.REPO)
    assert feast_home.feast_home() == ROOT / "own"


@pytest.mark.slow
def test_feasts_own_command_line_makes_the_registry_of_an_empty_home(tmp_path: Path) -> None:
    """What it lists then: tests/behaviour/test_documented_commands.py."""
    environment = os.environ | {"GUANJIA_HOME": str(tmp_path), "FEAST_USAGE": "False"}
    feast = str(Path(sys.executable).parent / "feast")
    done = subprocess.run(
        [feast, "-c", "features/online/repo", "apply"],
        check=False,
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "feast" / "registry.db").exists()


def test_a_whole_number_of_yuan_is_a_float_as_well() -> None:
    kinds = {"premium_36m": "float64", "claim_count_36m": "int64", "branch": "string"}
    selection = _Selection(kinds, ("branch", "claim_count_36m", "unasked", "premium_36m"))
    values = dict.fromkeys([*kinds, "elsewhere"])
    selection.copy_to(StoredRow(0, ("branch",), '["B1", 2, 9, 3000]'), values)
    assert values == {
        "premium_36m": 3000.0,
        "claim_count_36m": 2,
        "branch": "B1",
        "elsewhere": None,
    }
    assert (type(values["premium_36m"]), type(values["claim_count_36m"])) == (float, int)
    with pytest.raises(ValueError, match="a row has 3 tags, its layout 4"):
        selection.copy_to(StoredRow(0, ("branch",), '["B1", 2, 9]'), values)


def test_reading_a_history_draws_no_bar_into_json(lake: Lake) -> None:
    engine = ibis.get_backend().con  # the engine that Feast reads by
    engine.execute("SET enable_progress_bar = true")
    snapshot(lake, JUNE, 2)
    frame = pd.DataFrame({"customer_id": ["C1"], "event_timestamp": [at(JUNE)]})
    feast_client.history(lake, frame, TAGS)
    assert engine.execute("SELECT current_setting('enable_progress_bar')").fetchone() == (False,)


def test_a_tag_that_a_history_lacks_is_refused(lake: Lake) -> None:
    june, path = at(JUNE), lake.tags("tiny") / "history-a.parquet"
    write(path, [("C1", june, june, 1, None, "agent", "f", False)])
    table = pq.read_table(path)
    pq.write_table(table.replace_schema_metadata({NOT_COMPUTED: json.dumps(["premium"])}), path)
    frame = pd.DataFrame({"customer_id": ["C1"], "event_timestamp": [june]})
    with pytest.raises(GuanjiaError, match="without premium"):
        feast_client.tags_at(lake, frame, ["channel", "premium"])
    assert feast_client.tags_at(lake, frame, ["channel"]).to_pylist() == [{"channel": "agent"}]


def test_tags_shared_by_models_are_those_each_would_have_read(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_tags, "PORTION", 2)
    may, june = at(MAY), at(JUNE)
    rows = [
        ("C1", may, may, 1, 2.5, "agent", "f", False),
        ("C1", june, june, 2, None, None, "f", True),
        ("C2", june, june, None, 4.0, "online", None, None),
    ]
    write(lake.tags("tiny") / "history-training.parquet", rows)
    moments = pd.DataFrame(
        {"customer_id": ["C1", "C2", "C1"], "event_timestamp": [may, june, june]}
    )
    moments["event_timestamp"] = pd.to_datetime(moments["event_timestamp"], utc=True)
    names = ["channel", "claim_count_36m", "lapsed", "premium"]
    shared = SharedTags(lake, moments, names, tmp_path / "tags.arrow")
    # Two models: one asks about every pair, at two lead times; one about one pair.
    first = moments.iloc[[2, 0, 1, 2]].assign(lead_days=[7, 7, 30, 30])
    second = moments.iloc[[1]].assign(label=True)
    for asked, tags in ((first, names), (second, ["premium", "channel"])):
        alone = feast_client.history(lake, asked, TAGS)
        pd.testing.assert_frame_equal(shared.join(asked, tags), alone[[*asked.columns, *tags]])
