"""Bins, statistics and the stability index, each against numbers worked out by hand."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.quality.statistics import (
    LEAST_FOR_SCALE,
    MOST_CATEGORIES,
    SAMPLE,
    TagComparison,
    measure,
    population_stability_index,
)
from features.tags.declare import Tag

ARROW = {"int64": pa.int64(), "float64": pa.float64(), "string": pa.string(), "boolean": pa.bool_()}
Column = list[Any]


@pytest.fixture(scope="module")
def engine() -> Any:
    return ibis.duckdb.connect()


@pytest.fixture
def compare(engine: Any, tmp_path: Path) -> Callable[..., TagComparison]:
    """One tag's values now and before, measured."""

    def run(type_: Any, now: Column, before: Column | None) -> TagComparison:
        tag = Tag("t", "", "t", "", "", "", "g", type_, None, None, lambda rows: rows.t)
        paths = []
        for name, values in (("now", now), ("before", before)):
            path = tmp_path / f"{name}.parquet"
            if values is not None:
                pq.write_table(pa.table({"t": pa.array(values, ARROW[type_])}), path)
            paths.append(path if values is not None else None)
        assert paths[0] is not None
        return measure(engine, [tag], paths[0], paths[1])["t"]

    return run


def test_the_stability_index_of_two_bins_is_that_worked_out_by_hand() -> None:
    # (0.75 - 0.5) ln(0.75 / 0.5) + (0.25 - 0.5) ln(0.25 / 0.5) = 0.25 * 0.405465 + 0.25 * 0.693147
    assert population_stability_index([10, 10], [300, 100]) == pytest.approx(0.274653, abs=1e-6)


def test_an_empty_bin_counts_as_one_in_ten_thousand() -> None:
    # (0.5 - 1) ln 0.5 + (0.5 - 0.0001) ln 5000 = 0.346574 + 4.257745
    assert population_stability_index([7, 0], [2, 2]) == pytest.approx(4.604319, abs=1e-5)


counts = st.lists(st.integers(0, 10_000), min_size=1, max_size=12).filter(any)


@given(st.data(), counts)
def test_the_index_is_never_negative_and_symmetric(data: Any, one: list[int]) -> None:
    size = len(one)
    other = data.draw(st.lists(st.integers(0, 10_000), min_size=size, max_size=size).filter(any))
    index = population_stability_index(one, other)
    assert index >= 0
    assert index == pytest.approx(population_stability_index(other, one))


@given(counts, st.integers(1, 50))
def test_the_same_distribution_has_not_drifted(one: list[int], times: int) -> None:
    assert population_stability_index(one, [n * times for n in one]) == pytest.approx(0, abs=1e-12)


def test_null_and_zero_have_bins_of_their_own(compare: Callable[..., TagComparison]) -> None:
    # Deciles of 1 ... 10 are 1 ... 9; what is above 9 is in the last bin.
    before = [None, None, 0, 0, 0, *range(1, 11)]
    found = compare("int64", [None, 0, 0, 1, 9, 10, 500, -3], before)
    assert found.bins.edges == (-1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
    assert found.bins.names[:3] == ["null", "≤ -1", "0"]
    assert found.bins.names[-1] == "> 9"
    assert found.reference is not None
    assert found.reference.counts == (2, 0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1)
    assert found.now.counts == (1, 1, 2, 1, 0, 0, 0, 0, 0, 0, 0, 1, 2)
    assert (found.now.rows, found.now.nulls, found.now.null_share) == (8, 1, 0.125)


def test_statistics_of_numbers(compare: Callable[..., TagComparison]) -> None:
    found = compare("float64", [None, *(i / 10 for i in range(101))], None)
    assert (found.now.minimum, found.now.maximum, found.now.mean) == (0, 10, 5)
    # quantile_disc: the first value with at least that share of the values at or below it.
    assert found.now.quantiles == (0.1, 0.5, 2.5, 5.0, 7.5, 9.5, 9.9)
    assert found.now.scale == pytest.approx(5.0)  # the 50th of 0.1 ... 10.0
    assert found.reference is None
    assert found.drift is None


def test_the_scale_of_few_values_says_nothing(compare: Callable[..., TagComparison]) -> None:
    few = [0] * 500 + [7] * (LEAST_FOR_SCALE - 1)
    assert compare("int64", few, few).now.scale is None
    assert compare("int64", [*few, -9], few).now.scale == 7


def test_values_that_are_not_finite_are_seen(compare: Callable[..., TagComparison]) -> None:
    found = compare("float64", [1.0, math.inf, 2.0], [1.0, 2.0, 3.0])
    assert found.now.maximum == math.inf
    assert math.isnan(compare("float64", [1.0, math.nan], None).now.maximum or 0)
    assert sum(found.now.counts) == 3


def test_a_tag_that_is_null_for_everyone(compare: Callable[..., TagComparison]) -> None:
    for type_, value in (("float64", 1.5), ("int64", 1), ("string", "x"), ("boolean", True)):
        found = compare(type_, [None, None], [None, value])
        assert (found.now.nulls, found.now.minimum, found.now.quantiles) == (2, None, ())
        # (1 - 0.5) ln 2 + (0.0001 - 0.5) ln 0.0002
        assert found.drift == pytest.approx(0.346574 + 4.257745, abs=1e-5)


def test_categories_are_those_of_both_sides(compare: Callable[..., TagComparison]) -> None:
    found = compare("string", ["a", "a", "new", None], ["a", "b", "b", None])
    assert found.bins.categories == ("a", "b", "new")
    assert found.reference is not None
    assert found.reference.counts == (1, 1, 2, 0, 0)
    assert found.now.counts == (1, 2, 0, 1, 0)
    assert (found.now.values, found.reference.values) == (2, 2)


def test_booleans_are_categories(compare: Callable[..., TagComparison]) -> None:
    found = compare("boolean", [True, False, False], [True, True, False, False])
    assert found.bins.categories == ("false", "true")
    assert found.now.counts == (0, 2, 1, 0)


def test_a_text_of_many_values_keeps_the_most_frequent(
    compare: Callable[..., TagComparison],
) -> None:
    many = [f"v{i:03d}" for i in range(100)] + ["often"] * 20
    found = compare("string", many, many)
    assert len(found.bins.categories) == MOST_CATEGORIES
    assert found.bins.categories[0] == "often"
    assert found.now.values == 101
    assert found.now.counts[-1] == 101 - MOST_CATEGORIES
    assert found.drift == 0


def test_a_shift_by_one_decile(compare: Callable[..., TagComparison]) -> None:
    # 1 ... 100 plus 10: the lowest tenth is empty now, the open bin above 90 holds two tenths.
    # (0 -> 0.0001 - 0.1) ln 0.001 + (0.2 - 0.1) ln 2
    found = compare("int64", list(range(11, 111)), list(range(1, 101)))
    expected = (0.0001 - 0.1) * math.log(0.001) + 0.1 * math.log(2)
    assert found.drift == pytest.approx(expected)


def test_every_row_counts_though_quantiles_are_sampled(
    compare: Callable[..., TagComparison],
) -> None:
    rows = 2 * SAMPLE + 1
    found = compare("int64", list(range(rows)), list(range(rows)))
    assert found.now.rows == sum(found.now.counts) == rows
    assert (found.now.minimum, found.now.maximum) == (0, rows - 1)
    assert found.now.quantiles[3] == pytest.approx(SAMPLE, rel=0.001)
    assert found.drift == 0
