"""Snapshots of drawn customers with scores, written without a simulation: a few columns."""

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from features.lake import Lake
from features.snapshots.group_files import tag_schema
from features.snapshots.snapshots import Drafts, Snapshot
from serving.predictions.scores_file import scores_path, scores_schema

DAY = date(2026, 6, 30)
GROUPS = ("underwriting", "claims", "engagement")


def write(path: Path, schema: pa.Schema, columns: dict[str, Any], rows: int) -> None:
    """Write columns, the others null, in row groups of 300 customers."""
    arrays = [pa.array(columns.get(field.name, [None] * rows), field.type) for field in schema]
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(arrays, schema=schema), path, row_group_size=300)


def publish(lake: Lake, columns: dict[str, Any], rows: int, shuffled: str = "") -> Snapshot:
    """Publish a snapshot and its scores; the `shuffled` group has its customers last to first."""
    drafts = Drafts(lake, DAY)
    ids = [f"C{number:05}" for number in range(rows)]
    for group in GROUPS:
        order = ids[::-1] if group == shuffled else ids
        write(drafts.group(group), tag_schema(group), columns | {"customer_id": order}, rows)
    snapshot = drafts.publish(rows)
    scores = columns | {"customer_id": ids, "snapshot_id": [snapshot.snapshot_id] * rows}
    write(scores_path(lake, DAY), scores_schema(), scores, rows)
    return snapshot


def drawn(rows: int) -> dict[str, Any]:
    """Draw values and nulls for columns of three groups and of the scores."""
    rng = np.random.default_rng(7)

    def nullable(values: Any) -> list[Any]:
        return [
            None if empty else value
            for value, empty in zip(values.tolist(), rng.random(rows) < 0.2, strict=True)
        ]

    return {
        "branch": rng.choice(["B01", "B02", "B03"], rows).tolist(),
        "channel": nullable(rng.choice(["agent", "online", "broker"], rows)),
        "age_years": nullable(rng.integers(18, 80, rows)),
        "claim_count_36m": nullable(rng.integers(0, 4, rows)),
        "mini_program_bound": nullable(rng.random(rows) < 0.5),
        "star_level": rng.integers(1, 6, rows).tolist(),
        "tenure_years": nullable(rng.integers(0, 9, rows)),
        "renewal": nullable(rng.random(rows).round(3)),
    }
