"""Commands for rows in quarantine: show them, export them to a workbook, take it back."""

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from features.errors import GuanjiaError
from guanjia.terminal.options import Json, MaybeNow, open_lake, open_records, read_clock
from guanjia.terminal.output import Table, complain, emit, progress, short_path, table

if TYPE_CHECKING:
    from features.quarantine.replay import Replayed

ENDING = ".xlsx"


def show(context: typer.Context, json: Json = False) -> None:
    """Show what waits in quarantine, by table and rule, with examples."""
    if context.invoked_subcommand is not None:
        return
    from features.quarantine.summary import summarise

    lake = open_lake()
    summary = summarise(lake)
    shown: list[Table | str] = []
    rules = [
        {
            "table": rule.table or "(no table)",
            "held back by": rule.held_by,
            "rule": rule.rule,
            "rows": rule.rows,
            "such as": "; ".join(rule.examples),
        }
        for rule in [*summary.rules, *summary.lines]
    ]
    if rules:
        shown.append(table("Rows that wait, by the rules they break", rules))
    if summary.settled:
        settled = ", ".join(f"{number:,} {outcome}" for outcome, number in summary.settled.items())
        shown.append(f"Settled so far: {settled}.")
    waiting = sum(summary.rows.values())
    if waiting:
        shown.append(
            f"{waiting:,} rows wait. Next: guanjia quarantine export --to waiting.xlsx, correct"
            " them, then guanjia quarantine replay waiting.xlsx; or deliver them anew."
        )
    elif summary.lines:
        shown.append(
            "Lines that are no rows wait. Next: guanjia quarantine export --to waiting.xlsx,"
            " correct them, then guanjia quarantine replay waiting.xlsx; or deliver them anew."
        )
    else:
        shown.append("Nothing waits.")
    emit(summary, json, *shown)


def export(
    to: Annotated[Path, typer.Option(metavar="FILE.xlsx", help="The workbook to write.")],
    replace: Annotated[bool, typer.Option(help="Replace a workbook that is there.")] = False,
    who: Annotated[
        str | None, typer.Option(help="Who takes it; default: the user of this machine.")
    ] = None,
    why: Annotated[str, typer.Option(help="What for; kept with it.")] = "correction",
    json: Json = False,
) -> None:
    """Write the rows that wait to a workbook in which they are corrected.

    It holds personal data: who takes it is kept in the records.
    """
    from features.quarantine.workbook import export_workbook
    from serving.records.people.audit import note_export

    if to.suffix.lower() != ENDING:
        raise GuanjiaError(f"file {to}", "is no .xlsx file", f"name it {to.with_suffix(ENDING)}")
    if to.exists() and not replace:
        cure = "name another --to, or --replace"
        raise GuanjiaError(f"file {to}", "is there, perhaps with corrections", cure)
    lake, at = open_lake(), read_clock()
    with open_records(lake) as records:

        def note(customers: Any) -> None:
            with records.writing(durable=True) as connection:
                taker = who or getpass.getuser()
                note_export(connection, taker, "quarantine", ["*"], customers, at, why)

        written = export_workbook(lake, to, note)
    rows = [{"table": name, "rows": number} for name, number in written.rows.items()]
    lines = (
        [f"{written.lines:,} lines that are no rows have a sheet of their own."]
        if written.lines
        else []
    )
    emit(
        written,
        json,
        table("Rows to correct", rows),
        *lines,
        f"Workbook: {short_path(to)}. Next: correct it, guanjia quarantine replay {short_path(to)}",
    )


def replay(
    workbook: Annotated[Path, typer.Argument(metavar="FILE.xlsx", help="The corrected workbook.")],
    now: MaybeNow = None,
    json: Json = False,
) -> None:
    """Take a corrected workbook back: its rows are delivered now, and all tables checked.

    The exit code is 1 where the check breaks a bound; then nothing is published.
    """
    from features.checking.check import BrokenBoundError
    from features.quarantine.replay import replay as run
    from features.sources.raw_source import source_of

    lake = open_lake()
    at = now or read_clock()
    try:
        with progress(json) as report:
            replayed = run(lake, workbook, at, report, at if source_of(lake) is None else None)
    except BrokenBoundError as error:
        complain(error, json)
        raise typer.Exit(1) from None
    emit(replayed, json, *_show_replayed(replayed))


def _show_replayed(replayed: "Replayed") -> list[Table | str]:
    """Show what became of the rows, and why some still wait."""
    names = [name for name in vars(replayed.tables[0]) if name != "table"]
    used = [name for name in names if any(vars(row)[name] for row in replayed.tables)]
    rows = [
        {"table": row.table} | {name.replace("_", " "): vars(row)[name] for name in used}
        for row in replayed.tables
    ]
    shown: list[Table | str] = [table("Corrected rows", rows)]
    reasons = [
        {"table": name, "rule": rule, "rows": number}
        for name, rules in replayed.reasons.items()
        for rule, number in rules.items()
    ]
    if reasons:
        shown.append(table("Still wrong", reasons))
    findings = [
        {
            "cell": f"{finding.table}.{finding.column}",
            "fault": finding.fault,
            "effect": finding.effect,
            "rows": finding.rows,
            "such as": "; ".join(finding.examples),
        }
        for finding in replayed.findings
    ]
    if findings:
        shown.append(table("Odd cells", findings))
    if any(row.not_discarded for row in replayed.tables):
        shown.append("A change of consent cannot be discarded: it may be a withdrawal. Correct it.")
    if not replayed.checks:
        shown.append("Nothing changed.")
        return shown
    waiting = sum(check.bad for check in replayed.checks)
    shown.append(
        f"All tables were checked: {waiting:,} rows in quarantine."
        + (" Next: guanjia quarantine" if waiting or reasons else " Next: guanjia tags")
    )
    return shown
