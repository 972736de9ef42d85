"""Command to erase customers from files, records and the online store."""

import getpass
import sys
from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

from features.errors import GuanjiaError
from guanjia.terminal.options import Json, open_lake, open_records, read_clock
from guanjia.terminal.output import emit, progress, short_path, table

if TYPE_CHECKING:
    from features.lake import Lake

NEXT = (
    "Next: erase them in the core system too; `guanjia check` leaves out what it still delivers;",
    "let backups of home, of Postgres and of Redis expire, and logs that name them;",
    "have lists destroyed that were downloaded before;",
    "models hold no rows of customers: the next `guanjia train` learns without them.",
)
EARLIER = "asked for earlier"


def erase(
    customers: Annotated[list[str] | None, typer.Argument(help="Customer numbers")] = None,
    pending: Annotated[
        bool,
        typer.Option("--pending", help="Finish what the API or a run that was killed has begun."),
    ] = False,
    again: Annotated[
        bool,
        typer.Option("--again", help="Everybody ever erased: after a restore or a delivery."),
    ] = False,
    who: Annotated[
        str | None, typer.Option("--who", help="Who ordered it. Default: who is logged in.")
    ] = None,
    json: Json = False,
) -> None:
    """Erase customers from all files, records and the online store."""
    ids = list(dict.fromkeys(customers or []))
    if not (ids or pending or again):
        raise GuanjiaError("erase", "names nobody", "give customer numbers, --pending or --again")
    lake, at = open_lake(), read_clock()
    if not (ids or again) and not _is_anybody_waiting(lake):
        emit({"receipts": [], "left": []}, json, "nobody is waiting to be erased")
        return
    from features.erased import erasure_key, pseudonym
    from features.lake.merged_numbers import numbers_of
    from serving.records.people.erase_everywhere import begin_erasure, finish_erasure, require_known

    with open_records(lake) as records, progress(json) as report:
        require_known(lake, records, ids)
        numbers = numbers_of(lake, ids)
        for done, customer in enumerate(ids):
            report("records and online store", done, len(ids))
            begin_erasure(lake, records, customer, who or getpass.getuser(), at)
        report("records and online store", len(ids), len(ids))
        finished = finish_erasure(lake, records, at, report, again=again)
    key = erasure_key(lake.settings)
    names = {pseudonym(key, customer): customer for customer in numbers}
    places: Counter[str] = Counter()
    receipts = []
    for receipt in finished.receipts:
        places.update(receipt.rows)
        receipts.append({"customer": names.get(receipt.customer_hash), **vars(receipt)})
    rows = [{"place": place, "rows": number} for place, number in places.items()]
    shown = [
        f"{receipt['customer'] or EARLIER}: receipt {receipt['receipt_id']}" for receipt in receipts
    ]
    left = [
        f"{short_path(path)} was not written by Guanjia and still names them: remove it"
        for path in finished.left
    ]
    tables = [table("Erased", rows)] if rows else []
    nobody = [] if receipts else ["nobody is waiting to be erased"]
    payload = {"receipts": receipts, "left": finished.left}
    emit(payload, json, *tables, *shown, *nobody, *left, *(NEXT if receipts else ()))
    if finished.left:
        sys.exit(1)


def _is_anybody_waiting(lake: "Lake") -> bool:
    """Look for erasures that are not finished; it imports nothing that rewrites files."""
    from features.erased import Erased
    from serving.records.people.pending_erasures import pending_marks, take_over_receipts

    erased = Erased(lake.settings)
    with open_records(lake) as records:
        take_over_receipts(erased, records)
    return bool(pending_marks(erased))
