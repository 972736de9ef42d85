"""Score all customers of a snapshot in one streaming pass over its tag files.

Feast is not on this path: the snapshot's files have the same customers in the same order, so they
are read side by side, without a join, and go to the same predictors that the API uses. Memory does
not grow with the number of customers.
"""

import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.lake import Lake
from features.progress import Report, quiet
from features.publishing import published
from features.snapshots.snapshots import read_snapshot
from features.snapshots.tag_columns import snapshot_batches
from features.stars.explain import StarSettings, load_star_settings
from serving.predictions.margin import expected_cost_and_margin
from serving.predictions.probabilities import load_models, needed_tags, predict
from serving.predictions.scores_file import COST, MARGIN, scores_path, scores_schema
from training.models import MODELS

BATCH = 50_000
STAR_TAGS = ("star_level", "customer_value_exact", "lapsed")


@dataclass(frozen=True)
class ScoringRun:
    """Summary of a scoring run.

    Attributes
    ----------
    as_of : date
        Date of the snapshot.
    path : Path
        The file written.
    customers : int
        Rows of the file.
    stars : dict of int to int
        Customers by star, highest star first.
    model_versions : dict of str to str
        Version by model.
    snapshot_id : str
        The snapshot that was scored.
    """

    as_of: date
    path: Path
    customers: int
    stars: dict[int, int]
    model_versions: dict[str, str]
    snapshot_id: str


def score(lake: Lake, as_of: date, report: Report = quiet) -> ScoringRun:
    """Score every customer of a snapshot and publish the file at once.

    Parameters
    ----------
    lake : Lake
        The home with the snapshot and the champions.
    as_of : date
        Date of the snapshot.
    report : Report
        Called with the progress: step, customers done, customers in all.

    Raises
    ------
    GuanjiaError
        If there is no snapshot of that date, or no model has a champion.
    """
    snapshot = read_snapshot(lake, as_of)
    models = load_models(lake)
    versions = {name: served.version for name, served in models.items()}
    total = snapshot.customers
    path = scores_path(lake, as_of)
    counts: dict[int, int] = {}
    done = 0
    stars = load_star_settings(lake.home)
    fixed = (json.dumps(versions, sort_keys=True), snapshot.snapshot_id)
    tags = list(dict.fromkeys([*STAR_TAGS, *needed_tags(models, explain=False)]))

    def scored(batch: pa.RecordBatch) -> pa.Table:
        frame = readable_frame(batch)
        answers = predict(models, frame)
        cost, margin = expected_cost_and_margin(frame, answers, lake.settings.expense_share)
        answers |= {COST: cost, MARGIN: margin}
        return _scored(batch, answers, stars, as_of, fixed)

    with (
        ThreadPoolExecutor(lake.settings.threads) as pool,
        published(path) as draft,
        pq.ParquetWriter(draft, scores_schema()) as writer,
    ):
        batches = snapshot_batches(lake, snapshot, tags, BATCH)
        for table in _map_in_order(pool, scored, batches, lake.settings.threads + 1):
            writer.write_table(table)
            for count in pc.value_counts(table["star_level"].drop_null()).to_pylist():
                counts[count["values"]] = counts.get(count["values"], 0) + count["counts"]
            done += len(table)
            report("score", done, total)
    order = dict(sorted(counts.items(), reverse=True))
    return ScoringRun(as_of, path, done, order, versions, fixed[1])


def _map_in_order(
    pool: ThreadPoolExecutor,
    work: Callable[[pa.RecordBatch], pa.Table],
    batches: Iterator[pa.RecordBatch],
    most: int,
) -> Iterator[pa.Table]:
    """Apply a function to batches in threads, in order, with at most so many batches under way."""
    waiting: deque[Future[pa.Table]] = deque()
    for batch in batches:
        waiting.append(pool.submit(work, batch))
        if len(waiting) == most:
            yield waiting.popleft().result()
    yield from (future.result() for future in waiting)


def readable_frame(batch: pa.RecordBatch) -> pd.DataFrame:
    """Convert a batch to what predictors read fastest: numbers as floats, texts as categories.

    Parameters
    ----------
    batch : pyarrow.RecordBatch
        Rows of tags.
    """
    columns = [_readable(column) for column in batch.columns]
    readable = pa.RecordBatch.from_arrays(columns, names=batch.schema.names)
    frame: pd.DataFrame = readable.to_pandas(split_blocks=True)
    return frame


def _readable(column: pa.Array) -> pa.Array:
    type_ = column.type
    if pa.types.is_boolean(type_) or pa.types.is_integer(type_):
        return column.cast(pa.float64(), safe=False)
    return column.dictionary_encode() if pa.types.is_string(type_) else column


def _scored(
    batch: pa.RecordBatch,
    answers: Mapping[str, np.ndarray],
    stars: StarSettings,
    as_of: date,
    fixed: tuple[str, str],
) -> pa.Table:
    size, schema = batch.num_rows, scores_schema()
    nothing = np.full(size, np.nan)
    levels = pa.array([tier.level for tier in stars.tiers], pa.int64())
    labels = pa.array([tier.label for tier in stars.tiers], pa.string())
    columns: dict[str, Any] = {
        "customer_id": batch["customer_id"],
        "as_of": pa.repeat(pa.scalar(as_of), size),
        "star_level": batch["star_level"],
        "star_name": labels.take(pc.index_in(batch["star_level"], value_set=levels)),
        "customer_value": batch["customer_value_exact"].cast(schema.field("customer_value").type),
        "lapsed": batch["lapsed"],
        "model_versions": pa.repeat(fixed[0], size),
        "snapshot_id": pa.repeat(fixed[1], size),
    }
    for name in (*MODELS, COST, MARGIN):
        answer = answers.get(name, nothing)
        columns[name] = pa.array(answer, type=pa.float64(), from_pandas=True)
    return pa.Table.from_arrays([columns[field.name] for field in schema], schema=schema)
