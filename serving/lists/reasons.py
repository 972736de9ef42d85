"""Find the reasons in words why customers stand where they do on a list."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from features.lake import Lake
from features.sql import sql_text
from features.tags.catalogue import catalogue
from serving.lists.definitions.definition import ListDefinition
from serving.lists.questions import readable_columns
from serving.lists.scores import Row, fetch_rows
from serving.lists.source import match_query
from serving.predictions.probabilities import customer_columns, load_models, needed_tags
from serving.predictions.reasons import Reason, strongest_reasons
from serving.predictions.sense import staying_direction
from serving.tag_words import is_absent
from serving.touchpoints.tag_days import day_step

DAYS_OF_QUESTIONS = {"lead_days": -1}
"""Features of questions that count days and are no tags -> by how much they move in a day."""
BATCH_ROWS = 5_000


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
    served, known = models[definition.model], catalogue()
    staying = staying_direction(definition.spec)
    reasons: dict[str, list[Reason]] = {}
    for rows in _batches(lake, as_of, needed_tags(models), customers):
        columns = customer_columns(served, rows)
        weights = served.predictor.contributions(columns)
        values = zip(*columns.values(), strict=True)
        for row, values_of_one, own in zip(rows, values, weights, strict=True):
            reasons[row["customer_id"]] = strongest_reasons(
                served.features,
                on_next_day(dict(zip(columns, values_of_one, strict=True))),
                own,
                effect=definition.direction,
                staying=staying,
                known=known,
            )
    return reasons


def on_next_day(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values as they stand on the day after the date, on which the list is worked."""
    steps = {name: DAYS_OF_QUESTIONS.get(name, day_step(name)) for name in values}
    return {
        name: value if is_absent(value) or not steps[name] else value + steps[name]
        for name, value in values.items()
    }


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
    return {
        row["customer_id"]: row for rows in _batches(lake, as_of, tags, customers) for row in rows
    }


def _batches(
    lake: Lake, as_of: date, names: Sequence[str], customers: Sequence[str]
) -> Iterator[list[Row]]:
    """Read scores and tags of customers, some thousands at a time."""
    tags = [name for name in names if name in catalogue() and name not in readable_columns()]
    for start in range(0, len(customers), BATCH_ROWS):
        # As JSON: to take parameters, DuckDB imports pandas.
        listed = json.dumps(list(customers[start : start + BATCH_ROWS]))
        named = f"customer_id IN (SELECT unnest(from_json({sql_text(listed)}, '[\"VARCHAR\"]')))"
        yield fetch_rows(lake, match_query(lake, as_of, tags, [named], []))
