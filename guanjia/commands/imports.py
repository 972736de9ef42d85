"""Commands to import an insurer's exports: plan, check, run."""

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from features.errors import GuanjiaError
from guanjia.terminal.options import Json, open_lake, parse_day, read_clock
from guanjia.terminal.output import Table, emit, progress, short_path, table

if TYPE_CHECKING:
    from features.imports.plan import Plan
    from features.imports.run import Delivery

DEAREST = 12
"""Missing tables and columns that are shown on screen."""


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
    shown = [*_plan_tables(planned), _cost_table(costs)] if costs else _plan_tables(planned)
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
    shown = _delivery_tables(delivery)
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
        *_drift_tables(delivery),
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
        *_delivery_tables(delivery),
        *_drift_tables(delivery),
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


def _drift_tables(delivery: "Delivery") -> list[Table]:
    """Show how a delivery is not as those before, and what answers it."""
    policies = delivery.verdict.policies
    if not delivery.drifts:
        return []
    rows = [
        {
            "what": drift.sentence,
            "and so": "; ".join(
                f"{name}: {drift.effect if policies[name] == 'take' else policies[name]}"
                for name in drift.tables
            ),
            "write in the mapping": f"{drift.section}: {drift.line}" if drift.line else "plan anew",
        }
        for drift in delivery.drifts
    ]
    return [table("Not as before", rows)]


def _moment(lake: Any, delivered: date | None) -> datetime:
    """Return the instant of a delivery: the last second of its day for the insurer, or now."""
    from features.settings import cutoff

    if delivered is None:
        return read_clock().replace(microsecond=0)
    return cutoff(delivered, lake.settings.timezone) - timedelta(seconds=1)


def _plan_tables(planned: "Plan") -> list[Table | str]:
    from features.imports.overview import column_rows, doubts

    shown: list[Table | str] = [
        table("Files", _file_rows([p for parts in planned.parts.values() for p in parts]))
    ]
    unread = [{"file": name, "why": why} for name, why in planned.described.unread.items()]
    if unread:
        shown.append(table("Files not read", unread))
    good = {prepared.table: prepared for prepared in planned.tables}
    shown.append(
        table(
            "Tables",
            [
                {"table": name, "from": part.source, "confidence": part.confidence}
                | ({"rows": good[name].rows, "wait": good[name].waiting} if name in good else {})
                for part in planned.mapping.tables
                for name in [part.name]
            ],
        )
    )
    shown.append(
        table(
            "Columns",
            [
                {
                    "column": f"{row.table}.{row.column}",
                    "from": row.origin,
                    "samples": row.samples,
                    "read": row.form,
                    "": "" if row.sure else "look",
                }
                for row in column_rows(planned)
            ],
        )
    )
    unused = [
        {"source": name, "headings": ", ".join(names)} for name, names in planned.unused.items()
    ]
    if unused:
        shown.append(table("Columns that no table reads", unused))
    shown += _finding_tables(planned.findings, planned.joins)
    unsure = doubts(planned)
    if unsure:
        shown.append(table("Look at these", [{"what": sentence} for sentence in unsure]))
    return shown


def _delivery_tables(delivery: "Delivery") -> list[Table | str]:
    shown: list[Table | str] = [table("Files", _file_rows(delivery.files))]
    if delivery.unused_files:
        rows = [{"file": name, "why": why} for name, why in delivery.unused_files.items()]
        shown.append(table("Files not read", rows))
    if delivery.unused_columns:
        rows = [
            {"source": name, "headings": ", ".join(names)}
            for name, names in delivery.unused_columns.items()
        ]
        shown.append(table("Columns that no table reads", rows))
    versions = {added.table: added for added in delivery.versions}
    counted = [
        {
            "table": prepared.table,
            "delivered": prepared.rows,
            "new": versions[prepared.table].new,
            "changed": versions[prepared.table].changed,
            "unchanged": versions[prepared.table].unchanged,
            "older": versions[prepared.table].overtaken + prepared.overtaken,
            "repeated": prepared.repeated,
            "erased": prepared.erased,
            "wait": prepared.waiting,
            "vanished": versions[prepared.table].vanished,
        }
        for prepared in delivery.tables
    ]
    if counted:
        shown.append(table("Raw tables: delivered = new + changed + ... + wait", counted))
    left_out = [
        {"table": prepared.table, "rows of sources that are none of it": why, "rows": rows}
        for prepared in delivery.tables
        for why, rows in prepared.left_out.items()
    ]
    if left_out:
        shown.append(table("Left out by the mapping", left_out))
    known = [{"table": added.table, "known since": added.recorded} for added in delivery.versions]
    if known:
        shown.append(table("When a row was known (recorded_at)", known))
    return [*shown, *_finding_tables(delivery.findings, delivery.joins)]


def _file_rows(parts: Any) -> list[dict[str, Any]]:
    return [
        {
            "file": part.path.name,
            "lines": part.lines,
            "rows": part.rows,
            "wait": sum(line.lines for line in part.rejected),
            "left out": ", ".join(f"{lines:,} {why}" for why, lines in part.left_out.items()),
            "notes": "; ".join(part.notes),
        }
        for part in parts
    ]


def _finding_tables(findings: Any, joins: Any) -> list[Table | str]:
    shown: list[Table | str] = []
    if findings:
        rows = [
            {
                "where": f"{finding.table}.{finding.column}".removeprefix("."),
                "what": finding.fault,
                "and so": finding.effect,
                "rows": finding.rows,
                "for example": "; ".join(finding.examples),
            }
            for finding in findings
        ]
        shown.append(table("Findings", rows))
    if joins:
        rows = [
            {
                "what": join.sentence,
                "rows": join.rows,
                "of": join.of,
                "": "" if join.good else f"look ({join.example})" if join.example else "look",
            }
            for join in joins
        ]
        shown.append(table("How the tables fit together", rows))
    return shown


def _cost_table(costs: Any) -> Table:
    rows = [
        {
            "not delivered": cost.missing,
            "tags null": cost.tags_null,
            "tags poorer": cost.tags_poorer,
            "star": cost.star,
            "models": f"{len(cost.models)}, up to {max(cost.models.values())} tags of each"
            if cost.models
            else "",
        }
        for cost in costs[:DEAREST]
    ]
    more = f" ({len(costs) - DEAREST} more on the page)" if len(costs) > DEAREST else ""
    return table(f"What is missing, and what it costs{more}", rows)
