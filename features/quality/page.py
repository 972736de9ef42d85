"""A quality report as one HTML file that needs no network: `page.html` filled in."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from features.publishing import published
from features.quality.assess import Quality, TagQuality
from features.quality.chart import picture
from features.quality.findings import Finding, number, share
from features.quality.statistics import QUANTILES, TagStatistics, index_parts
from features.tags.catalogue import groups

STATUS = {"broken": "越界", "watch": "关注", "steady": "稳定"}
NUMBERS: tuple[tuple[str, Callable[[TagStatistics], float | None]], ...] = (
    ("最小值", lambda one: one.minimum),
    *(
        (f"P{round(at * 100)}", lambda one, place=place: (one.quantiles or (None,) * 9)[place])
        for place, at in enumerate(QUANTILES)
    ),
    ("最大值", lambda one: one.maximum),
    ("均值", lambda one: one.mean),
)


def write_page(quality: Quality, path: Path) -> None:
    """Publish the page; an older one is replaced whole.

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
    """The page as text."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"share": share, "number": number}
    template = environment.get_template("page.html")
    labels = {one.tag.name: one.tag.label for one in quality.tags}
    labels |= {one.table: one.label for one in quality.tables} | {
        "customers": "客户",
        "tags": "标签",
    }
    return template.render(
        quality=quality,
        broken=_by_subject(quality.broken),
        watched=_by_subject([one for one in quality.findings if one.status == "watch"]),
        labels=labels,
        names={one.tag.name for one in quality.tags},
        status=STATUS,
        counts={key: sum(one.status == key for one in quality.tags) for key in STATUS},
        groups=[
            {"name": name, "label": group.label, "tags": [_row(one) for one in of_group]}
            for name, group in groups().items()
            if (of_group := _ordered(quality, name))
        ],
    )


def _by_subject(findings: list[Finding]) -> list[tuple[str, list[Finding]]]:
    """Findings in their order, those of one subject together."""
    found: dict[str, list[Finding]] = {}
    for finding in findings:
        found.setdefault(finding.subject, []).append(finding)
    return list(found.items())


def _ordered(quality: Quality, group: str) -> list[TagQuality]:
    """A group's tags, what needs a look first."""
    found = [one for one in quality.tags if one.tag.group == group]
    return sorted(
        found, key=lambda one: (list(STATUS).index(one.status), -(one.measured.drift or 0))
    )


def _row(one: TagQuality) -> dict[str, Any]:
    """What the page shows of one tag."""
    measured = one.measured
    sides = [measured.reference, measured.now]
    return {
        "tag": one.tag,
        "status": one.status,
        "findings": one.findings,
        "drift": measured.drift,
        "now": measured.now,
        "before": measured.reference,
        # Drawn from numbers alone.
        "picture": Markup(picture(measured)),
        "numbers": [
            (label, *(None if side is None else read(side) for side in sides))
            for label, read in NUMBERS
            if measured.now.minimum is not None
        ],
        "bins": _bins(one),
        "bounds": _bounds(one),
    }


def _bins(one: TagQuality) -> list[tuple[str, float | None, float, float | None]]:
    """Each bin that holds somebody: name, share before, share now, part of the index."""
    now, before = one.measured.now, one.measured.reference
    names = {"null": "空值", "other": "其他"}
    parts = None if before is None else index_parts(before.counts, now.counts)
    shown = []
    for place, name in enumerate(one.measured.bins.names):
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


def _bounds(one: TagQuality) -> str:
    """The declared bounds of a tag in a line."""
    bounds = one.bounds
    said = []
    if one.tag.type in ("int64", "float64"):
        said.append(f"取值 {number(bounds.minimum)} 至 {number(bounds.maximum)}")
    if bounds.null_share_max < 1:
        said.append(f"空值 ≤ {share(bounds.null_share_max)}")
    said.append(f"空值变化 ≤ {share(bounds.null_share_change_max)}")
    said.append(f"PSI ≤ {bounds.drift_max:.2f}" + (" (每90天)" if bounds.ages else ""))
    return "; ".join(said)
