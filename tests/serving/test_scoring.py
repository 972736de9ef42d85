"""Scores: one row a customer, the same on every run, from exactly the files a snapshot names."""

import json
import shutil
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from features.errors import GuanjiaError
from features.lake import Lake
from features.settings import Settings
from serving.lists.target_lists import write_list
from serving.predictions import scoring
from serving.predictions.probabilities import (
    ServedModel,
    customer_columns,
    model_columns,
    needed_tags,
)
from serving.predictions.scores_file import scores_path, scores_schema
from serving.predictions.scoring import score
from training.models import MODELS

DAY = date(2026, 6, 30)
Copy = Callable[..., Lake]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def scores(demo: tuple[Path, dict[str, Any]]) -> pa.Table:
    """What `guanjia score` wrote."""
    return pq.read_table(demo[0] / "scores" / f"as_of={DAY}.parquet", partitioning=None)


def tag(home: Path, group: str, name: str) -> dict[str, Any]:
    """One tag of the date, by customer."""
    path = home / "tags" / group / f"as_of={DAY}.parquet"
    rows = pq.read_table(path, partitioning=None, columns=["customer_id", name])
    return dict(zip(*rows.to_pydict().values(), strict=True))


def manifest(lake: Lake) -> Path:
    return lake.home / "snapshots" / f"{DAY}.json"


def test_there_is_one_row_a_customer_in_order(scores: pa.Table, demo: tuple[Path, Any]) -> None:
    assert scores.schema.remove_metadata() == scores_schema()
    customers = scores["customer_id"].to_pylist()
    assert customers == sorted(set(customers))
    assert customers == sorted(tag(demo[0], "loyalty", "star_level"))
    assert set(scores["as_of"].to_pylist()) == {DAY}


def test_every_row_names_its_models_and_its_snapshot(
    scores: pa.Table, demo: tuple[Path, Any]
) -> None:
    (versions,) = set(scores["model_versions"].to_pylist())
    folders = {name: sorted((demo[0] / "models" / name).glob("*/spec.json")) for name in MODELS}
    assert json.loads(versions) == {
        name: json.loads(path.read_text("utf-8"))["version"] for name, (path,) in folders.items()
    }
    described = json.loads((demo[0] / "snapshots" / f"{DAY}.json").read_text("utf-8"))
    assert set(scores["snapshot_id"].to_pylist()) == {described["snapshot_id"]}


def test_stars_and_values_are_those_of_the_tags(scores: pa.Table, demo: tuple[Path, Any]) -> None:
    customers = scores["customer_id"].to_pylist()
    for name, of in (("star_level", int), ("customer_value_exact", Decimal), ("lapsed", bool)):
        tags = tag(demo[0], "loyalty", name)
        column = scores[name.removesuffix("_exact")].to_pylist()
        assert column == [of(tags[customer]) for customer in customers]


@pytest.mark.parametrize("model", list(MODELS))
def test_what_is_not_asked_is_null_and_never_nan(model: str, scores: pa.Table) -> None:
    column = scores[model].combine_chunks()
    assert 0 < column.null_count < len(column)
    known = column.drop_null()
    assert not pc.any(pc.is_nan(known)).as_py()
    assert 0 < pc.min(known).as_py() <= pc.max(known).as_py()
    assert pc.max(known).as_py() < 1 or MODELS[model].kind != "probability"


def test_the_margin_is_premium_less_expenses_less_claims(
    scores: pa.Table, demo: tuple[Path, Any]
) -> None:
    quoted = tag(demo[0], "behaviour", "renewal_quote_premium")
    current = tag(demo[0], "underwriting", "commercial_premium_current")
    rows = [row for row in scores.to_pylist() if row["claim_frequency"] is not None]
    assert 100 < len(rows) < len(scores)
    for row in rows:
        customer = row["customer_id"]
        premium = current[customer] if quoted[customer] is None else quoted[customer]
        cost = row["claim_frequency"] * row["claim_severity"]
        assert row["expected_claims_cost"] == pytest.approx(cost)
        assert row["expected_margin"] == pytest.approx(premium * (1 - 0.28) - cost)
    assert any(quoted[row["customer_id"]] is not None for row in rows)


def test_scoring_in_another_home_gives_the_same_bytes(copy: Copy, demo: tuple[Path, Any]) -> None:
    lake = copy()
    done = score(lake, DAY)
    first = done.path.read_bytes()
    assert first == scores_path(Lake(Settings(home=demo[0])), DAY).read_bytes()
    score(Lake(Settings(home=lake.home, threads=1)), DAY)
    assert done.path.read_bytes() == first
    assert [path.name for path in done.path.parent.iterdir()] == [f"as_of={DAY}.parquet"]


def test_a_run_says_what_it_did(copy: Copy, scores: pa.Table) -> None:
    lake, told = copy(), cast("list[tuple[str, int, int | None]]", [])
    done = score(lake, DAY, lambda *step: told.append(step))
    assert (done.as_of, done.customers, done.path) == (DAY, len(scores), scores_path(lake, DAY))
    assert told[-1] == ("score", len(scores), len(scores))
    levels = pd.Series(scores["star_level"].to_pylist()).value_counts()
    assert done.stars == {int(level): int(levels[level]) for level in sorted(levels.index)[::-1]}
    assert done.snapshot_id == scores["snapshot_id"][0].as_py()
    assert json.dumps(done.model_versions, sort_keys=True) == scores["model_versions"][0].as_py()


def test_several_batches_give_what_one_gives(
    copy: Copy, scores: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[int] = []
    monkeypatch.setattr(scoring, "BATCH", 97)
    written = score(copy(), DAY, lambda _step, rows, _total: done.append(rows))
    assert done == [*range(97, len(scores), 97), len(scores)]
    assert pq.read_table(written.path, partitioning=None).equals(scores)
    assert sum(written.stars.values()) == len(scores)


def test_a_model_without_a_champion_is_null_and_unnamed(copy: Copy, scores: pa.Table) -> None:
    lake = copy()
    shutil.rmtree(lake.home / "models" / "churn")
    done = score(lake, DAY)
    # When somebody leaves says nothing without whether they do.
    assert set(done.model_versions) == set(MODELS) - {"churn", "churn_hazard"}
    written = pq.read_table(done.path, partitioning=None)
    for name in ("churn", "churn_hazard"):
        assert written[name].null_count == len(written)
    assert written["renewal"].equals(scores["renewal"])
    shutil.rmtree(lake.home / "models")
    with pytest.raises(GuanjiaError, match=r"has no champion\. Run `guanjia train"):
        score(lake, DAY)


def test_a_date_without_tags_is_answered_with_the_command(copy: Copy) -> None:
    expected = r"snapshot of 2026-05-31: is not there\. Run `guanjia tags --as-of 2026-05-31`"
    with pytest.raises(GuanjiaError, match=expected):
        score(copy(), date(2026, 5, 31))


def test_a_group_the_snapshot_does_not_have_is_named(copy: Copy) -> None:
    lake = copy()
    described = json.loads(manifest(lake).read_text("utf-8"))
    del described["files"]["claims"]
    manifest(lake).write_text(json.dumps(described), "utf-8")
    with pytest.raises(GuanjiaError, match=r"snapshot of 2026-06-30: lacks group claims\. Run"):
        score(lake, DAY)


def altered(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def replaced(path: Path) -> None:
    """Another run's file: a sound one, of the same columns, with other values."""
    table = pq.read_table(path, partitioning=None)
    pq.write_table(table.slice(0, 700), path)


@pytest.mark.parametrize("change", [altered, replaced, Path.unlink])
def test_a_file_the_snapshot_does_not_describe_is_refused(
    copy: Copy, change: Callable[[Path], None]
) -> None:
    lake = copy()
    before = score(lake, DAY).path.read_bytes()
    change(lake.tags("claims") / f"as_of={DAY}.parquet")
    expected = (
        r"file tags/claims/as_of=2026-06-30\.parquet: (is missing from the snapshot of 2026-06-30"
        r"|was changed since the snapshot of 2026-06-30 was written)\. "
        r"Run `guanjia tags --as-of 2026-06-30"
    )
    with pytest.raises(GuanjiaError, match=expected):
        score(lake, DAY)
    assert scores_path(lake, DAY).read_bytes() == before
    with pytest.raises(GuanjiaError, match=expected):
        write_list(lake, "renewal_risk", DAY, out=lake.home / "list.csv")


def served(features: list[str]) -> ServedModel:
    tags = [name for name in features if name != "lead_days"]
    predictor = SimpleNamespace(features=features, tags=tags, version="1", ranges={})
    return ServedModel("renewal", "1", cast("Any", predictor))


def test_the_lead_time_is_the_days_to_expiry_held_within_two_months() -> None:
    tags = pd.DataFrame({"days_to_commercial_expiry": [0, 7, 30, 60, 200], "channel": "agent"})
    model = served(["channel", "lead_days"])
    assert list(model_columns(model, tags)) == ["channel", "lead_days"]
    assert model_columns(model, tags)["lead_days"].tolist() == [0, 7, 30, 60, 60]
    assert model_columns(model, tags, 14)["lead_days"].tolist() == [14.0] * 5
    assert list(model_columns(served(["channel"]), tags, 14)) == ["channel"]
    rows = tags.to_dict("records")
    for lead in (None, 14):
        few, many = customer_columns(model, rows, lead), model_columns(model, tags, lead)
        assert few == {name: column.tolist() for name, column in many.items()}
    # A model of an earlier release learned from a week on, and is asked no nearer.
    earlier = served(["lead_days"])
    earlier.predictor.ranges["lead_days"] = (7, 60)
    assert model_columns(earlier, tags)["lead_days"].tolist() == [7, 7, 30, 60, 60]
    assert customer_columns(earlier, rows)["lead_days"] == [7, 7, 30, 60, 60]
    assert customer_columns(earlier, rows, 3)["lead_days"] == [7] * 5
    assert "lead_days" not in needed_tags({"renewal": model})
    assert {"channel", "days_to_commercial_expiry"} <= set(needed_tags({"renewal": model}))


def test_a_list_refuses_scores_of_another_snapshot(copy: Copy, tmp_path: Path) -> None:
    lake = copy("scores", "checked")
    manifest = lake.home / "snapshots" / f"{DAY}.json"
    found = json.loads(manifest.read_text("utf-8"))
    manifest.write_text(json.dumps(found | {"snapshot_id": "other"}), "utf-8")
    with pytest.raises(GuanjiaError, match=f"Run `guanjia score --as-of {DAY}` again"):
        write_list(lake, "renewal_risk", DAY, out=tmp_path / "list.csv")
