"""Find the reasons in words why customers stand where they do on a list."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from features.lake import Lake
from features.lake.plain_rows import plain_rows
from features.snapshots.snapshots import read_snapshot
from features.snapshots.tag_columns import snapshot_batches
from features.tags.catalogue import catalogue
from serving.lists.definitions.definition import ListDefinition
from serving.lists.questions import readable_columns
from serving.lists.scores import Row
from serving.lists.source import rows_query
from serving.predictions.probabilities import load_models, needed_tags, question_columns
from serving.predictions.reasons import Reason, ThemedFeatures
from serving.predictions.sense import staying_direction
from serving.tag_words import is_absent
from serving.touchpoints.tag_days import day_step

DAYS_OF_QUESTIONS = {"lead_days": -1}
"""Features of questions that count days and are no tags -> by how much they move in a day."""
FEW, MOST_READ, BATCH_ROWS = 1_000, 100_000, 50_000
"""Customers who are looked up; whose rows are read at a time; who are passed over at a time."""


def read_reasons(
    lake: Lake, definition: ListDefinition, as_of: date, customers: Sequence[str]
) -> dict[str, list[Reason]]:
    """Find the strongest reasons of customers, by customer.

    Parameters
    ----------
    lake : Lake
        The home with scores, snapshot and champions.
    definition : ListDefinition
        The list, which says of which model and in which direction.
    as_of : date
        Date of the scores and the tags. Days are told as they stand on the day after.
    customers : sequence of str
        The customers.

    Raises
    ------
    GuanjiaError
        If the model has no champion, or the snapshot lacks a tag.
    """
    if not customers:
        return {}
    models = load_models(lake, [definition.model])
    served = models[definition.model]
    themed = ThemedFeatures(served.features, staying=staying_direction(definition.spec))
    reasons: dict[str, list[Reason]] = {}
    for ids, tags in _columns(lake, as_of, needed_tags(models), customers):
        columns = question_columns(served, tags)
        weights = served.predictor.contributions(columns, lake.settings.threads).tolist()
        later = {name: _on_next_day(name, values) for name, values in columns.items()}
        for customer, values, own in zip(
            ids, zip(*later.values(), strict=True), weights, strict=True
        ):
            named = dict(zip(later, values, strict=True))
            reasons[customer] = themed.reasons(named, own, effect=definition.direction)
    return reasons


def on_next_day(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values as they stand on the day after the date, on which the list is worked."""
    return {name: _on_next_day(name, [value])[0] for name, value in values.items()}


def _on_next_day(name: str, values: list[Any]) -> list[Any]:
    """Return the values of a column as they stand on the day after the date."""
    step = DAYS_OF_QUESTIONS.get(name, day_step(name))
    if not step:
        return values
    return [value if is_absent(value) else value + step for value in values]


def read_rows(
    lake: Lake, as_of: date, tags: Sequence[str], customers: Sequence[str]
) -> dict[str, Row]:
    """Read scores and tags of customers, by customer.

    Parameters
    ----------
    lake : Lake
        The home.
    as_of : date
        Date of scores and tags.
    tags : sequence of str
        Tags to read beside the scores.
    customers : sequence of str
        The customers.
    """
    named = [name for name in tags if name in catalogue() and name not in readable_columns()]
    rows: dict[str, Row] = {}
    for start in range(0, len(customers), MOST_READ):
        query = rows_query(lake, as_of, named, customers[start : start + MOST_READ])
        table = lake.con.execute(query).to_arrow_table()
        rows |= {row["customer_id"]: row for row in plain_rows(table)}
    return rows


def _columns(
    lake: Lake, as_of: date, tags: Sequence[str], customers: Sequence[str]
) -> Iterator[tuple[list[str], dict[str, list[Any]]]]:
    """Read tags of customers as columns of plain values, some thousands at a time.

    Of a few the parts of the files are read in which they are, of many the files side by side.
    """
    if len(customers) <= FEW:
        rows = read_rows(lake, as_of, tags, customers)
        yield [*rows], {name: [row[name] for row in rows.values()] for name in tags}
        return
    listed = pa.array(customers, pa.string())
    for batch in snapshot_batches(lake, read_snapshot(lake, as_of), tags, BATCH_ROWS):
        own = batch.filter(pc.is_in(batch.column("customer_id"), listed))
        if len(own):
            yield (
                own.column("customer_id").to_pylist(),
                {name: own.column(name).to_pylist() for name in tags},
            )
