"""Operational records: what passes from one account manager to another, and what is forgotten."""

from dataclasses import asdict
from datetime import date
from typing import Annotated

import typer

from guanjia.terminal.options import AsOf, Json, day, lake, now, records
from guanjia.terminal.output import emit, table


def handover(
    leaver: Annotated[str, typer.Option("--from", help="The account manager who leaves.")],
    successor: Annotated[str, typer.Option("--to", help="The account manager who takes over.")],
    who: Annotated[str, typer.Option("--who", help="Who orders it; it is kept.")],
    new: Annotated[bool, typer.Option("--new", help="The successor has no customers yet.")] = False,
    json: Json = False,
) -> None:
    """Hand an account manager's work to a successor.

    Reserved contacts and customers pass on; history stays as it is.
    """
    from serving.records.people.handover import hand_over

    where = lake()
    with records(where) as kept:
        done = hand_over(where, kept, leaver, successor, who, now(), new=new)
    columns = ["branch", "contacts", "customers", "handed_by", "handed_at"]
    rows = [{name: getattr(one, name) for name in columns} for one in done]
    again = " Nothing was left to pass on." if all(one.repeated for one in done) else ""
    title = f"From {leaver} to {successor}"
    emit([asdict(one) for one in done], json, table(title, rows), f"History stays as it is.{again}")


def forget_reads(
    before: Annotated[
        date,
        typer.Option("--before", parser=day, metavar="YYYY-MM-DD", help="The first day to keep."),
    ],
    json: Json = False,
) -> None:
    """Delete old notes of who read whose data."""
    from serving.records.people.audit import forget_old_reads

    where = lake()
    with records(where) as kept:
        done = forget_old_reads(kept, before, now(), where.settings.timezone)
    told = f"{done:,} reads of before {before} forgotten"
    emit({"before": before, "forgotten": done}, json, told)


def contacts(as_of: AsOf, json: Json = False) -> None:
    """Count contacts that other systems made under the caps.

    The core system tells of them in the table `interactions`.
    """
    from serving.records.contacts.elsewhere import import_contacts

    where = lake()
    with records(where) as kept:
        done = import_contacts(where, kept, as_of)
    told = (
        f"{done.read:,} contacts after {done.first} until {done.last}, "
        f"{done.new:,} of them new to the records"
    )
    emit(asdict(done), json, told)
