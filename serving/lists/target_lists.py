"""Write target lists: whom to contact, in which order and why, as a file that a call centre opens.

A list is selected by `serving.lists.selection` from the scores and tags of a date, and joined with
names and phone numbers as known then. Days are told as they stand on the day after the date, on
which the list is worked; conditions are about the date.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Connection

from features.lake import Lake
from features.settings import cutoff
from features.tags.catalogue import catalogue
from serving.lists.definitions.definition import ListDefinition
from serving.lists.export.about import AboutExport
from serving.lists.export.columns import ExportColumn, Kind, tag_column, with_mark
from serving.lists.export.files import export_format, write_export
from serving.lists.people import LAST_CONTACT, Person, last_contact, read_people
from serving.lists.questions import check_list
from serving.lists.reasons import on_next_day, read_reasons, read_rows
from serving.lists.rules import RULES
from serving.lists.scores import Row
from serving.lists.selection import select
from serving.predictions.reasons import Reason
from serving.predictions.scores_file import LABELS
from serving.predictions.sense import Direction
from training.models import MODELS

KINDS: Mapping[str, tuple[Kind, int]] = {"probability": ("percent", 4), "amount": ("money", 2)}
"""Kind of a model -> kind and decimals of its column."""
EFFECTS: Mapping[Direction, str] = {"raises": "提高", "lowers": "降低"}
HOLDOUT_HEADING = "对照组"
Note = Callable[[Sequence[str], Sequence[str]], str]
"""Called with the headings and the customer ids of a list before it is written; its number."""
UNRECORDED = "unrecorded"
"""Number of an export that no record knows."""


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
    export_id : str
        Its number in the records, which every row bears.
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
    export_id: str
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
    who: str = "",
    why: str = "marketing",
) -> ListRun:
    """Write a declared list to a file, whose ending says the format.

    Parameters
    ----------
    lake : Lake
        The home with scores, snapshot, champions and checked tables.
    name : str
        Name of the list.
    as_of : date
        Date of the scores.
    where : str, optional
        Narrows the list's own condition, as people type it (docs/conditions.md).
    top : int
        Maximal number of customers.
    out : Path
        The file to write: .csv, .xlsx, .parquet, .ndjson or .json.
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
    who, why : str
        Who takes it, and what for.

    Raises
    ------
    GuanjiaError
        If the list or a column is unknown, a condition is not valid, scores are missing or do not
        belong to the snapshot, or the file has an ending that is no format.
    """
    export_format(out)
    question = check_list(lake, name, where, top)
    definition = question.definition
    now = at or cutoff(as_of, lake.settings.timezone)
    chosen = select(lake, definition, as_of, now, connection=connection, where=where)
    places = chosen.placed[:top] if with_holdout else chosen.sent
    customers = [place.customer_id for place in places]
    reasons = read_reasons(lake, definition, as_of, customers)
    more = read_rows(lake, as_of, [LAST_CONTACT, "branch", *definition.columns], customers)
    people = read_people(lake, as_of, customers, connection)
    marked = {place.customer_id for place in places if place.holdout} if with_holdout else None
    rows = [more[customer] for customer in customers]
    whys = [reasons[customer] for customer in customers]
    sheet = _sheet(definition, as_of, rows, people, whys, marked)
    headings = [column.heading for column in with_mark([*sheet])]
    counts = {rule: len(customers) for rule, customers in chosen.left_out.items()}
    about = AboutExport(
        export_id=UNRECORDED if note is None else note(headings, customers),
        name=name,
        label=definition.label,
        as_of=as_of,
        who=who,
        why=why,
        at=now,
        plain=question.condition.plain,
        chinese=question.condition.chinese,
        waterfall=[
            ("符合条件", chosen.matched),
            *((RULES[rule].chinese, number) for rule, number in counts.items() if rule in RULES),
            ("名单人数", len(customers)),
        ],
        masked=False,
        named=[*question.condition.columns, *definition.columns],
    )
    count = write_export(out, [*sheet], zip(*sheet.values(), strict=True), about).rows
    preview = [
        {
            "customer_id": row["customer_id"],
            "name": people.get(row["customer_id"], Person()).name,
            "star": f"{row['star_level']} {row['star_name']}" if row["star_name"] else None,
            definition.model: round(float(row[definition.model]), 4),
            "why": "；".join(reason.chinese for reason in why),
            "why_english": "; ".join(reason.english for reason in why),
        }
        for row, why in zip(rows[:shown], whys, strict=False)
    ]
    left_out = {
        rule.english: len(chosen.left_out[rule.name])
        for rule in RULES.values()
        if rule.name in chosen.left_out
    }
    if marked:
        # They stand in the file, in the place of the last of those who would be sent.
        holdout, size = RULES["holdout"].english, RULES["size"].english
        left_out[holdout] -= len(marked)
        left_out[size] = left_out.get(size, 0) + len(chosen.sent) - (len(places) - len(marked))
        left_out = {why: count for why, count in left_out.items() if count}
    return ListRun(
        name=name,
        label=definition.label,
        as_of=as_of,
        path=out,
        export_id=about.export_id,
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
) -> dict[ExportColumn, list[Any]]:
    """Build the columns of the file with their values; `marked` are in the holdout."""
    who = [people.get(row["customer_id"], Person()) for row in rows]
    column = ExportColumn
    sheet: dict[ExportColumn, list[Any]] = {
        column("customer_id", "客户号", "id"): [row["customer_id"] for row in rows],
        column("name", "姓名", personal="name"): [person.name for person in who],
        column("phone", "手机号", "phone", personal="phone"): [person.phone for person in who],
        column("star_level", "星级", "number"): [row["star_level"] for row in rows],
        column("star_name", "星级名称"): [row["star_name"] for row in rows],
        column("customer_value", "客户价值（元）", "money", 2): [
            row["customer_value"] for row in rows
        ],
        column("branch", "机构", "id"): [row["branch"] for row in rows],
        column("manager", "客户经理", personal="name"): [person.manager for person in who],
        column("plate", "车牌号", "id", personal="plate"): [person.plate for person in who],
        column("expiry", "车险到期日", "date"): [person.expiry for person in who],
        column("last_contact", "最近触达", "date"): [
            last_contact(as_of, row[LAST_CONTACT]) for row in rows
        ],
    }
    for name, model in MODELS.items():
        kind, digits = KINDS.get(model.kind, ("number", 4))
        sheet[column(name, model.label, kind, digits)] = [row[name] for row in rows]
    for name, label in LABELS.items():
        sheet[column(name, label, "money", 2)] = [row[name] for row in rows]
    for name in definition.columns:
        if all(name != described.name for described in sheet):
            values = [on_next_day({name: row[name]})[name] for row in rows]
            sheet[tag_column(catalogue()[name])] = values
    if marked is not None:
        sheet[column("holdout", HOLDOUT_HEADING)] = [
            "是" if row["customer_id"] in marked else "" for row in rows
        ]
    heading = f"原因（{EFFECTS[definition.direction]}{definition.spec.label}）"
    sheet[column("reasons", heading)] = [
        "；".join(reason.chinese for reason in why) for why in reasons
    ]
    return sheet
