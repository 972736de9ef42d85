"""Write the frozen members of a release to a file under home, and read them back."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from features.errors import GuanjiaError
from features.jsonable import jsonable
from features.publishing import published
from serving.lists.definitions.definition import ListDefinition
from serving.lists.people import LAST_CONTACT, last_contact
from serving.lists.places import Place
from serving.lists.reasons import on_next_day
from serving.predictions.reasons import Reason
from serving.predictions.scores_file import MARGIN

BATCH_ROWS = 10_000
ROW_GROUP = 100_000
LINES = json.JSONEncoder(ensure_ascii=False, sort_keys=True, default=jsonable)
"""Writes what is hashed."""


@dataclass(frozen=True)
class Member:
    """A customer of a release, as frozen.

    Attributes
    ----------
    customer_id : str
        The customer.
    place : int
        Place on the list, from 1 on; those of the holdout have one too.
    in_holdout : bool
        Whether they are held out, and must not be contacted.
    probability : float
        What the list's model predicted.
    expected_value, change, worth : float or None
        Yuan that the contact is expected to earn; the change of the outcome's probability by it,
        and the yuan that the outcome is worth. None where no prediction says it.
    margin : float or None
        Expected margin of the coming motor term in yuan.
    cost : float
        Yuan of the contact.
    star : int or None
        Star level.
    branch : str or None
        Branch.
    day : int
        Day on which the branch gets to them, from 1 on.
    consent : str
        State of the consent to marketing by the list's channel: "granted" or "not recorded".
    last_contact : date or None
        Day of the last contact that the tags know.
    tags : dict of str to object
        Values of the further tags that the list shows, as they stand on the day after.
    reasons, reasons_english : str
        Why they stand there, in both languages.
    """

    customer_id: str
    place: int
    in_holdout: bool
    probability: float
    expected_value: float | None
    change: float | None
    worth: float | None
    margin: float | None
    cost: float
    star: int | None
    branch: str | None
    day: int
    consent: str
    last_contact: date | None
    tags: dict[str, Any]
    reasons: str
    reasons_english: str


SCHEMA = pa.schema(
    [
        ("customer_id", pa.string()),
        ("place", pa.int64()),
        ("in_holdout", pa.bool_()),
        *((name, pa.float64()) for name in ("probability", "expected_value", "change", "worth")),
        *((name, pa.float64()) for name in ("margin", "cost")),
        ("star", pa.int64()),
        ("branch", pa.string()),
        ("day", pa.int64()),
        ("consent", pa.string()),
        ("last_contact", pa.date32()),
        *((name, pa.string()) for name in ("tags", "reasons", "reasons_english")),
    ]
)
NAMES = [field.name for field in fields(Member)]


def freeze(
    places: Sequence[Place],
    definition: ListDefinition,
    as_of: date,
    cost: float,
    consent: str,
    reasons: Mapping[str, Sequence[Reason]],
) -> list[Member]:
    """Freeze the places of a selection; places are counted anew, without those who had no room.

    Parameters
    ----------
    places : sequence of Place
        All who are frozen, by rank.
    definition : ListDefinition
        The list.
    as_of : date
        Date of scores and tags.
    cost : float
        Yuan of one contact.
    consent : str
        State of the consent.
    reasons : mapping of str to sequence of Reason
        By customer.
    """
    return [
        Member(
            customer_id=place.customer_id,
            place=number,
            in_holdout=place.holdout,
            probability=float(place.row[definition.model]),
            expected_value=place.expected_value,
            change=place.value.change if place.value else None,
            worth=place.value.worth if place.value else None,
            margin=place.row[MARGIN],
            cost=cost,
            star=place.row["star_level"],
            branch=place.row["branch"],
            day=place.day,
            consent=consent,
            last_contact=last_contact(as_of, place.row[LAST_CONTACT]),
            tags=jsonable(on_next_day({name: place.row[name] for name in definition.columns})),
            reasons="；".join(reason.chinese for reason in reasons.get(place.customer_id, ())),
            reasons_english="; ".join(
                reason.english for reason in reasons.get(place.customer_id, ())
            ),
        )
        for number, place in enumerate(places, 1)
    ]


def hash_members(about: Mapping[str, Any], members: Iterator[Member] | Sequence[Member]) -> str:
    """Hash what a release froze: what it is about, and every member in order.

    Parameters
    ----------
    about : mapping of str to object
        Definition, date, snapshot and models.
    members : iterable of Member
        The members in order.
    """
    digest = hashlib.sha256(_line(about))
    for member in members:
        digest.update(_line(vars(member)))
    return digest.hexdigest()


def write_members(path: Path, members: Sequence[Member]) -> None:
    """Write members to a new file, atomically.

    Raises
    ------
    GuanjiaError
        If the file is there: a release is never overwritten.
    """
    if path.exists():
        raise GuanjiaError(f"file {path}", "is there already", "release the list again")
    with published(path) as draft, pq.ParquetWriter(draft, SCHEMA, compression="zstd") as file:
        for start in range(0, max(len(members), 1), ROW_GROUP):
            rows = [_stored(member) for member in members[start : start + ROW_GROUP]]
            file.write_table(pa.Table.from_pylist(rows, SCHEMA))


def read_members(path: Path) -> Iterator[Member]:
    """Read the members of a file in order, without holding them.

    Raises
    ------
    GuanjiaError
        If the file is missing.
    """
    with open_members(path) as file:
        for batch in file.iter_batches(BATCH_ROWS, columns=NAMES):
            yield from _members_of(batch)


def read_members_at(file: pq.ParquetFile, places: Sequence[int]) -> list[Member]:
    """Read the members at some places of a file.

    Parameters
    ----------
    file : pyarrow.parquet.ParquetFile
        The file.
    places : sequence of int
        Places in the order of the file, from 0 on; the answer is in their order.
    """
    return list(_members_of(file.read(columns=NAMES).take(pa.array(places, pa.int64()))))


def open_members(path: Path) -> pq.ParquetFile:
    """Open a members' file; what is read of it is of one version, even if it is replaced meanwhile.

    Raises
    ------
    GuanjiaError
        If the file is missing.
    """
    if not path.exists():
        raise GuanjiaError(f"file {path}", "is missing", "restore it from a backup")
    return pq.ParquetFile(path)


def _members_of(rows: pa.Table | pa.RecordBatch) -> Iterator[Member]:
    for values in zip(*(column.to_pylist() for column in rows.columns), strict=True):
        row = dict(zip(NAMES, values, strict=True))
        yield Member(**(row | {"tags": json.loads(row["tags"])}))


def _stored(member: Member) -> dict[str, Any]:
    tags = json.dumps(member.tags, ensure_ascii=False, sort_keys=True)
    return vars(member) | {"tags": tags}


def _line(value: Mapping[str, Any]) -> bytes:
    return LINES.encode(value).encode() + b"\n"
