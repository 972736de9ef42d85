"""A customer leaves everything: at once what answers for him, then every file under home.

`begin` takes him out of the records, the inbox and the online store and puts what stands for him on
the list of the erased: from then on he is unknown to the API, to events and to every load. `finish`
goes through the files, which takes minutes, for all who are waiting, and completes the receipts.
Either may be killed and done again. Between the two nobody keeps his number: `finish` finds it in
the files that still have it.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from features.erased import Erased, UnfinishedErasure, erasure_key, pseudonym
from features.erasure.customer_files import customers_in
from features.erasure.erase import customer_files, erase_from_files, known_customers
from features.erasure.stray_files import stray_files_naming
from features.errors import GuanjiaError
from features.events.inbox import EventInbox
from features.lake import Lake
from features.online.store import scrub_online, take_offline
from features.progress import Report, quiet
from serving.records.database import Records
from serving.records.people.erase_records import (
    Receipt,
    amend,
    erase,
    is_named,
    last_receipt,
    receipts,
)
from serving.records.people.read_notes import copy_every_note, notes_folder

LISTS = "lists"


@dataclass(frozen=True)
class Finished:
    """What a run through the files did.

    Attributes
    ----------
    receipts : list of Receipt
        One a customer, complete.
    left : list of Path
        Files that are not ours and still name one of them.
    """

    receipts: list[Receipt]
    left: list[Path]


def begin(lake: Lake, records: Records, customer_id: str, by: str, at: datetime) -> Receipt:
    """Erase a customer from all that answers for him; the files wait for `finish`.

    The records come first: were it the list, and the rest failed, he would be unknown before he is
    erased, and nobody could ask again.

    Parameters
    ----------
    by : str
        Who ordered it.

    Raises
    ------
    GuanjiaError
        If the records or the online store do not answer; ask again, and it goes on.
    """
    key, erased = erasure_key(lake.settings), Erased(lake.settings)
    mark = pseudonym(key, customer_id)
    before = erased.all().get(mark)
    with records.writing(durable=True) as connection:
        receipt = erase(
            connection, customer_id, by, at, key, amends=before.receipt_id if before else None
        )
    with erased.changing() as marks:
        marks[mark] = replace(marks.get(mark) or UnfinishedErasure(), receipt_id=receipt.receipt_id)
    inbox = EventInbox(lake)
    _note(erased, {mark: customer_id}, "events", inbox.erase([customer_id]))
    online: Counter[str] = sum(take_offline(lake, [customer_id]).values(), Counter())
    _note(erased, {mark: customer_id}, "online", online)
    return receipt


def finish(
    lake: Lake, records: Records, at: datetime, report: Report = quiet, *, again: bool = False
) -> Finished:
    """Take everybody whose erasure is not through out of the files, and complete the receipts.

    Whoever was erased on another machine that shares the records is erased here as well.

    Parameters
    ----------
    again : bool
        Look for everybody who was ever erased: a backup or a delivery brought some back.

    Raises
    ------
    GuanjiaError
        If something is in use or cannot be read; do it again, and it goes on.
    """
    erased = Erased(lake.settings)
    with records.reading() as connection:
        elsewhere = receipts(connection)
    with erased.changing() as marks:
        for mark, receipt_id in elsewhere.items():
            marks.setdefault(mark, UnfinishedErasure(receipt_id))
    waiting = {mark for mark, left in erased.all().items() if left is not None}
    sought = set(erased.all()) if again else waiting
    if not sought:
        return Finished([], [])
    report("who is still there", 0, None)
    customers = known_customers(lake, erased, sought)
    key = erasure_key(lake.settings)
    by_mark = {pseudonym(key, one): one for one in customers}
    waiting |= by_mark.keys()
    if not waiting:
        return Finished([], [])
    with erased.changing() as marks:
        for mark in waiting:
            marks[mark] = marks[mark] or UnfinishedErasure(elsewhere.get(mark))

    def told(place: str, gone: Mapping[str, int]) -> None:
        _note(erased, by_mark, place, gone)

    left: list[Path] = []
    copy_every_note(records, notes_folder(lake.home))
    if customers:
        erase_from_files(lake, customers, told, report)
        left = _strays(lake, customers)
    # Once more what a request that was under way then may have written since.
    told("events", EventInbox(lake).erase(sorted(customers)))
    told("online", sum(take_offline(lake, sorted(customers)).values(), Counter()))
    done = [
        _complete(records, erased, mark, by_mark.get(mark), at, key) for mark in sorted(waiting)
    ]
    report("databases", 0, 3)
    records.scrub()
    report("databases", 1, 3)
    EventInbox(lake).scrub()
    report("databases", 2, 3)
    scrub_online(lake)
    report("databases", 3, 3)
    with erased.changing() as marks:
        marks.update(dict.fromkeys(waiting))
    return Finished([one for one in done if one is not None], left)


def require_known(lake: Lake, records: Records, customer_ids: Collection[str]) -> None:
    """Refuse numbers that nothing under home and no record knows: a wrong number erases nobody.

    Raises
    ------
    GuanjiaError
        It names the first of them.
    """
    unknown = set(customer_ids) - Erased(lake.settings).among(customer_ids)
    for path in reversed(customer_files(lake)):
        if not unknown:
            return
        unknown -= customers_in(path)
    waiting = {one for one in unknown if EventInbox(lake).last_recorded([one])}
    with records.reading() as connection:
        unknown -= waiting | {one for one in unknown if is_named(connection, one)}
    if unknown:
        first = min(unknown)
        cure = "check the number; nothing was erased"
        raise GuanjiaError(f"customer {first}", f"is nowhere under {lake.home}", cure)


def receipt_of(lake: Lake, records: Records, customer_id: str) -> tuple[Receipt, bool] | None:
    """The receipt of a customer who was erased, and whether his erasure is through."""
    erased = Erased(lake.settings)
    mark = erased.mark(customer_id)
    if mark is None:
        return None
    with records.reading() as connection:
        found = last_receipt(connection, mark)
    return None if found is None else (found, erased.all().get(mark) is None)


def _complete(
    records: Records,
    erased: Erased,
    mark: str,
    customer_id: str | None,
    at: datetime,
    key: bytes,
) -> Receipt | None:
    """Bring what was taken out of the files into the receipt, once."""
    unfinished = erased.all().get(mark) or UnfinishedErasure()
    with records.writing(durable=True) as connection:
        if customer_id is not None:
            # A receipt that a restored database no longer has is given anew.
            by = f"receipt {unfinished.receipt_id}"
            erase(connection, customer_id, by, at, key, amends=unfinished.receipt_id)
        found = amend(connection, mark, unfinished.rows)
    with erased.changing() as marks:
        marks[mark] = UnfinishedErasure(unfinished.receipt_id)
    return found


def _note(erased: Erased, by_mark: Mapping[str, str], place: str, gone: Mapping[str, int]) -> None:
    """Write down at once what was taken out of a place: who is killed has it on the receipt."""
    if not any(gone.values()):
        return
    with erased.changing() as marks:
        for mark, customer in by_mark.items():
            left, number = marks.get(mark), gone.get(customer, 0)
            if left is not None and number:
                rows = {**left.rows, place: left.rows.get(place, 0) + number}
                marks[mark] = replace(left, rows=rows)


def _strays(lake: Lake, customers: Collection[str]) -> list[Path]:
    """Remove exports of other kinds, which can be drawn anew; what else names the customers."""
    left: Sequence[Path] = stray_files_naming(lake.home, customers)
    exported = [path for path in left if path.is_relative_to(lake.home / LISTS)]
    for path in exported:
        path.unlink()
    return [path for path in left if path not in exported]
