"""Measure the distribution of each tag in a snapshot and its distance from a reference.

Each Parquet file is read twice. The first pass reads every k-th row, at most `SAMPLE` of them, for
quantiles and the edges of the bins; the second counts every row. Files are ordered by customer, so
the sample is the same in each run. Memory does not grow with the number of customers.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from ibis.backends.duckdb import Backend

from features.sql import quoted, sql_text
from features.tags.declare import Tag

SAMPLE = 100_000
BATCH = 65_536
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
DECILES = tuple(i / 10 for i in range(1, 10))
MOST_CATEGORIES = 30
LEAST_FOR_SCALE = 100
SMALLEST_SHARE = 1e-4
BELOW_ZERO = -1e-300
NULL, ZERO, OTHER = "null", "0", "other"
NUMBERS = ("int64", "float64")


@dataclass(frozen=True)
class Bins:
    """Bins in which a tag's values are counted. Null is the first bin of every tag.

    Attributes
    ----------
    edges : tuple of float
        Of a number: upper ends, each within its bin; zero has a bin of its own, and the last bin
        is open. The ends are the deciles of the reference's values other than null and zero.
    categories : tuple of str
        Of a text or a boolean: the most frequent values; a bin for all others follows.
    """

    edges: tuple[float, ...] = ()
    categories: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        """Names of the bins, in the order of the counts."""
        if not self.edges:
            return [NULL, *self.categories, OTHER]
        ends = [_end(edge) for edge in self.edges]
        return [NULL, *ends, f"> {self.edges[-1]:,.6g}"]


@dataclass(frozen=True)
class TagStatistics:
    """Statistics of one tag in one snapshot.

    Attributes
    ----------
    rows, nulls : int
        Customers, and customers whose tag is null.
    minimum, maximum, mean : float or None
        Of a number, over all customers; not finite if a value is not.
    quantiles : tuple of float
        At `QUANTILES`, from the sample; empty if all values are null.
    scale : float or None
        Median of the absolute values other than zero, from the sample, where it has at least
        `LEAST_FOR_SCALE` of them: it reveals a change of unit.
    values : int or None
        Of a text or a boolean: number of different values.
    counts : tuple of int
        Customers in each of the tag's bins.
    """

    rows: int
    nulls: int
    minimum: float | None = None
    maximum: float | None = None
    mean: float | None = None
    quantiles: tuple[float, ...] = ()
    scale: float | None = None
    values: int | None = None
    counts: tuple[int, ...] = ()

    @property
    def null_share(self) -> float:
        """Share of the customers whose tag is null."""
        return self.nulls / self.rows


@dataclass(frozen=True)
class TagComparison:
    """Statistics of one tag in a snapshot and in the reference (or None), in the same bins."""

    bins: Bins
    now: TagStatistics
    reference: TagStatistics | None

    @property
    def drift(self) -> float | None:
        """Population stability index against the reference."""
        if self.reference is None:
            return None
        return population_stability_index(self.reference.counts, self.now.counts)


def population_stability_index(reference: Sequence[int], now: Sequence[int]) -> float:
    """Sum over the bins of (q - p) ln(q / p), p and q the bin's share in the reference and now.

    A share below `SMALLEST_SHARE` counts as that, so that a bin which is empty on one side adds a
    finite amount and equal distributions have 0. It is never negative. It is the symmetric
    Kullback-Leibler divergence (Jeffreys 1946); in credit scoring since Lewis, "An Introduction to
    Credit Scoring" (1994).

    Examples
    --------
    >>> population_stability_index([50, 50], [5, 5])
    0.0
    >>> round(population_stability_index([50, 50], [75, 25]), 4)  # 0.25 ln 1.5 - 0.25 ln 0.5
    0.2747
    """
    return sum(index_parts(reference, now))


def index_parts(reference: Sequence[int], now: Sequence[int]) -> list[float]:
    """Compute what each bin adds to the population stability index, shape (bins,)."""
    before, after = sum(reference), sum(now)
    parts = []
    for count_before, count_after in zip(reference, now, strict=True):
        p = max(count_before / before, SMALLEST_SHARE)
        q = max(count_after / after, SMALLEST_SHARE)
        parts.append((q - p) * math.log(q / p))
    return parts


def measure(
    engine: Backend, tags: Sequence[Tag], now: Path, reference: Path | None
) -> dict[str, TagComparison]:
    """Measure the tags that the file `now` holds, and the same tags in `reference`.

    Parameters
    ----------
    engine : ibis DuckDB backend
        Reads the files.
    tags : sequence of Tag
        Declared tags; those that `now` lacks are passed over.
    now, reference : Path
        Parquet files with a column a tag; each holds at least one row.

    Returns
    -------
    dict of str to TagComparison
        By tag, in the order of `tags`. The reference of a tag that it lacks is None.
    """
    present = set(pq.read_schema(now).names)
    shared = present & set(pq.read_schema(reference).names) if reference is not None else set()
    comparisons: dict[str, TagComparison] = {}
    numbers = [tag for tag in tags if tag.name in present and tag.type in NUMBERS]
    before = [tag for tag in numbers if tag.name in shared]
    sampled_now = _sampled(now, numbers)
    sampled_before = _sampled(reference, before) if reference is not None else {}
    bins = {
        tag.name: Bins(edges=_edges(tag, sampled_before.get(tag.name, sampled_now[tag.name])))
        for tag in numbers
    }
    counted_now = _counted(engine, now, numbers, bins, sampled_now)
    counted_before = (
        _counted(engine, reference, before, bins, sampled_before) if reference is not None else {}
    )
    for tag in tags:
        if tag.name in counted_now:
            comparisons[tag.name] = TagComparison(
                bins[tag.name], counted_now[tag.name], counted_before.get(tag.name)
            )
        elif tag.name in present:
            comparisons[tag.name] = _categories(
                engine, tag.name, now, reference if tag.name in shared else None
            )
    return comparisons


def _end(edge: float) -> str:
    """Name a bin by its upper end."""
    if edge == 0:
        return ZERO
    return "< 0" if edge == BELOW_ZERO else f"≤ {edge:,.6g}"


@dataclass(frozen=True)
class _Sample:
    quantiles: tuple[float, ...]
    scale: float | None
    deciles: tuple[float, ...]


def _sampled(path: Path, tags: Sequence[Tag]) -> dict[str, _Sample]:
    """Compute quantiles of all values, of the sizes and of the values other than zero, by tag."""
    if not tags:
        return {}
    file = pq.ParquetFile(path)
    step = max(1, math.ceil(file.metadata.num_rows / SAMPLE))
    parts: list[pa.RecordBatch] = []
    start = 0
    for batch in file.iter_batches(BATCH, columns=[tag.name for tag in tags]):
        parts.append(batch if step == 1 else batch.take(np.arange(-start % step, len(batch), step)))
        start += len(batch)
    sample = pa.Table.from_batches(parts)
    return {tag.name: _sample(sample[tag.name]) for tag in tags}


def _sample(column: pa.ChunkedArray) -> _Sample:
    """Sort the values of a sample once, and read its quantiles from their places."""
    values = column.drop_null().to_numpy()
    # Values that are not finite show in minimum and maximum; quantiles leave them out.
    values = np.sort(values[np.isfinite(values)])
    others = values[values != 0]
    scale = None
    if len(others) >= LEAST_FOR_SCALE:
        sizes = others if others[0] > 0 else np.sort(np.abs(others))
        scale = sizes[_place(50, len(sizes))].item()
    return _Sample(_at(values, QUANTILES), scale, _at(others, DECILES))


def _at(values: "np.ndarray[Any, Any]", shares: Sequence[float]) -> tuple[float, ...]:
    """Return the least of sorted values that has a share of them at or below it; none of none."""
    places = [_place(round(100 * share), len(values)) for share in shares]
    return tuple(values[places].tolist()) if len(values) else ()


def _place(percent: int, count: int) -> int:
    """Return the place of a quantile among sorted values, in whole numbers."""
    return max(-(-percent * count // 100), 1) - 1


def _edges(tag: Tag, sample: _Sample) -> tuple[float, ...]:
    """Return the upper ends of the bins: zero alone, and deciles of the rest on both its sides."""
    below_zero = -1 if tag.type == "int64" else BELOW_ZERO
    return tuple(sorted({*sample.deciles, below_zero, 0}))


def _counted(
    engine: Backend,
    path: Path,
    tags: Sequence[Tag],
    bins: Mapping[str, Bins],
    samples: Mapping[str, _Sample],
) -> dict[str, TagStatistics]:
    """Count every row of every number, in one query."""
    if not tags:
        return {}
    aggregates = ["count(*)"]
    for tag in tags:
        value, type_ = quoted(tag.name), "BIGINT" if tag.type == "int64" else "DOUBLE"
        ends = ", ".join(repr(edge) for edge in bins[tag.name].edges)
        aggregates += [f"count({value})", f"min({value})", f"max({value})", f"avg({value})"]
        aggregates.append(f"histogram({value}::{type_}, [{ends}]::{type_}[])")
    rows, *row = _row(engine, f"SELECT {', '.join(aggregates)} FROM read_parquet({sql_text(path)})")
    statistics = {}
    for tag, cells in zip(tags, _in_groups(row, 5), strict=True):
        known, least, most, mean, histogram = cells
        within = [(histogram or {}).get(edge, 0) for edge in bins[tag.name].edges]
        sample = samples[tag.name]
        statistics[tag.name] = TagStatistics(
            rows,
            rows - known,
            least,
            most,
            # A mean of floats depends on the order of adding in its last digits.
            None if mean is None else float(f"{mean:.10g}"),
            sample.quantiles,
            sample.scale,
            counts=(rows - known, *within, known - sum(within)),
        )
    return statistics


def _categories(engine: Backend, name: str, now: Path, reference: Path | None) -> TagComparison:
    """Count how often each of the most frequent values of a text or boolean occurs."""
    value = quoted(name)
    counts = (
        "SELECT {value}::VARCHAR AS category, {now} AS now, {before} AS before FROM"
        " read_parquet({path}) GROUP BY 1"
    )
    sides = [counts.format(value=value, now="count(*)", before="0", path=sql_text(now))]
    if reference is not None:
        sides.append(
            counts.format(value=value, now="0", before="count(*)", path=sql_text(reference))
        )
    rows = engine.raw_sql(
        "WITH counted AS (SELECT category, sum(now)::BIGINT AS now, sum(before)::BIGINT AS before"
        f" FROM ({' UNION ALL '.join(sides)}) GROUP BY 1)"
        " SELECT category, now, before, count_if(now > 0 AND category IS NOT NULL) OVER (),"
        " count_if(before > 0 AND category IS NOT NULL) OVER (), sum(now) OVER ()::BIGINT,"
        " sum(before) OVER ()::BIGINT FROM counted"
        # Null first, whatever its share, then by the larger of both shares.
        " ORDER BY category IS NOT NULL, greatest(now / sum(now) OVER (),"
        " coalesce(before / nullif(sum(before) OVER (), 0), 0)) DESC, category"
        f" LIMIT {MOST_CATEGORIES + 1}"
    ).fetchall()
    nulls = rows.pop(0) if rows[0][0] is None else (None, 0, 0, *rows[0][3:])
    rows = rows[:MOST_CATEGORIES]
    values_now, values_before, total_now, total_before = nulls[3:]

    def side(place: int, total: int, values: int) -> TagStatistics:
        shown = [nulls[place], *(row[place] for row in rows)]
        counts = (*shown, total - sum(shown))
        return TagStatistics(total, nulls[place], values=values, counts=counts)

    return TagComparison(
        Bins(categories=tuple(row[0] for row in rows)),
        side(1, total_now, values_now),
        side(2, total_before, values_before) if reference is not None else None,
    )


def _row(engine: Backend, query: str) -> list[Any]:
    """Fetch the only row of a query."""
    return list(engine.raw_sql(query).fetchone())


def _in_groups(cells: Sequence[Any], size: int) -> list[Sequence[Any]]:
    return [cells[start : start + size] for start in range(0, len(cells), size)]
