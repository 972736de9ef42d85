"""Write a quality report as files: JSON with everything, Parquet with one row a tag.

The Parquet files of several dates can be read as one table, to follow a tag's nulls and drift.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from features.jsonable import jsonable
from features.lake import Lake
from features.publishing import published
from features.quality.assess import Quality, TagQuality
from features.quality.statistics import QUANTILES

SCHEMA = pa.schema(
    [
        *[(name, pa.date32()) for name in ("as_of", "against")],
        *[(name, pa.string()) for name in ("group", "tag", "type", "status")],
        *[(name, pa.int64()) for name in ("rows", "nulls", "values")],
        *[(name, pa.float64()) for name in ("null_share", "minimum", "maximum", "mean", "scale")],
        *[(f"p{round(at * 100):02d}", pa.float64()) for at in QUANTILES],
        ("psi", pa.float64()),
    ]
)


def write_quality(lake: Lake, quality: Quality) -> tuple[Path, Path]:
    """Publish `<home>/quality/as_of=<D>.json` and `.parquet`; each replaces an older one at once.

    Returns
    -------
    tuple of Path
        The JSON file and the Parquet file.
    """
    stem = lake.data / "quality" / f"as_of={quality.as_of}"
    text = json.dumps(as_json(quality), ensure_ascii=False, allow_nan=False, indent=1)
    rows = pa.Table.from_pylist([_row(quality, tag) for tag in quality.tags], schema=SCHEMA)
    paths = stem.with_name(stem.name + ".json"), stem.with_name(stem.name + ".parquet")
    with published(paths[0]) as draft:
        draft.write_text(text + "\n", encoding="utf-8")
    with published(paths[1]) as draft:
        pq.write_table(rows, draft, compression="zstd")
    return paths


def as_json(quality: Quality) -> dict[str, Any]:
    """Convert a report to plain JSON values; a number that is not finite becomes null."""
    report: dict[str, Any] = jsonable(
        {
            "as_of": quality.as_of,
            "against": quality.against,
            "days": quality.days,
            "snapshot_id": quality.snapshot_id,
            "against_id": quality.against_id,
            "customers": quality.customers,
            "customers_before": quality.customers_before,
            "passed": not quality.broken,
            "findings": [
                asdict(finding) | {"sentence": finding.sentence} for finding in quality.findings
            ],
            "tables": quality.tables,
            "quantiles_at": list(QUANTILES),
            "tags": [_tag(tag) for tag in quality.tags],
        }
    )
    return report


def _tag(quality: TagQuality) -> dict[str, Any]:
    comparison = quality.comparison
    return {
        "tag": quality.tag.name,
        "group": quality.tag.group,
        "status": quality.status,
        "psi": comparison.drift,
        "bins": comparison.bins.names,
        "now": comparison.now,
        "reference": comparison.reference,
        "bounds": quality.bounds.model_dump(),
    }


def _row(quality: Quality, tag_quality: TagQuality) -> dict[str, Any]:
    tag, now = tag_quality.tag, tag_quality.comparison.now
    quantiles = now.quantiles or (None,) * len(QUANTILES)
    return {
        "as_of": quality.as_of,
        "against": quality.against,
        "group": tag.group,
        "tag": tag.name,
        "type": tag.type,
        "status": tag_quality.status,
        "null_share": now.null_share,
        "psi": tag_quality.comparison.drift,
        **{name: getattr(now, name) for name in ("rows", "nulls", "values", "scale")},
        **{name: getattr(now, name) for name in ("minimum", "maximum", "mean")},
        **{f"p{round(at * 100):02d}": q for at, q in zip(QUANTILES, quantiles, strict=True)},
    }
