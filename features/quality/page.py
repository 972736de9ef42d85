"""Render a quality report as one HTML file (`page.html` filled in) that needs no network."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from features.dictionary.marking import marked
from features.dictionary.phrases import CHINESE, phrases_of
from features.publishing import published
from features.quality.assess import Quality, TagQuality
from features.quality.chart import draw_distribution
from features.quality.findings import Finding, number, share
from features.quality.statistics import QUANTILES, TagStatistics, index_parts
from features.tags.catalogue import groups

STATUS = {"broken": "越界", "watch": "关注", "steady": "稳定"}
NUMBERS: tuple[tuple[str, Callable[[TagStatistics], float | None]], ...] = (
    ("最小值", lambda statistics: statistics.minimum),
    *(
        (
            f"P{round(at * 100)}",
            lambda statistics, place=place: (statistics.quantiles or (None,) * 9)[place],
        )
        for place, at in enumerate(QUANTILES)
    ),
    ("最大值", lambda statistics: statistics.maximum),
    ("均值", lambda statistics: statistics.mean),
)


def write_page(quality: Quality, path: Path) -> None:
    """Publish the page; it replaces an older one at once.

    Parameters
    ----------
    quality : Quality
        The report.
    path : Path
        The file to write.
    """
    with published(path) as draft:
        draft.write_text(render(quality), encoding="utf-8")


def render(quality: Quality) -> str:
    """Render the page as HTML text."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"share": share, "number": number}
    template = environment.get_template("page.html")
    labels = {row.tag.name: row.tag.label for row in quality.tags}
    labels |= {table.table: table.label for table in quality.tables} | {
        "customers": "客户",
        "tags": "标签",
    }
    return template.render(
        quality=quality,
        broken=_by_subject(quality.broken),
        watched=_by_subject([finding for finding in quality.findings if finding.status == "watch"]),
        labels=labels,
        names={row.tag.name for row in quality.tags},
        status=STATUS,
        phrase=lambda words: marked(words, CHINESE),
        counts={key: sum(row.status == key for row in quality.tags) for key in STATUS},
        groups=[
            {"name": name, "label": group.label, "tags": [_row(row) for row in of_group]}
            for name, group in groups().items()
            if (of_group := _ordered(quality, name))
        ],
    )


def _by_subject(findings: list[Finding]) -> list[tuple[str, list[Finding]]]:
    """Group findings by subject, in their order."""
    by_subject: dict[str, list[Finding]] = {}
    for finding in findings:
        by_subject.setdefault(finding.subject, []).append(finding)
    return list(by_subject.items())


def _ordered(quality: Quality, group: str) -> list[TagQuality]:
    """Sort a group's tags by status, the worst first, then by drift."""
    rows = [row for row in quality.tags if row.tag.group == group]
    return sorted(
        rows, key=lambda row: (list(STATUS).index(row.status), -(row.comparison.drift or 0))
    )


def _row(quality: TagQuality) -> dict[str, Any]:
    """Collect what the page shows of one tag."""
    comparison = quality.comparison
    sides = [comparison.reference, comparison.now]
    return {
        "tag": quality.tag,
        "words": phrases_of(quality.tag, CHINESE),
        "status": quality.status,
        "findings": quality.findings,
        "drift": comparison.drift,
        "now": comparison.now,
        "before": comparison.reference,
        # Drawn from numbers alone.
        "picture": Markup(draw_distribution(comparison)),
        "numbers": [
            (label, *(None if side is None else read(side) for side in sides))
            for label, read in NUMBERS
            if comparison.now.minimum is not None
        ],
        "bins": _bins(quality),
        "bounds": _bounds(quality),
    }


def _bins(quality: TagQuality) -> list[tuple[str, float | None, float, float | None]]:
    """List the bins with customers: name, share before, share now, part of the index."""
    now, before = quality.comparison.now, quality.comparison.reference
    names = {"null": "空值", "other": "其他"}
    parts = None if before is None else index_parts(before.counts, now.counts)
    shown = []
    for place, name in enumerate(quality.comparison.bins.names):
        was = None if before is None else before.counts[place]
        if now.counts[place] or was:
            shown.append(
                (
                    names.get(name, name) if place in (0, len(now.counts) - 1) else name,
                    None if before is None or was is None else was / before.rows,
                    now.counts[place] / now.rows,
                    None if parts is None else parts[place],
                )
            )
    return shown


def _bounds(quality: TagQuality) -> str:
    """Describe the declared bounds of a tag in one line."""
    bounds = quality.bounds
    parts = []
    if quality.tag.type in ("int64", "float64"):
        parts.append(f"取值 {number(bounds.minimum)} 至 {number(bounds.maximum)}")
    if bounds.null_share_max < 1:
        parts.append(f"空值 ≤ {share(bounds.null_share_max)}")
    parts.append(f"空值变化 ≤ {share(bounds.null_share_change_max)}")
    parts.append(f"PSI ≤ {bounds.drift_max:.2f}" + (" （每90天）" if bounds.ages else ""))
    return "; ".join(parts)
