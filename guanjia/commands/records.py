"""Commands on operational records: handover, contacts of other systems, retention."""

import getpass
from dataclasses import asdict
from typing import Annotated

import typer

from guanjia.terminal.options import AsOf, Json, open_lake, open_published, open_records, read_clock
from guanjia.terminal.output import emit, progress, table


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

    lake = open_published()
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


def retain(
    delete: Annotated[
        bool, typer.Option("--delete", help="Delete them. Default: count them only.")
    ] = False,
    compact: Annotated[
        bool,
        typer.Option("--compact", help="Write the database anew, smaller; writers wait meanwhile."),
    ] = False,
    who: Annotated[
        str | None, typer.Option("--who", help="Who ordered it. Default: who is logged in.")
    ] = None,
    json: Json = False,
) -> None:
    """Count, or delete, the records that are older than retention.toml allows."""
    from serving.records.people.retention import count_expired, delete_expired
    from serving.records.people.retention_rules import load_retention

    lake, now = open_lake(), read_clock()
    rules, timezone = load_retention(lake.home), lake.settings.timezone
    with open_records(lake) as records, progress(json) as report:
        if delete:
            by = who or getpass.getuser()
            expired = delete_expired(records, rules, now, timezone, by, report)
        else:
            expired = count_expired(records, rules, now, timezone)
        if compact:
            report("database", 0, 1)
            records.scrub()
            report("database", 1, 1)
    rows = [
        {
            "kind": kind.kind,
            "label": kind.label,
            "kept_days": kind.kept_days,
            "before": kind.before,
            "rows": kind.total,
            "tables": ", ".join(f"{name} {number:,}" for name, number in kind.rows.items()),
        }
        for kind in expired
    ]
    total = sum(kind.total for kind in expired)
    summary = (
        f"{total:,} rows deleted; the table retentions says so"
        if delete
        else f"{total:,} rows are too old; nothing is deleted. Delete them with --delete"
    )
    emit([asdict(kind) for kind in expired], json, table("Records past their time", rows), summary)


def contacts(as_of: AsOf, json: Json = False) -> None:
    """Count contacts that other systems made under the caps.

    The core system delivers them in the table `interactions`.
    """
    from serving.records.contacts.elsewhere import import_contacts

    lake = open_published()
    with open_records(lake) as records:
        contacts_read = import_contacts(lake, records, as_of)
    summary = (
        f"{contacts_read.read:,} contacts after {contacts_read.first} until {contacts_read.last}, "
        f"{contacts_read.new:,} of them new to the records"
    )
    emit(asdict(contacts_read), json, summary)
