"""Commands to simulate, import and check raw tables."""

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from guanjia.terminal.options import Json, open_lake, parse_month
from guanjia.terminal.output import emit, progress, table


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
    json: Json = False,
) -> None:
    """Write the raw tables of a simulated insurer: seven years."""
    from features.sources.simulation.simulate import simulate as run

    with progress(json) as report:
        simulated = run(open_lake(), customers, seed, report, price_reform=price_reform)
    reform = "" if price_reform is None else f", prices reformed in {price_reform:%Y-%m}"
    summary = f"{customers:,} customers simulated with seed {seed}{reform}. Next: guanjia check"
    emit(simulated, json, summary)


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


def check(json: Json = False) -> None:
    """Check raw tables: bad rows go to quarantine with reasons."""
    from features.checking.check import check_tables

    with progress(json) as report:
        checks = check_tables(open_lake(), report)
    erased = any(check.erased for check in checks)
    rows = [
        {"table": check.table, "rows": check.rows, "good": check.good, "quarantined": check.bad}
        | ({"of erased customers": check.erased} if erased else {})
        for check in checks
    ]
    broken = [
        {"table": check.table, "rule": rule, "rows": count}
        for check in checks
        for rule, count in check.reasons.items()
    ]
    shown = [table("Raw tables", rows)]
    if broken:
        shown.append(table("Rules broken (rows lie under quarantine/)", broken))
    odd = [
        {"table": check.table, "what is odd, and how it counts": note, "rows": count}
        for check in checks
        for note, count in check.notes.items()
    ]
    if odd:
        shown.append(table("Odd rows (they lie under checked/)", odd))
    emit(checks, json, *shown)
