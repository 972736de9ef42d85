"""Write target lists: whom to contact, in which order and why, as a file that a call centre opens.

A list is selected by `serving.lists.selection` from the scores and tags of a date, and joined with
names and phone numbers as known then. Days are told as they stand on the day after the date, on
which the list is worked; conditions are about the date.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Connection

from features.lake import Lake
from features.settings import cutoff
from features.tags.catalogue import catalogue
from features.tags.declare import Tag
from serving.lists.definitions.definition import ListDefinition
from serving.lists.people import LAST_CONTACT, Person, last_contact, read_people
from serving.lists.questions import check_list
from serving.lists.reasons import on_next_day, read_reasons, read_rows
from serving.lists.rules import RULES
from serving.lists.scores import Row
from serving.lists.selection import select
from serving.predictions.margin import LABELS
from serving.predictions.reasons import Reason
from serving.predictions.sense import Direction
from serving.spreadsheet import write_csv
from serving.tag_words import figure_of, is_absent
from training.models import MODELS

FEN = Decimal("0.01")
EFFECTS: Mapping[Direction, str] = {"raises": "提高", "lowers": "降低"}
HOLDOUT_HEADING = "对照组"
Note = Callable[[Sequence[str], Sequence[str]], None]
"""Called with the headings and the customer ids of a list before it is written."""


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
    at: datetime | None = None,
    connection: Connection | None = None,
    note: Note | None = None,
    with_holdout: bool = False,
) -> ListRun:
    """Write a declared list as a CSV file.

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
    at : datetime, optional
        Now. Default: the end of the date.
    connection : Connection, optional
        Of the records, which know of refusals and contacts. Default: nothing is on record.
    note : Note, optional
        Called before the file is written; if it raises, nothing is written.
    with_holdout : bool
        Keep the customers of the holdout, marked in a column; default: they are left out.

    Raises
    ------
    GuanjiaError
        If the list or a column is unknown, a condition is not valid, or scores are missing or do
        not belong to the snapshot.
    """
    definition = check_list(lake, name, where, top).definition
    now = at or cutoff(as_of, lake.settings.timezone)
    chosen = select(lake, definition, as_of, now, connection=connection, where=where)
    places = chosen.placed if with_holdout else chosen.sent
    customers = [place.customer_id for place in places]
    reasons = read_reasons(lake, definition, as_of, customers)
    more = read_rows(lake, as_of, [LAST_CONTACT, "branch", *definition.columns], customers)
    people = read_people(lake, as_of, customers, connection)
    marked = {place.customer_id for place in chosen.held_out} if with_holdout else None
    rows = [more[customer] for customer in customers]
    whys = [reasons[customer] for customer in customers]
    sheet = _sheet(definition, as_of, rows, people, whys, marked)
    if note is not None:
        note(list(sheet), customers)
    count = write_csv(out, list(sheet), zip(*sheet.values(), strict=True))
    preview = [
        {
            "customer_id": row["customer_id"],
            "name": people.get(row["customer_id"], Person()).name,
            "star": f"{row['star_level']} {row['star_name']}" if row["star_name"] else None,
            definition.model: round(float(row[definition.model]), 4),
            "why": "; ".join(reason.chinese for reason in why),
            "why_english": "; ".join(reason.english for reason in why),
        }
        for row, why in zip(rows[:shown], whys, strict=False)
    ]
    left_out = {
        rule.english: len(chosen.left_out[rule.name])
        for rule in RULES.values()
        if rule.name in chosen.left_out
    }
    if with_holdout and marked:
        still_left = left_out.pop(RULES["holdout"].english) - len(marked)
        left_out |= {RULES["holdout"].english: still_left} if still_left else {}
    return ListRun(
        name=name,
        label=definition.label,
        as_of=as_of,
        path=out,
        rows=count,
        matched=chosen.matched,
        left_out=left_out,
        consent="checked" if lake.has("consents") else "not recorded",
        preview=preview,
    )


def _sheet(
    definition: ListDefinition,
    as_of: date,
    rows: Sequence[Row],
    people: Mapping[str, Person],
    reasons: Sequence[Sequence[Reason]],
    marked: Collection[str] | None,
) -> dict[str, list[Any]]:
    """Build the columns of the file, by their Chinese headings; `marked` are in the holdout."""
    who = [people.get(row["customer_id"], Person()) for row in rows]
    values = [row["customer_value"] for row in rows]
    sheet: dict[str, list[Any]] = {
        "客户号": [row["customer_id"] for row in rows],
        "姓名": [person.name for person in who],
        "手机号": [person.phone for person in who],
        "星级": [row["star_level"] for row in rows],
        "星级名称": [row["star_name"] for row in rows],
        "客户价值(元)": [value if value is None else value.quantize(FEN) for value in values],
        "机构": [row["branch"] for row in rows],
        "客户经理": [person.manager for person in who],
        "车牌号": [person.plate for person in who],
        "车险到期日": [person.expiry for person in who],
        "最近触达": [last_contact(as_of, row[LAST_CONTACT]) for row in rows],
    }
    for name, model in MODELS.items():
        digits = 2 if model.kind == "amount" else 4
        sheet[model.label] = [_rounded(row[name], digits) for row in rows]
    for name, label in LABELS.items():
        sheet[label] = [_rounded(row[name], 2) for row in rows]
    for name in definition.columns:
        heading, cells = _tag_column(catalogue()[name], [row[name] for row in rows])
        sheet[heading] = cells
    if marked is not None:
        sheet[HOLDOUT_HEADING] = ["是" if row["customer_id"] in marked else "" for row in rows]
    heading = f"原因({EFFECTS[definition.direction]}{definition.spec.label})"
    sheet[heading] = ["; ".join(reason.chinese for reason in why) for why in reasons]
    return sheet


def _tag_column(tag: Tag, values: Sequence[Any]) -> tuple[str, list[Any]]:
    """Write a tag as a column: heading with unit, and cells as of the day after."""
    moved = [on_next_day({tag.name: value})[tag.name] for value in values]
    unit = figure_of(None, tag.unit, tag.label)[1]
    heading = f"{tag.label}({unit})" if unit else tag.label
    return heading, [figure_of(value, tag.unit, tag.label)[0] for value in moved]


def _rounded(value: Any, digits: int) -> float | None:
    return None if is_absent(value) else round(float(value), digits)
