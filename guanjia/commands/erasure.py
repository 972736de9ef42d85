"""Customers leave everything under home."""

import getpass
import sys
from collections import Counter
from typing import Annotated

import typer

from features.errors import GuanjiaError
from guanjia.terminal.options import Json, lake, records
from guanjia.terminal.options import now as clock
from guanjia.terminal.output import emit, from_here, progress, table

NEXT = (
    "Next: erase them in the core system too; what it delivers of them `guanjia check` leaves out;",
    "let backups of home, of Postgres and of Redis expire, and logs that name them;",
    "have lists that were downloaded before destroyed;",
    "models were trained with them and hold no rows: the next `guanjia train` is without them.",
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
    from features.erased import erasure_key, pseudonym
    from serving.records.people.erase_everywhere import begin_erasure, finish_erasure, require_known

    asked = list(dict.fromkeys(customers or []))
    if not (asked or pending or again):
        raise GuanjiaError("erase", "names nobody", "give customer numbers, --pending or --again")
    where, at = lake(), clock()
    with records(where) as kept, progress(json) as report:
        require_known(where, kept, asked)
        for done, one in enumerate(asked):
            report("records and online store", done, len(asked))
            begin_erasure(where, kept, one, who or getpass.getuser(), at)
        report("records and online store", len(asked), len(asked))
        finished = finish_erasure(where, kept, at, report, again=again)
    key = erasure_key(where.settings)
    names = {pseudonym(key, one): one for one in asked}
    told = [{"customer": names.get(one.customer_hash), **vars(one)} for one in finished.receipts]
    places: Counter[str] = Counter()
    for receipt in finished.receipts:
        places.update(receipt.rows)
    rows = [{"place": place, "rows": number} for place, number in places.items()]
    shown = [f"{one['customer'] or EARLIER}: receipt {one['receipt_id']}" for one in told]
    left = [f"{from_here(path)} is not ours and still names them: remove it"
            for path in finished.left]  # fmt: skip
    tables = [table("Erased", rows)] if rows else []
    nobody = [] if told else ["nobody is waiting to be erased"]
    payload = {"receipts": told, "left": finished.left}
    emit(payload, json, *tables, *shown, *nobody, *left, *(NEXT if told else ()))
    if finished.left:
        sys.exit(1)
