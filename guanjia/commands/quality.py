"""The quality of a snapshot: what changed and which bounds break, as text, files and a page."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from guanjia.terminal.options import Json, MaybeAsOf, day, lake, latest
from guanjia.terminal.output import Table, emit, from_here, progress, table

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

    where = lake()
    on = as_of or latest(where, "snapshots", "run `guanjia tags --as-of DATE`")
    reference: date | Literal["training"] | None = None
    if against is not None:
        reference = "training" if against == "training" else day(against)
    with progress(json) as report:
        found = assess(where, on, reference, report)
    files = [*write_quality(where, found)]
    if html is not None:
        write_page(found, html)
        files.append(html)
    shown = [*_story(found), "Written: " + ", ".join(from_here(file) for file in files)]
    emit(as_json(found), json, *shown)
    if found.broken:
        raise typer.Exit(1)


def _story(found: "Quality") -> list[Table | str]:
    """What matters of a report: broken bounds, then what to look at, then how far tags drifted."""
    watched = [finding for finding in found.findings if finding.status == "watch"]
    against = "no earlier snapshot to compare with"
    if found.against is not None:
        against = f"against {found.against} ({found.days} days before)"
    story: list[Table | str] = [
        f"{len(found.tags)} tags of {found.customers:,} customers as of {found.as_of}, {against}.",
        f"Broken bounds: {len(found.broken)}. Changes to look at: {len(watched)}.",
    ]
    story += _listed("Broken bounds", found.broken)
    story += _listed("Changes to look at", watched)
    drifted = sorted(found.tags, key=lambda one: -(one.comparison.drift or 0))[:FURTHEST]
    if found.against is not None:
        story.append(table("Largest drifts", [_drift(one) for one in drifted]))
    bad = sum(one.bad for one in found.tables)
    rows = bad + sum(one.good for one in found.tables)
    story.append(f"Raw tables, as last checked: {rows:,} rows, {bad:,} of them in quarantine.")
    return story


def _listed(title: str, findings: "list[Finding]") -> list[Table | str]:
    """Findings in their order, those of one subject in one row."""
    said: dict[str, list[str]] = {}
    for finding in findings:
        said.setdefault(finding.subject, []).append(finding.sentence)
    rows = [{"what": subject, "found": "; ".join(said[subject])} for subject in said]
    if not rows:
        return []
    left = len(rows) - MOST_SHOWN
    shown: list[Table | str] = [table(title, rows[:MOST_SHOWN])]
    return [*shown, f"and {left} more: see --json or --html"] if left > 0 else shown


def _drift(one: "TagQuality") -> dict[str, object]:
    """A tag's drift and what is behind it."""
    now, before = one.comparison.now, one.comparison.reference
    return {
        "tag": one.tag.name,
        "label": one.tag.label,
        "PSI": one.comparison.drift,
        "null before": None if before is None else f"{before.null_share:.1%}",
        "null now": f"{now.null_share:.1%}",
        "mean before": None if before is None else before.mean,
        "mean now": now.mean,
    }
