"""Write target lists: whom to contact, in which order and why, as a file that a call centre opens.

A list is declared with its model (`training.models`). It is selected from the scores and tags of a
date, joined with names and phone numbers as known then, without customers who have not consented
to marketing. Days are told as they stand on the day after the date, on which the list is worked;
conditions are about the date.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import duckdb
import pyarrow.parquet as pq

from features.erased import Erased
from features.errors import GuanjiaError
from features.lake import Lake
from features.lake.plain_rows import plain_rows
from features.snapshots.snapshots import read_snapshot
from features.sql import sql_text
from features.tags.catalogue import catalogue
from features.tags.declare import Tag
from serving.lists.questions import check_list, readable_columns
from serving.lists.source import list_query, refusals_table, refuse_unknown_texts
from serving.predictions.margin import LABELS
from serving.predictions.probabilities import (
    ServedModel,
    customer_columns,
    load_models,
    needed_tags,
)
from serving.predictions.reasons import Reason, strongest_reasons
from serving.predictions.scores_file import scores_path
from serving.predictions.sense import Direction, staying_direction
from serving.records.people.consents import Refusals
from serving.spreadsheet import write_csv
from serving.tag_words import figure_of, is_absent
from serving.touchpoints.tag_days import day_step
from training.model_spec import ModelSpec, TargetList
from training.models import MODELS

FEN = Decimal("0.01")
DAYS_OF_QUESTIONS = {"lead_days": -1}
"""Features of questions that count days and are no tags -> by how much they move in a day."""
EFFECTS: Mapping[Direction, str] = {"raises": "提高", "lowers": "降低"}
Row = dict[str, Any]
Note = Callable[[Sequence[str], Sequence[str]], None]
"""Called with the headings and the customer ids of a list before it is written."""


InHoldout = Callable[[str], bool]
HOLDOUT, HOLDOUT_HEADING = "in the holdout", "对照组"


@dataclass(frozen=True)
class ListRun:
    """Summary of a list run.

    Attributes
    ----------
    name, label : str
        Name and Chinese label of the list.
    as_of : date
        Date of the scores.
    path : Path
        The file written.
    rows : int
        Customers on the list.
    matched : int
        Customers that meet the condition, before consent.
    left_out : dict[str, int]
        How many of them were left out, by reason.
    consent : str
        "checked", or "not recorded" if the insurer delivers no consents.
    preview : list[dict[str, Any]]
        The first rows of the list: customer, star, probability, reasons.
    """

    name: str
    label: str
    as_of: date
    path: Path
    rows: int
    matched: int
    left_out: dict[str, int]
    consent: Literal["checked", "not recorded"]
    preview: list[dict[str, Any]]


def write_list(
    lake: Lake,
    name: str,
    as_of: date,
    where: str | None = None,
    top: int = 500,
    *,
    out: Path,
    shown: int = 5,
    refused: Refusals | None = None,
    note: Note | None = None,
    in_holdout: InHoldout | None = None,
    with_holdout: bool = False,
) -> ListRun:
    """Write a target list as a CSV file.

    Parameters
    ----------
    lake : Lake
        The home with scores, snapshot, champions and checked tables.
    name : str
        Name of the list.
    as_of : date
        Date of the scores.
    where : str, optional
        Narrows the list's own condition (see `compile_condition`). May name segments.
    top : int
        Maximal number of customers.
    out : Path
        The file to write.
    shown : int
        Number of rows of the preview.
    refused : Refusals, optional
        Customers who refused at our touchpoints, which the core system may not know yet: they are
        left out too.
    note : Note, optional
        Called before the file is written; if it raises, nothing is written.
    in_holdout : callable of (str) to bool, optional
        Says which customers are in the holdout, whom no marketing reaches; default: nobody is.
    with_holdout : bool
        Keep the customers of the holdout, marked in a column; default: they are left out.

    Raises
    ------
    GuanjiaError
        If the list or a column is unknown, a condition is not valid, or scores are missing or do
        not belong to the snapshot.
    """
    question = check_list(lake, name, where, top)
    spec, target = question.spec, question.target
    if not scores_path(lake, as_of).exists():
        raise GuanjiaError(
            f"scores of {as_of}", "are not there", f"run `guanjia score --as-of {as_of}`"
        )
    _check_scores(lake, as_of)
    tags = catalogue()
    models = load_models(lake, [spec.name])
    named = {*question.columns, *target.order.replace(",", " ").split(), *target.columns}
    named |= {*needed_tags(models)}
    used = [tag for tag in tags if tag in named and tag not in readable_columns()]
    query = list_query(lake, as_of, used, question.conditions)
    refuse_unknown_texts(lake, as_of, used, question.texts)
    with refusals_table(lake, refused or Refusals()):
        counted = _rows(
            lake, f"SELECT barred, count(*) AS rows FROM ({query}) GROUP BY barred ORDER BY barred"
        )
        order = f"ORDER BY {target.order}, customer_id"
        free = _rows(lake, f"SELECT customer_id FROM ({query}) WHERE barred IS NULL {order}")
        ids = [str(row["customer_id"]) for row in free]
        holdout = {customer for customer in ids if in_holdout is not None and in_holdout(customer)}
        ids = [customer for customer in ids if with_holdout or customer not in holdout][:top]
        listed = ", ".join(map(sql_text, ids)) or "NULL"
        chosen = _rows(lake, f"SELECT * FROM ({query}) WHERE customer_id IN ({listed}) {order}")
    counts = {row["barred"]: row["rows"] for row in counted}
    if holdout and not with_holdout:
        counts[HOLDOUT] = len(holdout)
        counts[None] -= len(holdout)
    chosen = _without_erased(lake, chosen)
    reasons = _reasons(models[spec.name], chosen, target.effect, tags)
    sheet = _sheet(chosen, spec, target, reasons, tags, holdout if with_holdout else None)
    if note is not None:
        note(list(sheet), [str(row["customer_id"]) for row in chosen])
    rows = write_csv(out, list(sheet), zip(*sheet.values(), strict=True))
    preview = [
        {
            "customer_id": row["customer_id"],
            "name": row["name"],
            "star": f"{row['star_level']} {row['star_name']}" if row["star_name"] else None,
            spec.name: round(float(row[spec.name]), 4),
            "why": "; ".join(reason.chinese for reason in why),
            "why_english": "; ".join(reason.english for reason in why),
        }
        for row, why in zip(chosen[:shown], reasons, strict=False)
    ]
    return ListRun(
        name=name,
        label=target.label,
        as_of=as_of,
        path=out,
        rows=rows,
        matched=sum(counts.values()),
        left_out={why: count for why, count in counts.items() if why is not None},
        consent="checked" if lake.has("consents") else "not recorded",
        preview=preview,
    )


def _check_scores(lake: Lake, as_of: date) -> None:
    """Refuse scores of other tags or models than the list would show beside them."""
    cure = f"run `guanjia score --as-of {as_of}` again"
    later = set(readable_columns()) - set(pq.read_schema(scores_path(lake, as_of)).names)
    if later:
        fault = f"do not have {', '.join(sorted(later))}: they were made by an earlier release"
        raise GuanjiaError(f"scores of {as_of}", fault, cure)
    path = sql_text(scores_path(lake, as_of))
    scored = _rows(lake, f"SELECT DISTINCT snapshot_id FROM read_parquet({path})")
    snapshot = read_snapshot(lake, as_of)
    if {row["snapshot_id"] for row in scored} - {snapshot.snapshot_id, *snapshot.former_ids}:
        raise GuanjiaError(f"scores of {as_of}", "were made from an earlier snapshot", cure)


def _rows(lake: Lake, sql: str) -> list[Row]:
    try:
        return plain_rows(lake.con.execute(sql).to_arrow_table())
    except (duckdb.ConversionException, duckdb.BinderException) as error:
        first = str(error).splitlines()[0]
        cure = "compare numbers with numbers, texts with texts, dates with '2026-06-30'"
        raise GuanjiaError(
            "condition", f"compares what cannot be compared ({first})", cure
        ) from None


def _without_erased(lake: Lake, chosen: list[Row]) -> list[Row]:
    """Leave out customers who were erased since the scores were made."""
    gone = Erased(lake.settings).among(row["customer_id"] for row in chosen)
    return [row for row in chosen if row["customer_id"] not in gone]


def _reasons(
    served: ServedModel, chosen: list[Row], effect: Direction, tags: Mapping[str, Tag]
) -> list[list[Reason]]:
    if not chosen:
        return []
    columns = customer_columns(served, chosen)
    contributions = served.predictor.contributions(columns)
    staying = staying_direction(MODELS[served.name])
    return [
        strongest_reasons(
            served.features,
            _on_next_day(dict(zip(columns, values, strict=True))),
            weights,
            effect=effect,
            staying=staying,
            known=tags,
        )
        for *values, weights in zip(*columns.values(), contributions, strict=True)
    ]


def _on_next_day(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values as they stand on the day after the date, on which the list is worked."""
    steps = {name: DAYS_OF_QUESTIONS.get(name, day_step(name)) for name in values}
    return {
        name: value if is_absent(value) or not steps[name] else value + steps[name]
        for name, value in values.items()
    }


def _sheet(
    chosen: list[Row],
    spec: ModelSpec,
    target: TargetList,
    reasons: list[list[Reason]],
    tags: Mapping[str, Tag],
    marked: Collection[str] | None,
) -> dict[str, list[Any]]:
    """Build the columns of the file, by their Chinese headings; `marked` are in the holdout."""
    values = [row["customer_value"] for row in chosen]
    sheet: dict[str, list[Any]] = {
        "客户号": [row["customer_id"] for row in chosen],
        "姓名": [row["name"] for row in chosen],
        "手机号": [row["phone"] for row in chosen],
        "星级": [row["star_level"] for row in chosen],
        "星级名称": [row["star_name"] for row in chosen],
        "客户价值(元)": [value if value is None else value.quantize(FEN) for value in values],
    }
    for name, model in MODELS.items():
        digits = 2 if model.kind == "amount" else 4
        sheet[model.label] = [_rounded(row[name], digits) for row in chosen]
    for name, label in LABELS.items():
        sheet[label] = [_rounded(row[name], 2) for row in chosen]
    for name in target.columns:
        moved = (_on_next_day({name: row[name]})[name] for row in chosen)
        label = tags[name].label
        cells = [figure_of(value, tags[name].unit, label) for value in moved]
        unit = figure_of(None, tags[name].unit, label)[1]
        sheet[f"{label}({unit})" if unit else label] = [shown for shown, _ in cells]
    if marked is not None:
        sheet[HOLDOUT_HEADING] = ["是" if row["customer_id"] in marked else "" for row in chosen]
    heading = f"原因({EFFECTS[target.effect]}{spec.label})"
    sheet[heading] = ["; ".join(reason.chinese for reason in why) for why in reasons]
    return sheet


def _rounded(value: Any, digits: int) -> float | None:
    return None if is_absent(value) else round(float(value), digits)
