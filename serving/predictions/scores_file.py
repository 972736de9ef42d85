"""Name the file of scores and its columns, for commands that must not wait for the models."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from features.lake import Lake
from training.models import MODELS

if TYPE_CHECKING:
    import pyarrow as pa

COST, MARGIN = "expected_claims_cost", "expected_margin"
LABELS = {COST: "下一年度预期赔款（元）", MARGIN: "下一年度预期边际（元）"}
BEFORE = ("customer_id", "as_of", "star_level", "star_name", "customer_value", "lapsed")
AFTER = (COST, MARGIN, "model_versions", "snapshot_id")


def score_columns() -> list[str]:
    """List the columns of a file of scores; every declared model has one."""
    return [*BEFORE, *MODELS, *AFTER]


def scores_schema() -> "pa.Schema":
    """Return the schema of a file of scores."""
    import pyarrow as pa

    types = {
        "as_of": pa.date32(),
        "star_level": pa.int64(),
        "customer_value": pa.decimal128(22, 4),
        "lapsed": pa.bool_(),
        **dict.fromkeys([*MODELS, COST, MARGIN], pa.float64()),
    }
    return pa.schema([(name, types.get(name, pa.string())) for name in score_columns()])


def scores_path(lake: Lake, as_of: date) -> Path:
    """Return the path of the scores of a date."""
    return lake.data / "scores" / f"as_of={as_of.isoformat()}.parquet"
