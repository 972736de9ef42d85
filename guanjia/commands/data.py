"""Commands to simulate, import and check raw tables."""

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from features.errors import GuanjiaError
from guanjia.terminal.options import (
    Json,
    MaybeNow,
    open_lake,
    open_records,
    parse_month,
    read_clock,
)
from guanjia.terminal.output import Table, complain, emit, progress, table

if TYPE_CHECKING:
    from features.checking.folders import Unused
    from features.checking.table_check import TableCheck
    from features.lake import Lake


def simulate(
    customers: Annotated[int, typer.Option(min=1, help="How many customers.")] = 20_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same insurer.")] = 1,
    price_reform: Annotated[
        date | None,
        typer.Option(
            parser=parse_month,
            metavar="YYYY-MM",
            help="Make commercial cover dearer from this month on, as a reform of prices would.",
        ),
    ] = None,
    exports: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Write them as a core system's exports (docs/tutorial-own-data.md), no raw table.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Write the raw tables of a simulated insurer: seven years."""
    from features.sources.simulation.simulate import simulate as run

    if exports is not None:
        _simulate_exports(exports, customers, seed, price_reform, json)
        return
    with progress(json) as report:
        simulated = run(open_lake(), customers, seed, report, price_reform=price_reform)
    reform = "" if price_reform is None else f", prices reformed in {price_reform:%Y-%m}"
    summary = f"{customers:,} customers simulated with seed {seed}{reform}. Next: guanjia check"
    emit(simulated, json, summary)


def _simulate_exports(
    folder: Path, customers: int, seed: int, price_reform: date | None, json: bool
) -> None:
    """Write the exports of a simulated insurer; the home stays as it is."""
    from tempfile import TemporaryDirectory

    from features.lake import Lake
    from features.sources.exports import write_exports
    from features.sources.simulation.simulate import simulate as run

    if folder.exists() and any(folder.iterdir()):
        raise GuanjiaError(f"folder {folder}", "has files in it", "name one that is empty or new")
    with progress(json) as report, TemporaryDirectory() as home:
        lake = Lake(open_lake().settings.model_copy(update={"home": Path(home)}))
        run(lake, customers, seed, report, price_reform=price_reform)
        written = write_exports(lake, folder)
    rows = [{"file": name, "rows": count} for name, count in written.items()]
    cure = f"Next: guanjia import plan {folder}"
    emit({"files": written}, json, table("Exports", rows), cure)


def import_lledo_pavia(
    insurance: Annotated[Path, typer.Argument(help="Motor vehicle insurance data.csv")],
    claims: Annotated[Path, typer.Argument(help="sample type claim.csv")],
    json: Json = False,
) -> None:
    """Map the public Spanish motor portfolio into the raw tables."""
    from features.sources.lledo_pavia import import_lledo_pavia as run

    with progress(json) as report:
        imported = run(open_lake(), insurance, claims, report)
    written = [{"table": name, "rows": count} for name, count in imported.counts.items()]
    left = [{"left out because": why, "rows": count} for why, count in imported.left_out.items()]
    emit(
        imported, json, table("Raw tables", written), table("Left out", left), "Next: guanjia check"
    )


def check(now: MaybeNow = None, json: Json = False) -> None:
    """Check raw tables: bad rows go to quarantine with reasons.

    The exit code is 1 where a bound is broken; then nothing is published.
    """
    from features.checking.check import BrokenBoundError, check_tables
    from features.checking.folders import find_files
    from features.sources.raw_source import source_of
    from guanjia.jobs.lineage_events import lineage_events

    lake = open_lake()
    time = now
    if time is None and source_of(lake) is None:
        time = read_clock()  # a portfolio of ours may lie ahead of the clock
    try:
        with progress(json) as report, lineage_events(lake, "check"):
            checks = check_tables(lake, report, time)
        broken = None
    except BrokenBoundError as error:
        checks, broken = error.checks, error
    _, unused = find_files(lake)
    moved = 0 if broken is not None else _follow_merges(lake, now or read_clock())
    follow = [f"{moved} contacts and consents follow merged customers"] if moved else []
    emit({"tables": checks, "unused": unused}, json, *_show_checks(checks, unused), *follow)
    if broken is not None:
        complain(broken, json)
        raise typer.Exit(1)


def _follow_merges(lake: "Lake", at: datetime) -> int:
    """Let the records follow merged customers; return how many rows did."""
    from features.lake.merged_numbers import latest_owners

    owners = latest_owners(lake)
    if not owners:
        return 0
    from serving.records.people.merged_customers import follow_merges

    with open_records(lake) as records, records.writing(durable=True) as connection:
        return follow_merges(connection, owners, at)


def _show_checks(checks: "list[TableCheck]", unused: "list[Unused]") -> list[Table | str]:
    """Show what became of all that was delivered: rows, columns, files."""
    from features.checking.delivery import suggestion

    erased = any(check.erased for check in checks)
    repeated = any(check.repeated for check in checks)
    settled = any(check.settled for check in checks)
    rows = [
        {"table": check.table, "rows": check.rows, "good": check.good, "quarantined": check.bad}
        | ({"delivered before": check.repeated} if repeated else {})
        | ({"settled": check.settled} if settled else {})
        | ({"of erased customers": check.erased} if erased else {})
        for check in checks
    ]
    broken = [
        {"table": check.table, "rule": rule, "rows": count, "such as": check.examples.get(rule)}
        for check in checks
        for rule, count in check.reasons.items()
    ]
    odd = [
        {
            "table": check.table,
            "what is odd, and how it counts": note,
            "rows": count,
            "such as": check.examples.get(note),
        }
        for check in checks
        for note, count in check.notes.items()
    ]
    columns: list[dict[str, Any]] = []
    for check in checks:
        for name in check.extra_columns:
            similar = suggestion(name, check.absent_columns)
            what = "not known, not used" + (f": is it {similar}?" if similar else "")
            columns.append({"table": check.table, "column": name, "what": what})
        for name, lacking in check.partly_absent.items():
            what = f"null in {', '.join(lacking)}, which lacks it"
            columns.append({"table": check.table, "column": name, "what": what})
        if check.absent_columns:
            listed = ", ".join(check.absent_columns)
            columns.append({"table": check.table, "column": listed, "what": "not delivered, null"})
    files: list[dict[str, Any]] = [
        {"not used": file.path, "because": file.why, "cure": file.cure} for file in unused
    ]
    shown: list[Table | str] = [table("Raw tables", rows)]
    for title, lines in (
        ("Rules broken (guanjia quarantine shows and exports the rows)", broken),
        ("Odd rows (they lie under checked/)", odd),
        ("Columns that are not used or not there", columns),
        ("Files and folders that are not used", files),
    ):
        if lines:
            shown.append(table(title, lines))
    return shown
