"""Counts of conditions over files read side by side are those of a join by customer."""

from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from drawn_snapshots import DAY, drawn, publish

from features.condition_forms.condition import read_condition
from features.errors import GuanjiaError
from features.lake import Lake
from features.settings import Settings
from serving.lists.conditions import truths
from serving.lists.conditions.counting import ConditionCount, count, overlap
from serving.lists.conditions.vocabulary import list_vocabulary
from serving.lists.questions import readable_columns
from serving.predictions.scores_file import scores_path

ROWS = 4_000


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = Lake(Settings(home=tmp_path_factory.mktemp("counted")))
    publish(lake, drawn(ROWS), ROWS)
    return lake


def figures(lake: Lake, where: str, branches: list[str] | None = None) -> ConditionCount:
    vocabulary = list_vocabulary(lake, readable_columns(), DAY)
    return count(lake, DAY, [read_condition(where, vocabulary)], branches).conditions[0]


def joined(lake: Lake, where: str, branches: list[str] | None = None) -> tuple[int, int]:
    """The same by a join: for how many the condition holds, for how many it is unknown."""
    own = {
        "underwriting": "branch, channel, age_years",
        "claims": "claim_count_36m",
        "engagement": "mini_program_bound",
    }
    parts = [
        f"(SELECT customer_id, {names} FROM read_parquet('{lake.tags(group)}/*.parquet'))"
        for group, names in own.items()
    ]
    scores = f"(SELECT customer_id, star_level, renewal FROM '{scores_path(lake, DAY)}')"
    source = f"{scores} JOIN " + " JOIN ".join(f"{part} USING (customer_id)" for part in parts)
    vocabulary = list_vocabulary(lake, readable_columns(), DAY)
    sql = read_condition(where, vocabulary).sql
    within = f"WHERE branch IN ({str(branches)[1:-1]})" if branches else ""
    row = duckdb.sql(
        f"SELECT count(*) FILTER (t), count(*) FILTER (t IS NULL) "
        f"FROM (SELECT ({sql}) AS t FROM {source} {within})"
    ).fetchone()
    assert row is not None
    return row[0], row[1]


CONDITIONS = [
    "渠道 = 代理",
    "星级 ≥ 3 且 续保概率 < 0.6",
    "channel = 'agent' or claim_count_36m >= 2 or mini_program_bound",
    "not (age_years between 30 and 50 and renewal > 0.5) and channel <> 'broker'",
    "mini_program_bound is not true and (star in (1, 5) or renewal is null)",
    "not (not (channel = 'agent') or not (age_years > 40 and claim_count_36m = 0))",
    "age_years > claim_count_36m and claim_count_36m < star",
    "star >= 6",
]


@pytest.mark.parametrize("where", CONDITIONS)
@pytest.mark.parametrize("branches", [None, ["B01", "B03"]])
def test_counts_are_those_of_a_join(counted: Lake, where: str, branches: list[str] | None) -> None:
    result = figures(counted, where, branches)
    assert (result.customers, result.unknown) == joined(counted, where, branches)
    for part in result.parts:
        assert (part.customers, part.unknown) == joined(counted, part.plain, branches)


def test_parts_are_named_by_their_place(counted: Lake) -> None:
    result = figures(counted, "渠道 = 代理 且 (星级 ≥ 3 或 非 (续保概率 < 0.6))")
    assert [(part.path, part.chinese) for part in result.parts] == [
        ("", "渠道 = 代理 且 (星级 ≥ 3 或 非 (续保概率 < 0.6))"),
        ("0", "渠道 = 代理"),
        ("1", "星级 ≥ 3 或 非 (续保概率 < 0.6)"),
        ("1.0", "星级 ≥ 3"),
        ("1.1", "非 (续保概率 < 0.6)"),
        ("1.1.0", "续保概率 < 0.6"),
    ]
    assert result.customers == result.parts[0].customers > 0
    assert figures(counted, "续保概率 < 60").hints


def test_no_branch_has_no_customers(counted: Lake) -> None:
    vocabulary = list_vocabulary(counted, readable_columns(), DAY)
    counts = count(counted, DAY, [read_condition("star >= 1", vocabulary)], [])
    assert (counts.customers, counts.conditions[0].customers) == (0, 0)


def test_the_overlap_is_that_of_a_join(counted: Lake) -> None:
    vocabulary = list_vocabulary(counted, readable_columns(), DAY)
    texts = dict(zip("abc", CONDITIONS[:3], strict=True))
    lists = {name: read_condition(text, vocabulary) for name, text in texts.items()}
    for branches in (None, ["B02"]):
        result = overlap(counted, DAY, lists, branches)
        for name, text in texts.items():
            assert result.sizes[name] == joined(counted, text, branches)[0]
            for other in texts.keys() - {name}:
                both = joined(counted, f"({text}) and ({texts[other]})", branches)[0]
                assert result.shared[name][other] == both
        union = " or ".join(f"({text})" for text in texts.values())
        assert result.in_any == joined(counted, union, branches)[0]


def test_a_replaced_snapshot_is_read_anew(tmp_path: Path) -> None:
    lake = Lake(Settings(home=tmp_path))
    columns: dict[str, Any] = {"age_years": [30, 40, None], "star_level": [1, 2, 3]}
    publish(lake, columns, 3)
    assert (figures(lake, "age_years < 50 and star >= 2").customers) == 1
    assert (figures(lake, "age_years < 50").unknown) == 1
    publish(lake, columns | {"age_years": [60, 40, 41]}, 3)
    assert (figures(lake, "age_years < 50 and star >= 2").customers) == 2
    assert (figures(lake, "age_years < 50").unknown) == 0


def test_files_of_other_customers_are_refused(tmp_path: Path) -> None:
    lake = Lake(Settings(home=tmp_path))
    publish(lake, {"age_years": [30, 40], "claim_count_36m": [1, 2]}, 2, shuffled="claims")
    assert figures(lake, "age_years > 35").customers == 1
    with pytest.raises(GuanjiaError, match="has other customers than the snapshot of 2026-06-30"):
        figures(lake, "age_years > 35 and claim_count_36m = 2")


def test_scores_belong_to_the_snapshot(tmp_path: Path) -> None:
    lake = Lake(Settings(home=tmp_path))
    publish(lake, {"age_years": [30, 40], "renewal": [0.1, 0.9], "star_level": [1, 5]}, 2)
    old = scores_path(lake, DAY).read_bytes()
    publish(lake, {"age_years": [30, 41], "renewal": [0.1, 0.9], "star_level": [1, 5]}, 2)
    scores_path(lake, DAY).write_bytes(old)
    with pytest.raises(GuanjiaError, match="were made from an earlier snapshot"):
        figures(lake, "renewal > 0.5")
    scores_path(lake, DAY).unlink()
    with pytest.raises(GuanjiaError, match="Run `guanjia score --as-of 2026-06-30`"):
        figures(lake, "renewal > 0.5")


def test_what_was_asked_for_long_ago_is_forgotten() -> None:
    remembered = truths._Truths(most=30)
    bits = pa.array([True] * 80)
    assert bits.nbytes == 10
    for test in "abcd":
        remembered.put(("id", (), test), bits)
        remembered.get(("id", (), "a"))
    known = [test for test in "abcd" if remembered.get(("id", (), test)) is not None]
    assert known == ["a", "c", "d"]
