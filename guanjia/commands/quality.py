"""Command to report the quality of a snapshot: as text, files and a page."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from guanjia.terminal.options import Json, MaybeAsOf, latest_date, open_lake, parse_day
from guanjia.terminal.output import Table, emit, progress, short_path, table

if TYPE_CHECKING:
    from features.quality.assess import Quality, TagQuality
    from features.quality.findings import Finding

MOST_SHOWN = 20
FURTHEST = 5


def quality(
    as_of: MaybeAsOf = None,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="YYYY-MM-DD|training",
            help="The snapshot to compare with; default: the last one before.",
        ),
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write the page to this file.")] = None,
    json: Json = False,
) -> None:
    """Report how the tags of a date have changed.

    The exit code is 1 where a declared bound is broken.
    """
    from features.quality.assess import assess
    from features.quality.files import as_json, write_quality
    from features.quality.page import write_page

    lake = open_lake()
    on = as_of or latest_date(lake, "snapshots", "run `guanjia tags --as-of DATE`")
    reference: date | Literal["training"] | None = None
    if against is not None:
        reference = "training" if against == "training" else parse_day(against)
    with progress(json) as report:
        assessed = assess(lake, on, reference, report)
    files = [*write_quality(lake, assessed)]
    if html is not None:
        write_page(assessed, html)
        files.append(html)
    shown = [*_show_report(assessed), "Written: " + ", ".join(short_path(file) for file in files)]
    emit(as_json(assessed), json, *shown)
    if assessed.broken:
        raise typer.Exit(1)


def _show_report(assessed: "Quality") -> list[Table | str]:
    """Show the gist of a report: broken bounds, changes to look at, largest drifts."""
    watched = [finding for finding in assessed.findings if finding.status == "watch"]
    against = "no earlier snapshot to compare with"
    if assessed.against is not None:
        against = f"against {assessed.against} ({assessed.days} days before)"
    story: list[Table | str] = [
        f"{len(assessed.tags)} tags of {assessed.customers:,} customers as of {assessed.as_of}, "
        f"{against}.",
        f"Broken bounds: {len(assessed.broken)}. Changes to look at: {len(watched)}.",
    ]
    story += _show_findings("Broken bounds", assessed.broken)
    story += _show_findings("Changes to look at", watched)
    drifted = sorted(assessed.tags, key=lambda tag: -(tag.comparison.drift or 0))[:FURTHEST]
    if assessed.against is not None:
        story.append(table("Largest drifts", [_drift(tag) for tag in drifted]))
    bad = sum(raw.bad for raw in assessed.tables)
    rows = bad + sum(raw.good for raw in assessed.tables)
    story.append(f"Raw tables, as last checked: {rows:,} rows, {bad:,} of them in quarantine.")
    return story


def _show_findings(title: str, findings: "list[Finding]") -> list[Table | str]:
    """Show findings in their order, those of one subject in one row."""
    sentences: dict[str, list[str]] = {}
    for finding in findings:
        sentences.setdefault(finding.subject, []).append(finding.sentence)
    rows = [{"what": subject, "found": "; ".join(sentences[subject])} for subject in sentences]
    if not rows:
        return []
    left = len(rows) - MOST_SHOWN
    shown: list[Table | str] = [table(title, rows[:MOST_SHOWN])]
    return [*shown, f"and {left} more: see --json or --html"] if left > 0 else shown


def _drift(quality: "TagQuality") -> dict[str, object]:
    """Show a tag's drift and the figures behind it."""
    now, before = quality.comparison.now, quality.comparison.reference
    return {
        "tag": quality.tag.name,
        "label": quality.tag.label,
        "PSI": quality.comparison.drift,
        "null before": None if before is None else f"{before.null_share:.1%}",
        "null now": f"{now.null_share:.1%}",
        "mean before": None if before is None else before.mean,
        "mean now": now.mean,
    }
