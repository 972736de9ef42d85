"""Scores: one row a customer, written in one streaming pass over a snapshot's tag files.

Feast is not on this path: DuckDB joins the snapshot's files and hands Arrow batches to the same
predictors the API uses. Memory does not grow with the number of customers.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from features.errors import GuanjiaError
from features.lake import Lake, published
from features.progress import Report, quiet
from features.star import StarSettings, load_star_settings
from features.tags.catalogue import catalogue
from serving.probabilities import Served, load_models, needed_tags, predict
from training.models import MODELS

BATCH = 50_000
STAR_TAGS = ("star_level", "customer_value_exact", "lapsed")
SCHEMA = pa.schema(
    [
        pa.field("customer_id", pa.string()),
        pa.field("as_of", pa.date32()),
        pa.field("star_level", pa.int64()),
        pa.field("star_name", pa.string()),
        pa.field("customer_value", pa.decimal128(22, 4)),
        pa.field("lapsed", pa.bool_()),
        *(pa.field(model, pa.float64()) for model in MODELS),
        pa.field("model_versions", pa.string()),
        pa.field("snapshot_id", pa.string()),
    ]
)


@dataclass(frozen=True)
class Scored:
    """What a scoring run wrote."""

    as_of: date
    path: Path
    customers: int
    stars: dict[int, int]
    model_versions: dict[str, str]
    snapshot_id: str


def score(lake: Lake, as_of: date, report: Report = quiet) -> Scored:
    """Score every customer of the snapshot of `as_of` and publish the file at once.

    Raises
    ------
    GuanjiaError
        If there is no snapshot of that date, or no model has a champion.
    """
    snapshot = read_snapshot(lake, as_of)
    models = load_models(lake)
    versions = {name: served.version for name, served in models.items()}
    total = int(snapshot["customers"])
    path = scores_path(lake, as_of)
    counts: dict[int, int] = {}
    done = 0
    stars = load_star_settings(lake.home)
    fixed = (json.dumps(versions, sort_keys=True), str(snapshot["snapshot_id"]))
    tags = list(dict.fromkeys([*STAR_TAGS, *needed_tags(models)]))
    relation = lake.engine.con.sql(snapshot_sql(lake, snapshot, tags))
    with published(path) as draft, pq.ParquetWriter(draft, SCHEMA) as writer:
        for batch in relation.to_arrow_reader(BATCH):
            frame = batch.to_pandas()
            table = _scored(frame, models, stars, as_of, fixed)
            writer.write_table(table)
            for level, count in frame["star_level"].value_counts().items():
                counts[int(level)] = counts.get(int(level), 0) + int(count)
            done += len(frame)
            report("score", done, total)
    order = dict(sorted(counts.items(), reverse=True))
    return Scored(as_of, path, done, order, versions, fixed[1])


def scores_path(lake: Lake, as_of: date) -> Path:
    """Where the scores of a date lie."""
    return lake.home / "scores" / f"as_of={as_of.isoformat()}.parquet"


def read_snapshot(lake: Lake, as_of: date) -> dict[str, Any]:
    """The description of a snapshot: its id, customers and files.

    Raises
    ------
    GuanjiaError
        If tags of that date have not been computed.
    """
    path = lake.home / "snapshots" / f"{as_of.isoformat()}.json"
    if not path.exists():
        cure = f"run `guanjia tags --as-of {as_of}`"
        raise GuanjiaError(f"snapshot of {as_of}", "is not there", cure)
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def snapshot_sql(lake: Lake, snapshot: dict[str, Any], tags: list[str]) -> str:
    """The query that joins the snapshot's files to one row a customer, ordered by customer.

    Raises
    ------
    GuanjiaError
        If a file it reads is missing, or is not the one the snapshot describes.
    """
    known = catalogue()
    files = snapshot["files"]
    wanted: dict[str, list[str]] = {}
    for name in tags:
        wanted.setdefault(known[name].group, []).append(name)
    absent = [group for group in wanted if group not in files]
    if absent:
        cure = f"run `guanjia tags --as-of {snapshot['as_of']}` again"
        raise GuanjiaError(f"snapshot of {snapshot['as_of']}", f"lacks group {absent[0]}", cure)
    groups = list(wanted)
    columns = [f'"{group}"."{name}"' for group, names in wanted.items() for name in names]
    source = ""
    for group in groups:
        _check_file(lake, snapshot["as_of"], files[group])
        path = str(lake.home / files[group]["path"]).replace("'", "''")
        read = f"read_parquet('{path}') AS \"{group}\""
        source += f" JOIN {read} USING (customer_id)" if source else read
    return f"SELECT customer_id, {', '.join(columns)} FROM {source} ORDER BY customer_id"


def _check_file(lake: Lake, as_of: str, file: dict[str, str]) -> None:
    """Refuse a file of other content: a run that was killed leaves new files beside an old one."""
    thing, cure = f"file {file['path']}", f"run `guanjia tags --as-of {as_of}`"
    try:
        with (lake.home / file["path"]).open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
    except FileNotFoundError:
        raise GuanjiaError(thing, f"is missing from the snapshot of {as_of}", cure) from None
    if found != file["sha256"]:
        raise GuanjiaError(thing, f"is not the one the snapshot of {as_of} describes", cure)


def _scored(
    frame: pd.DataFrame,
    models: dict[str, Served],
    stars: StarSettings,
    as_of: date,
    fixed: tuple[str, str],
) -> pa.Table:
    size = len(frame)
    answers = predict(models, frame)
    nothing = np.full(size, np.nan)
    columns: dict[str, Any] = {
        "customer_id": frame["customer_id"],
        "as_of": [as_of] * size,
        "star_level": frame["star_level"],
        "star_name": [
            None if pd.isna(level) else stars.tier(int(level)).label
            for level in frame["star_level"]
        ],
        "customer_value": [
            None if value is None else Decimal(value) for value in frame["customer_value_exact"]
        ],
        "lapsed": frame["lapsed"],
        "model_versions": [fixed[0]] * size,
        "snapshot_id": [fixed[1]] * size,
    }
    for model in MODELS:
        columns[model] = answers.get(model, nothing)
    arrays = [pa.array(columns[f.name], type=f.type, from_pandas=True) for f in SCHEMA]
    return pa.Table.from_arrays(arrays, schema=SCHEMA)
