"""Write the members of a release as rows for people: headings in Chinese, batches of values."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from itertools import islice

from sqlalchemy import Connection

from features.lake import Lake
from serving.lists.definitions.definition import ListDefinition
from serving.lists.members import Member
from serving.lists.people import LAST_CONTACT, Person, last_contact, read_people
from serving.lists.reasons import read_rows
from serving.lists.releases import Release
from serving.tag_words import is_absent

BATCH_ROWS = 5_000
CONSENT_WORDS = {"granted": "已同意", "not recorded": "未记录"}
Cell = str | int | float | date | None
Batches = Iterator[list[list[Cell]]]
EXPORT_HEADING = "导出号"
"""Heading of the number of the export, which marks each row of it."""


def headings(definition: ListDefinition) -> list[str]:
    """List the headings of the rows of a release, in order."""
    return [
        *("名次", "客户号", "姓名", "手机号", "星级", "机构", "客户经理", "车牌号", "车险到期日"),
        *("最近触达", definition.spec.label, "期望价值(元)", "下一年度预期边际(元)"),
        *("触达日序", "授权状态", "对照组", "原因"),
    ]


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
    hide: Callable[[str | None], str | None] = mask if masked else _leave
    while batch := list(islice(members, BATCH_ROWS)):
        ids = [member.customer_id for member in batch]
        people = read_people(lake, release.as_of, ids, connection)
        touched = _last_contacts(lake, release.as_of, ids)
        yield [
            _row(member, people.get(member.customer_id, Person()), touched, hide)
            for member in batch
        ]


def _row(
    member: Member,
    person: Person,
    touched: dict[str, date | None],
    hide: Callable[[str | None], str | None],
) -> list[Cell]:
    return [
        member.place,
        member.customer_id,
        hide(person.name),
        hide(person.phone),
        member.star,
        member.branch,
        hide(person.manager),
        hide(person.plate),
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


def mask(text: str | None) -> str | None:
    """Mask what tells who a customer is; its length and its ends stay.

    Examples
    --------
    >>> mask("13800000001"), mask("张伟"), mask("粤A12345"), mask(None)
    ('138****0001', '张*', '粤*****5', None)
    """
    if not text:
        return text
    if len(text) >= 11:
        return text[:3] + "*" * (len(text) - 7) + text[-4:]
    return text[0] + "*" * max(len(text) - 2, 1) + (text[-1] if len(text) > 2 else "")


def _leave(text: str | None) -> str | None:
    return text


def _last_contacts(lake: Lake, as_of: date, customers: Sequence[str]) -> dict[str, date | None]:
    rows = read_rows(lake, as_of, [LAST_CONTACT], customers)
    return {
        customer: last_contact(as_of, None if is_absent(row[LAST_CONTACT]) else row[LAST_CONTACT])
        for customer, row in rows.items()
    }


def _yuan(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
