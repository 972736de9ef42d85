"""Show plans and deliveries of imports as tables on the screen."""

from typing import TYPE_CHECKING, Any

from guanjia.terminal.output import Table, table

if TYPE_CHECKING:
    from features.imports.delivery import Delivery
    from features.imports.plan import Plan

DEAREST = 12
"""Missing tables and columns that are shown on screen."""


def plan_tables(planned: "Plan") -> list[Table | str]:
    """Show what an import understood: files, tables, columns, and what is unsure."""
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


def delivery_tables(delivery: "Delivery") -> list[Table | str]:
    """Show what became of a delivery: files, rows of each table, findings."""
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
    counted: list[dict[str, object]] = [
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
    for rare in ("older", "repeated", "erased"):
        if not any(row[rare] for row in counted):
            counted = [
                {name: cell for name, cell in row.items() if name != rare} for row in counted
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
    tables_since: dict[str, list[str]] = {}
    for added in delivery.versions:
        tables_since.setdefault(added.recorded, []).append(added.table)
    shown += [
        f"Known (recorded_at) {since}: {', '.join(names)}." for since, names in tables_since.items()
    ]
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


def cost_table(costs: Any) -> Table:
    """Show which tags, stars and models it costs that something is not delivered."""
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


def drift_tables(delivery: "Delivery") -> list[Table]:
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
