"""Write the members of a release as typed rows, and say how an export of them was made."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import Connection

from features.errors import GuanjiaError
from features.lake import Lake
from serving.lists.definitions.definition import ListDefinition
from serving.lists.export.about import AboutExport
from serving.lists.export.columns import ExportColumn, tag_column
from serving.lists.people import Person, read_people
from serving.lists.questions import read_where
from serving.lists.released.members import Member
from serving.lists.released.releases import Release
from serving.lists.rules import RULES

BATCH_ROWS = 5_000
CONSENT_WORDS = {"granted": "已同意", "not recorded": "未记录"}
KINDS = {"probability": "percent", "count": "number", "amount": "money"}


def release_columns(definition: ListDefinition) -> list[ExportColumn]:
    """List the columns of the rows of a release, in order."""
    from features.tags.catalogue import catalogue

    model = definition.spec
    prediction = ExportColumn(model.name, model.label, KINDS[model.kind], digits=4)  # type: ignore[arg-type]
    return [
        ExportColumn("place", "名次", "number"),
        ExportColumn("customer_id", "客户号", "id"),
        ExportColumn("name", "姓名", personal="name"),
        ExportColumn("phone", "手机号", "phone", personal="phone"),
        ExportColumn("star", "星级", "number"),
        ExportColumn("branch", "机构"),
        ExportColumn("manager", "客户经理", personal="name"),
        ExportColumn("plate", "车牌号", personal="plate"),
        ExportColumn("expiry", "车险到期日", "date"),
        ExportColumn("last_contact", "最近触达", "date"),
        prediction,
        ExportColumn("expected_value", "期望价值（元）", "money", digits=2),
        ExportColumn("margin", "下一年度预期边际（元）", "money", digits=2),
        ExportColumn("day", "触达日序", "number"),
        ExportColumn("consent", "授权状态", words=CONSENT_WORDS),
        ExportColumn("in_holdout", "对照组", "yes or no"),
        *(tag_column(catalogue()[name]) for name in definition.columns),
        ExportColumn("reasons", "原因"),
    ]


def member_rows(
    lake: Lake, release: Release, members: Iterable[Member], connection: Connection
) -> Iterator[list[Any]]:
    """Write members as rows of `release_columns`; some thousands of them are held at a time.

    Parameters
    ----------
    lake : Lake
        The home with checked tables: who customers are is told as known on the release's date.
    release : Release
        The release.
    members : iterable of Member
        The members, in order.
    connection : Connection
        Of the records, which know the account managers assigned since.
    """
    members, columns = iter(members), release.definition.columns
    while batch := list(islice(members, BATCH_ROWS)):
        ids = [member.customer_id for member in batch]
        people = read_people(lake, release.as_of, ids, connection)
        for member in batch:
            yield _row(member, people.get(member.customer_id, Person()), columns)


def _row(member: Member, person: Person, columns: tuple[str, ...]) -> list[Any]:
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
        member.last_contact,
        member.probability,
        member.expected_value,
        member.margin,
        member.day,
        member.consent,
        member.in_holdout,
        *(member.tags[name] for name in columns),
        member.reasons,
    ]


def describe_export(
    lake: Lake, release: Release, export_id: str, who: str, why: str, at: datetime, *, masked: bool
) -> AboutExport:
    """Say how an export of a release is made.

    Parameters
    ----------
    lake : Lake
        The home whose segments the condition may name.
    release : Release
        The release.
    export_id : str
        Number of the export.
    who, why : str
        Who takes it, and what for.
    at : datetime
        When.
    masked : bool
        Whether personal data are masked.
    """
    definition, document = release.definition, release.document
    plain = chinese = ""
    named: list[str] = []
    if definition.where:
        plain = definition.where
        try:
            condition = read_where(lake, plain)
            chinese, named = condition.chinese, condition.columns
        except GuanjiaError:
            chinese = plain  # it names a segment or tag that is gone since
    left_out = [
        (rule.chinese, document["left_out"][rule.name])
        for rule in RULES.values()
        if rule.name in document["left_out"]
    ]
    sent = release.members - document["held_out"]
    return AboutExport(
        export_id=export_id,
        name=release.name,
        label=definition.label,
        as_of=release.as_of,
        who=who,
        why=why,
        at=at,
        plain=plain,
        chinese=chinese,
        version=str(release.version) if release.version else "",
        content_hash=release.content_hash,
        waterfall=[("符合条件", document["matched"]), *left_out, ("可发送", sent)],
        masked=masked,
        named=[*named, *definition.columns],
    )
