"""Erase customers in two phases: make them unknown at once, rewrite the files later.

`begin_erasure` deletes a customer from the records, the inbox and the online store, and adds a
keyed hash (the mark) to the list of erased customers: from then on the API, events and loads do
not know the customer. `finish_erasure` rewrites the files for all pending customers, which takes
minutes, and completes the receipts. Either may be killed and repeated. Between the two no list
holds the customer id: `finish_erasure` finds it in the files that still have it.
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
from features.lake.merged_numbers import numbers_of
from features.online.store import scrub_online, take_offline
from features.progress import Report, quiet
from serving.records.database import Records
from serving.records.people.access_log import copy_whole_log, log_folder
from serving.records.people.erase_records import (
    Receipt,
    amend_receipt,
    erase_from_records,
    has_records,
    last_receipt,
)
from serving.records.people.pending_erasures import pending_marks, take_over_receipts

LISTS = "lists"


@dataclass(frozen=True)
class ErasureRun:
    """The outcome of `finish_erasure`.

    Attributes
    ----------
    receipts : list of Receipt
        Completed receipts, one per customer.
    left : list of Path
        Files that are not ours and still name one of the customers.
    """

    receipts: list[Receipt]
    left: list[Path]


def begin_erasure(lake: Lake, records: Records, customer_id: str, by: str, at: datetime) -> Receipt:
    """Erase a customer from records, inbox and online store; the files wait for `finish_erasure`.

    Numbers that were merged with the customer's are erased too, each with its own receipt.

    The records come first. If the list of erased customers came first and the rest failed, the
    customer would be unknown before they are erased, and nobody could order the erasure again.

    Parameters
    ----------
    lake : Lake
        The home to erase from.
    records : Records
        The records to erase from.
    customer_id : str
        The customer.
    by : str
        Who ordered it.
    at : datetime
        Now.

    Raises
    ------
    GuanjiaError
        If the records or the online store do not answer; a repeated call continues.
    """
    for number in sorted(numbers_of(lake, [customer_id]) - {customer_id}):
        _begin(lake, records, number, by, at)
    return _begin(lake, records, customer_id, by, at)


def _begin(lake: Lake, records: Records, customer_id: str, by: str, at: datetime) -> Receipt:
    """Erase one number of a customer from records, inbox and online store."""
    key, erased = erasure_key(lake.settings), Erased(lake.settings)
    mark = pseudonym(key, customer_id)
    before = erased.all().get(mark)
    with records.writing(durable=True) as connection:
        receipt = erase_from_records(
            connection, customer_id, by, at, key, amends=before.receipt_id if before else None
        )
    with erased.changing() as marks:
        marks[mark] = replace(marks.get(mark) or UnfinishedErasure(), receipt_id=receipt.receipt_id)
    inbox = EventInbox(lake)
    _add_rows(erased, {mark: customer_id}, "events", inbox.erase([customer_id]))
    online = take_offline(lake, [customer_id], everywhere=True)
    _add_rows(erased, {mark: customer_id}, "online", sum(online.values(), Counter()))
    return receipt


def finish_erasure(
    lake: Lake, records: Records, at: datetime, report: Report = quiet, *, again: bool = False
) -> ErasureRun:
    """Erase all pending customers from the files, and complete their receipts.

    Customers erased on another machine that shares the records are erased here as well.

    Parameters
    ----------
    lake : Lake
        The home to erase from.
    records : Records
        The records with the receipts.
    at : datetime
        Now.
    report : Report
        Progress: called with a step, parts done and parts in all.
    again : bool
        Search for every customer ever erased: a backup or a delivery may have brought some back.

    Raises
    ------
    GuanjiaError
        If a file or database is in use or cannot be read; a repeated call continues.
    """
    erased = Erased(lake.settings)
    receipt_ids = take_over_receipts(erased, records)
    pending = pending_marks(erased)
    sought = set(erased.all()) if again else pending
    if not sought:
        return ErasureRun([], [])
    report("search for erased customers", 0, None)
    customers = known_customers(lake, erased, sought)
    key = erasure_key(lake.settings)
    by_mark = {pseudonym(key, customer): customer for customer in customers}
    pending |= by_mark.keys()
    if not pending:
        return ErasureRun([], [])
    with erased.changing() as marks:
        for mark in pending:
            marks[mark] = marks[mark] or UnfinishedErasure(receipt_ids.get(mark))

    def add_rows(place: str, gone: Mapping[str, int]) -> None:
        _add_rows(erased, by_mark, place, gone)

    left: list[Path] = []
    copy_whole_log(records, log_folder(lake.home))
    if customers:
        erase_from_files(lake, customers, add_rows, report)
        left = _remove_exports(lake, customers)
    # Once more: a request that ran during the first phase may have written since.
    add_rows("events", EventInbox(lake).erase(sorted(customers)))
    online = take_offline(lake, sorted(customers), everywhere=True)
    add_rows("online", sum(online.values(), Counter()))
    receipts = [
        _complete(records, erased, mark, by_mark.get(mark), at, key) for mark in sorted(pending)
    ]
    report("databases", 0, 3)
    records.scrub()
    report("databases", 1, 3)
    EventInbox(lake).scrub()
    report("databases", 2, 3)
    scrub_online(lake)
    report("databases", 3, 3)
    with erased.changing() as marks:
        marks.update(dict.fromkeys(pending))
    return ErasureRun([receipt for receipt in receipts if receipt is not None], left)


def require_known(lake: Lake, records: Records, customer_ids: Collection[str]) -> None:
    """Refuse customer ids that neither a file under home nor a record has.

    Parameters
    ----------
    lake : Lake
        The home to search.
    records : Records
        The records to search.
    customer_ids : collection of str
        The customer ids.

    Raises
    ------
    GuanjiaError
        If one is unknown; the error names the first.
    """
    unknown = set(customer_ids) - Erased(lake.settings).among(customer_ids)
    for path in reversed(customer_files(lake)):
        if not unknown:
            return
        unknown -= customers_in(path)
    in_inbox = {customer for customer in unknown if EventInbox(lake).last_recorded([customer])}
    with records.reading() as connection:
        unknown -= in_inbox | {
            customer for customer in unknown if has_records(connection, customer)
        }
    if unknown:
        first = min(unknown)
        cure = "nothing was erased; check the customer number"
        raise GuanjiaError(f"customer {first}", f"is nowhere under {lake.home}", cure)


def find_receipt(lake: Lake, records: Records, customer_id: str) -> tuple[Receipt, bool] | None:
    """Find the receipt of an erased customer, and whether the erasure is finished.

    Parameters
    ----------
    lake : Lake
        The home with the list of erased customers.
    records : Records
        The records with the receipts.
    customer_id : str
        The customer.
    """
    erased = Erased(lake.settings)
    mark = erased.mark(customer_id)
    if mark is None:
        return None
    with records.reading() as connection:
        receipt = last_receipt(connection, mark)
    return None if receipt is None else (receipt, erased.all().get(mark) is None)


def _complete(
    records: Records,
    erased: Erased,
    mark: str,
    customer_id: str | None,
    at: datetime,
    key: bytes,
) -> Receipt | None:
    """Add the rows erased from files to the receipt, once."""
    unfinished = erased.all().get(mark) or UnfinishedErasure()
    with records.writing(durable=True) as connection:
        if customer_id is not None:
            # If a restored database lacks the receipt, a new one is written.
            by = f"receipt {unfinished.receipt_id}"
            amends = unfinished.receipt_id
            erase_from_records(connection, customer_id, by, at, key, amends=amends)
        receipt = amend_receipt(connection, mark, unfinished.rows)
    with erased.changing() as marks:
        marks[mark] = UnfinishedErasure(unfinished.receipt_id)
    return receipt


def _add_rows(
    erased: Erased, by_mark: Mapping[str, str], place: str, gone: Mapping[str, int]
) -> None:
    """Add the rows erased from a place to the list at once, so that a kill loses no count."""
    if not any(gone.values()):
        return
    with erased.changing() as marks:
        for mark, customer in by_mark.items():
            unfinished, number = marks.get(mark), gone.get(customer, 0)
            if unfinished is not None and number:
                rows = {**unfinished.rows, place: unfinished.rows.get(place, 0) + number}
                marks[mark] = replace(unfinished, rows=rows)


def _remove_exports(lake: Lake, customers: Collection[str]) -> list[Path]:
    """Remove exported lists that name customers; return all other stray files that do."""
    left: Sequence[Path] = stray_files_naming(lake.home, customers)
    exported = [path for path in left if path.is_relative_to(lake.home / LISTS)]
    for path in exported:
        path.unlink()
    return [path for path in left if path not in exported]
