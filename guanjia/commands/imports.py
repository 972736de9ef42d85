"""Commands to import an insurer's exports: plan, check, run."""

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from features.errors import GuanjiaError
from guanjia.terminal.import_tables import cost_table, delivery_tables, drift_tables, plan_tables
from guanjia.terminal.options import Json, open_lake, parse_day, read_clock
from guanjia.terminal.output import emit, progress, short_path, table

if TYPE_CHECKING:
    from features.imports.run import Delivery


def plan(
    source: Annotated[
        str,
        typer.Argument(
            metavar="FOLDER", help="The exports: folder or file; or the URL of a database."
        ),
    ],
    out: Annotated[Path, typer.Option(help="The mapping to write; a page lies beside it.")] = Path(
        "mapping.toml"
    ),
    encoding: Annotated[
        str | None, typer.Option(help="Encoding of text files that do not tell theirs.")
    ] = None,
    replace: Annotated[bool, typer.Option(help="Replace a mapping that is there.")] = False,
    json: Json = False,
) -> None:
    """Plan an import: write what a folder or a database holds as a mapping and a page."""
    import os

    from features.imports.mapping_text import mapping_text
    from features.imports.overview import plan_payload
    from features.imports.plan import plan_import
    from features.imports.plan_page.page import write_page
    from features.publishing import published
    from guanjia.jobs.import_costs import missing_costs
    from training.models import MODELS

    if out.exists() and not replace:
        raise GuanjiaError(
            f"file {out}", "is there, perhaps with your changes", "name another --out, or --replace"
        )
    url = source if "://" in source else None
    exports = Path() if url else Path(source)
    folder = exports if exports.is_dir() else exports.parent
    relative = Path(os.path.relpath(folder.resolve(), out.resolve().parent)).as_posix()
    with progress(json) as report:
        planned = plan_import(open_lake(), exports, relative, report, encoding, url)
        costs = missing_costs(planned.missing)
    text = mapping_text(planned.mapping, out.name, planned.evidence, planned.described.notes)
    page = out.with_suffix(".html")
    with published(out) as draft:
        draft.write_text(text, encoding="utf-8")
    write_page(planned, costs, page, {name: spec.label for name, spec in MODELS.items()})
    shown = [*plan_tables(planned), cost_table(costs)] if costs else plan_tables(planned)
    emit(
        {**plan_payload(planned), "costs": costs},
        json,
        *shown,
        f"Mapping: {short_path(out)}; page: {short_path(page)}."
        f" Next: look at what is unsure, then guanjia import check {short_path(out)}",
    )


def check(
    mapping: Annotated[Path, typer.Argument(metavar="MAPPING.TOML", help="The mapping.")],
    delivered: Annotated[
        date | None,
        typer.Option(
            parser=parse_day,
            metavar="YYYY-MM-DD",
            help="Day of the delivery: changes are known from then on. Default: now.",
        ),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(help="The delivery. Default: the folder that the mapping names."),
    ] = None,
    json: Json = False,
) -> None:
    """Try a mapping: rows by table, findings, joins; write nothing.

    The exit code is 2 where `import run` refuses the delivery, 1 where it asks first.
    """
    from features.imports.overview import delivery_payload
    from features.imports.run import check_delivery, refusal

    lake = open_lake()
    with progress(json) as report:
        delivery = check_delivery(lake, mapping, _moment(lake, delivered), report, folder)
    shown = delivery_tables(delivery)
    reasons = [
        {"table": checked.table, "rule": rule, "rows": rows}
        for checked in delivery.checks
        for rule, rows in (checked.reasons | checked.notes).items()
    ]
    if reasons:
        shown.append(table("What guanjia check will say", reasons))
    fault = refusal(delivery)
    outcome = f" Next: guanjia import run {mapping}"
    if delivery.verdict.stopped:
        outcome = ""
    elif fault is not None:
        outcome = f" `guanjia import run` will refuse it: {fault}"
    emit(
        delivery_payload(delivery) | {"refusal": None if fault is None else str(fault)},
        json,
        *shown,
        *drift_tables(delivery),
        f"Nothing was written.{outcome}",
    )
    if fault is not None:
        raise typer.Exit(2)
    if delivery.refused:
        raise typer.Exit(1)


def run(
    mapping: Annotated[Path, typer.Argument(metavar="MAPPING.TOML", help="The mapping.")],
    delivered: Annotated[
        date | None,
        typer.Option(
            parser=parse_day,
            metavar="YYYY-MM-DD",
            help="Day of the delivery: changes are known from then on. Default: now.",
        ),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(help="The delivery. Default: the folder that the mapping names."),
    ] = None,
    json: Json = False,
) -> None:
    """Write the raw tables of a delivery, all together.

    The exit code is 1 where the delivery is not as those before and the mapping does not say that
    it is taken.
    """
    from features.imports.deliveries.page import publish_drift_page
    from features.imports.overview import delivery_payload
    from features.imports.run import run as run_delivery

    lake = open_lake()
    with progress(json) as report:
        delivery = run_delivery(lake, mapping, _moment(lake, delivered), report, folder)
    page = publish_drift_page(delivery, mapping)
    emit(
        delivery_payload(delivery),
        json,
        *delivery_tables(delivery),
        *drift_tables(delivery),
        _outcome(delivery, page),
    )
    if delivery.refused:
        raise typer.Exit(1)


def _outcome(delivery: "Delivery", page: Path | None) -> str:
    """Say what was written, and what to do next."""
    verdict = delivery.verdict
    shown = f" Page: {short_path(page)}." if page else ""
    if verdict.stopped:
        return (
            "The delivery is not as those before: nothing was written, what is known stays."
            f" Answer in the mapping, and run it again.{shown}"
        )
    outcome = "Raw tables written." if delivery.written else "Nothing is new; nothing was written."
    if verdict.frozen:
        frozen = ", ".join(verdict.frozen)
        outcome += f" Not taken, as the mapping says (freeze): {frozen}; what is known stays."
    return f"{outcome}{shown} Next: guanjia check"


def _moment(lake: Any, delivered: date | None) -> datetime:
    """Return the instant of a delivery: the last second of its day for the insurer, or now."""
    from features.settings import cutoff

    if delivered is None:
        return read_clock().replace(microsecond=0)
    return cutoff(delivered, lake.settings.timezone) - timedelta(seconds=1)
