"""Show how a tag or score is distributed: customers by value or range, counted as conditions are.

Each bar is a condition, so that it says what a count of it would say, of the same customers.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from math import ceil, floor, log10
from pathlib import Path

from features.condition_forms.condition import Condition
from features.condition_forms.structure import Group, Structure, Test, Value
from features.condition_forms.values import as_number
from features.condition_forms.vocabulary import Column, Vocabulary
from features.lake import Lake
from features.snapshots.snapshots import read_snapshot
from features.snapshots.tag_columns import snapshot_files
from features.sql import quoted, sql_text
from serving.lists.conditions.counting import BRANCH, count
from serving.predictions.scores_file import score_columns, scores_path

MOST_BARS = 12
BARS = 8
STEPS = (1, 2, 2.5, 5, 10)
OUTSIDE = (0.02, 0.98)
"""Quantiles between which ranges are of one width."""


@dataclass(frozen=True)
class Bar:
    """Customers with one value, or with a value of a range.

    Attributes
    ----------
    chinese, english : str
        The value or range in words.
    customers : int
        How many.
    """

    chinese: str
    english: str
    customers: int


@dataclass(frozen=True)
class Distribution:
    """Customers by the values of a tag or score.

    Attributes
    ----------
    as_of : date
        Date of the tags.
    customers : int
        Customers who are counted.
    nulls : int
        Those without a value.
    bars : list of Bar
        Those with one; values that are not named are in none.
    """

    as_of: date
    customers: int
    nulls: int
    bars: list[Bar]


def read_distribution(
    lake: Lake,
    as_of: date,
    name: str,
    vocabulary: Vocabulary,
    branches: Collection[str] | None = None,
) -> Distribution:
    """Count customers by the values of a tag or score.

    Parameters
    ----------
    lake : Lake
        The home.
    as_of : date
        Date of the tags.
    name : str
        The tag or score.
    vocabulary : Vocabulary
        Holds it.
    branches : collection of str, optional
        Only customers of these branches are counted; default: all.

    Raises
    ------
    GuanjiaError
        As `count`.
    """
    column = vocabulary.columns[name]
    bars = [*_bars(lake, as_of, column, branches)]
    structures = [Test(name, "is null"), *(structure for _, structure in bars)]
    conditions = [Condition(structure, vocabulary) for structure in structures]
    counts = count(lake, as_of, conditions, branches)
    nulls, *sizes = [counted.customers for counted in counts.conditions]
    shown = [Bar(*words, size) for (words, _), size in zip(bars, sizes, strict=True) if size]
    return Distribution(as_of, counts.customers, nulls, shown)


def _bars(
    lake: Lake, as_of: date, column: Column, branches: Collection[str] | None
) -> Iterator[tuple[tuple[str, str], Structure]]:
    """Choose the values and ranges of a column, each with its words."""
    name = column.name
    if column.kind == "yes or no":
        yield ("是", "yes"), Test(name, "=", True)
        yield ("否", "no"), Test(name, "=", False)
    elif column.codes:
        for code, label in column.codes.items():
            yield (label, str(code)), Test(name, "=", code)
    elif name == BRANCH and branches is not None:
        for branch in sorted(branches)[:MOST_BARS]:
            yield (branch, branch), Test(name, "=", branch)
    elif column.kind == "text":
        for text in _frequent(lake, _file(lake, as_of, name), name)[:MOST_BARS]:
            yield (str(text), str(text)), Test(name, "=", str(text))
    elif column.kind == "number":
        yield from _ranges(lake, as_of, column)


def _ranges(lake: Lake, as_of: date, column: Column) -> Iterator[tuple[tuple[str, str], Structure]]:
    path, name = _file(lake, as_of, column.name), column.name
    values = _frequent(lake, path, name)
    if len(values) <= MOST_BARS:
        for value in sorted(as_number(float(value)) for value in values):
            yield (_words(value, column),) * 2, Test(name, "=", value)
        return
    low, high = _outer(lake, path, name)
    edges = _edges(low, high)
    above_zero = edges[0] <= 0 <= low
    if above_zero:
        yield (_words(0, column),) * 2, Test(name, "=", 0)
        edges = [edge for edge in edges if edge > 0]
    first, last = edges[0], edges[-1]
    below = Test(name, "<", first)
    least = Group("all", (Test(name, ">", 0), below)) if above_zero else below
    yield (f"< {_words(first, column)}",) * 2, least
    for lower, upper in pairwise(edges):
        words = f"{_words(lower, column)} – {_words(upper, column)}"
        yield (words, words), Group("all", (Test(name, ">=", lower), Test(name, "<", upper)))
    yield (f"≥ {_words(last, column)}",) * 2, Test(name, ">=", last)


def _edges(low: float, high: float) -> list[int | float]:
    """Cut a span into some ranges of one width, at round numbers.

    Examples
    --------
    >>> _edges(0.03, 0.97)
    [0, 0.2, 0.4, 0.6, 0.8, 1]
    >>> _edges(7, 7)
    [7, 8]
    """
    rough = (high - low) / BARS
    power = 10 ** floor(log10(rough)) if rough > 0 else 1
    step = next(size * power for size in STEPS if size * power >= rough)
    places = range(floor(low / step), max(ceil(high / step), floor(low / step) + 1) + 1)
    return [as_number(round(place * step, 10)) for place in places]


def _words(value: Value, column: Column) -> str:
    if column.is_share:
        return f"{as_number(round(100 * float(value), 6)):,}%"
    return f"{value:,}" if isinstance(value, int | float) else str(value)


def _file(lake: Lake, as_of: date, name: str) -> Path:
    """Find the file that counts read a column of."""
    scores = scores_path(lake, as_of)
    if name in score_columns() and scores.exists():
        return scores
    ((path, _),) = snapshot_files(lake, read_snapshot(lake, as_of), [name]).values()
    return path


def _frequent(lake: Lake, path: Path, name: str) -> list[Value]:
    """Read the values that most customers have, one more than bars at most."""
    query = (
        f"SELECT {quoted(name)} FROM read_parquet({sql_text(path)}) WHERE {quoted(name)} "
        f"IS NOT NULL GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT {MOST_BARS + 1}"
    )
    return [value for (value,) in lake.con.cursor().execute(query).fetchall()]


def _outer(lake: Lake, path: Path, name: str) -> tuple[float, float]:
    """Read the quantiles `OUTSIDE` of the values other than zero."""
    query = (
        f"SELECT quantile_cont({quoted(name)}::DOUBLE, {list(OUTSIDE)}) "
        f"FROM read_parquet({sql_text(path)}) WHERE {quoted(name)} <> 0"
    )
    (quantiles,) = lake.con.cursor().execute(query).fetchone() or (None,)
    low, high = quantiles or (0.0, 0.0)
    return low, high
