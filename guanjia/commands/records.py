"""Commands on operational records: handover, contacts of other systems, deletion of old notes."""

from dataclasses import asdict
from datetime import date
from typing import Annotated

import typer

from guanjia.terminal.options import AsOf, Json, open_lake, open_records, parse_day, read_clock
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

    lake = open_lake()
    with open_records(lake) as records:
        handovers = hand_over(lake, records, leaver, successor, who, read_clock(), new=new)
    columns = ["branch", "contacts", "customers", "handed_by", "handed_at"]
    rows = [{name: getattr(row, name) for name in columns} for row in handovers]
    again = " Nothing was left to pass on." if all(row.repeated for row in handovers) else ""
    title = f"From {leaver} to {successor}"
    emit(
        [asdict(row) for row in handovers],
        json,
        table(title, rows),
        f"History stays as it is.{again}",
    )


def forget_reads(
    before: Annotated[
        date,
        typer.Option(
            "--before", parser=parse_day, metavar="YYYY-MM-DD", help="The first day to keep."
        ),
    ],
    json: Json = False,
) -> None:
    """Delete old notes of who read whose data."""
    from serving.records.people.audit import forget_old_reads

    lake = open_lake()
    with open_records(lake) as records:
        deleted = forget_old_reads(records, before, read_clock(), lake.settings.timezone)
    summary = f"{deleted:,} reads before {before} forgotten"
    emit({"before": before, "forgotten": deleted}, json, summary)


def contacts(as_of: AsOf, json: Json = False) -> None:
    """Count contacts that other systems made under the caps.

    The core system delivers them in the table `interactions`.
    """
    from serving.records.contacts.elsewhere import import_contacts

    lake = open_lake()
    with open_records(lake) as records:
        contacts_read = import_contacts(lake, records, as_of)
    summary = (
        f"{contacts_read.read:,} contacts after {contacts_read.first} until {contacts_read.last}, "
        f"{contacts_read.new:,} of them new to the records"
    )
    emit(asdict(contacts_read), json, summary)
