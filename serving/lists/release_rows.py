"""Write the members of a release as rows for people: headings in Chinese, batches of values."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from itertools import islice

from sqlalchemy import Connection

from features.lake import Lake
from serving.lists.definitions.definition import ListDefinition
from serving.lists.export.about import AboutExport
from serving.lists.export.columns import ExportColumn
from serving.lists.export.masking import masked as mask
from serving.lists.members import Member
from serving.lists.people import LAST_CONTACT, Person, last_contact, read_people
from serving.lists.questions import read_where
from serving.lists.reasons import read_rows
from serving.lists.releases import Release
from serving.lists.rules import RULES
from serving.tag_words import is_absent

BATCH_ROWS = 5_000
HOLDOUT_RULE = "holdout"
"""The rule whose customers are frozen with the members."""
CONSENT_WORDS = {"granted": "已同意", "not recorded": "未记录"}
Cell = str | int | float | date | None
Batches = Iterator[list[list[Cell]]]


def export_columns(definition: ListDefinition) -> list[ExportColumn]:
    """Describe the columns of the rows of a release, in order.

    Parameters
    ----------
    definition : ListDefinition
        The list.
    """
    return [
        ExportColumn("place", "名次", "number"),
        ExportColumn("customer_id", "客户号", "id"),
        ExportColumn("name", "姓名", personal="name"),
        ExportColumn("phone", "手机号", "phone", personal="phone"),
        ExportColumn("star", "星级", "number"),
        ExportColumn("branch", "机构", "id"),
        ExportColumn("manager", "客户经理", personal="name"),
        ExportColumn("plate", "车牌号", "id", personal="plate"),
        ExportColumn("expiry", "车险到期日", "date"),
        ExportColumn("last_contact", "最近触达", "date"),
        _probability(definition),
        ExportColumn("expected_value", "期望价值(元)", "money", digits=2),
        ExportColumn("expected_margin", "下一年度预期边际(元)", "money", digits=2),
        ExportColumn("day", "触达日序", "number"),
        ExportColumn("consent", "授权状态"),
        ExportColumn("holdout", "对照组"),
        ExportColumn("reasons", "原因"),
    ]


def _probability(definition: ListDefinition) -> ExportColumn:
    spec = definition.spec
    if spec.kind == "probability":
        return ExportColumn(spec.name, spec.label, "percent", digits=4)
    return ExportColumn(spec.name, spec.label, "number", digits=4)


def about_release(
    lake: Lake,
    release: Release,
    export_id: str,
    *,
    who: str,
    why: str,
    at: datetime,
    masked: bool,
) -> AboutExport:
    """Say how an export of a release was made.

    Parameters
    ----------
    lake : Lake
        The home, whose labels the condition is told in.
    release : Release
        The release.
    export_id : str
        Number of the export in the records.
    who, why : str
        Who takes it, and what for.
    at : datetime
        Now.
    masked : bool
        Whether personal data are masked.
    """
    definition = release.definition
    taken = release.document["taken"]
    steps = [(RULES[rule].chinese, number) for rule, number in taken.items() if rule in RULES]
    matched = release.members + sum(
        number for rule, number in taken.items() if rule != HOLDOUT_RULE
    )
    where = read_where(lake, definition.where) if definition.where else None
    return AboutExport(
        export_id=export_id,
        name=release.name,
        label=definition.label,
        as_of=release.as_of,
        who=who,
        why=why,
        at=at,
        plain=where.plain if where else "",
        chinese=where.chinese if where else "",
        version=str(release.version),
        content_hash=release.content_hash,
        waterfall=[
            ("符合条件", matched),
            *steps,
            ("发送", release.members - release.document["held_out"]),
        ],
        masked=masked,
    )


def member_rows(
    lake: Lake,
    release: Release,
    members: Iterable[Member],
    connection: Connection,
    *,
    masked: bool = True,
) -> Batches:
    """Write members as rows of `headings`, some thousands at a time.

    Parameters
    ----------
    lake : Lake
        The home with scores, tags and checked tables of the release's date.
    release : Release
        The release.
    members : iterable of Member
        The members, in order.
    connection : Connection
        Of the records, which know the account managers assigned since.
    masked : bool
        Mask what tells who a customer is.
    """
    members = iter(members)
    while batch := list(islice(members, BATCH_ROWS)):
        ids = [member.customer_id for member in batch]
        people = read_people(lake, release.as_of, ids, connection)
        touched = _last_contacts(lake, release.as_of, ids)
        rows = [_row(member, people.get(member.customer_id, Person()), touched) for member in batch]
        yield [_hidden(release.definition, row) for row in rows] if masked else rows


def _hidden(definition: ListDefinition, row: list[Cell]) -> list[Cell]:
    return [
        mask(str(value), column.personal) if column.personal and value else value
        for column, value in zip(export_columns(definition), row, strict=True)
    ]


def _row(member: Member, person: Person, touched: dict[str, date | None]) -> list[Cell]:
    return [
        member.place,
        member.customer_id,
        person.name,
        person.phone,
        member.star,
        member.branch,
        person.manager,
        person.plate,
        person.expiry,
        touched.get(member.customer_id),
        round(member.probability, 4),
        _yuan(member.expected_value),
        _yuan(member.margin),
        member.day,
        CONSENT_WORDS.get(member.consent, member.consent),
        "是" if member.in_holdout else "",
        member.reasons,
    ]


def _last_contacts(lake: Lake, as_of: date, customers: Sequence[str]) -> dict[str, date | None]:
    rows = read_rows(lake, as_of, [LAST_CONTACT], customers)
    return {
        customer: last_contact(as_of, None if is_absent(row[LAST_CONTACT]) else row[LAST_CONTACT])
        for customer, row in rows.items()
    }


def _yuan(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
