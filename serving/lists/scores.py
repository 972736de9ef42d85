"""Read scores and tags of a date, after checking that they belong together."""

from datetime import date
from typing import Any

import duckdb
import pyarrow.parquet as pq

from features.errors import GuanjiaError
from features.lake import Lake
from features.lake.plain_rows import plain_rows
from features.snapshots.snapshots import read_snapshot
from features.sql import sql_text
from serving.lists.conditions.truths import INCOMPARABLE, snapshots_of_scores
from serving.lists.definitions.definition import ListDefinitionError
from serving.lists.questions import readable_columns
from serving.predictions.scores_file import scores_path

Row = dict[str, Any]


def check_scores(lake: Lake, as_of: date) -> str:
    """Refuse scores of other tags or models than a list would show beside them.

    Returns
    -------
    str
        Id of the snapshot that the scores were made from.

    Raises
    ------
    GuanjiaError
        If scores are missing, or were made by an earlier release or from another snapshot.
    """
    cure, chinese_cure = f"run `guanjia score --as-of {as_of}`", "请运行人员重新对这一天评分"
    chinese_thing = f"{as_of} 的客户评分"
    path = scores_path(lake, as_of)
    if not path.exists():
        chinese = chinese_thing, "没有", chinese_cure
        raise GuanjiaError(f"scores of {as_of}", "are not there", cure, chinese=chinese)
    later = set(readable_columns()) - set(pq.read_schema(path).names)
    if later:
        fault = f"do not have {', '.join(sorted(later))}: they were made by an earlier release"
        chinese = chinese_thing, "是旧版本算出的，缺少新的评分列", chinese_cure
        raise GuanjiaError(f"scores of {as_of}", fault, f"{cure} again", chinese=chinese)
    snapshot = read_snapshot(lake, as_of)
    if snapshots_of_scores(path) - {snapshot.snapshot_id, *snapshot.former_ids}:
        raise GuanjiaError(
            f"scores of {as_of}",
            "were made from an earlier snapshot",
            f"{cure} again",
            chinese=(chinese_thing, "不是由这一天现有的标签算出的", chinese_cure),
        )
    return snapshot.snapshot_id


def fetch_rows(lake: Lake, sql: str) -> list[Row]:
    """Fetch the rows of a query over scores and tags.

    Raises
    ------
    GuanjiaError
        If its condition compares what cannot be compared.
    """
    try:
        return plain_rows(lake.con.execute(sql).to_arrow_table())
    except (duckdb.ConversionException, duckdb.BinderException) as error:
        first = str(error).splitlines()[0]
        cure = "compare numbers with numbers, texts with texts, dates with '2026-06-30'"
        fault = f"compares what cannot be compared ({first})"
        raise ListDefinitionError("condition", fault, cure, chinese=INCOMPARABLE) from None


def read_versions_of_models(lake: Lake, as_of: date) -> str:
    """Read which versions of the models made the scores of a date."""
    path = sql_text(scores_path(lake, as_of))
    query = f"SELECT any_value(model_versions) FROM read_parquet({path})"
    first_row = lake.con.execute(query).fetchone()
    return str(first_row[0]) if first_row else ""
