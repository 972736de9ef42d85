"""Show the findings of quality by day, and what a broken bound means for whom."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache
from pathlib import Path
from typing import Annotated, Any

from fastapi import Query, Request
from fastapi.responses import Response

from features.conditions import columns_of
from features.contracts.tables import CONTRACTS
from features.errors import UnknownNameError
from features.lake import Lake
from features.quality.findings import Finding, read_findings
from features.segments.settings import load_segments
from features.tags.catalogue import catalogue
from serving.console.render import show
from serving.console.route import console_router
from serving.lineage.graph import KINDS as KIND_LABELS
from serving.lineage.readers import list_tags, model_tags
from serving.lists.questions import readable_columns
from training.models import MODELS

router = console_router()
MOST_DAYS = 30
SUBJECTS: Mapping[str, tuple[str, str]] = {
    "customers": (
        "所有人：名单、报表和预测会少人或多人",
        "everybody: lists, reports and predictions miss customers, or have too many",
    ),
    "tags": (
        "数据科学家：标签目录变了，读旧标签的模型与名单要核对",
        "data scientists: the catalogue changed; check what reads the tags that are gone",
    ),
}
"""Subjects that are no tag -> whom a broken bound of them touches."""
OF_TABLE = (
    "分支机构与营销人员：被隔离的行不进标签，这些客户可能少算、漏发",
    "branches and marketers: rows in quarantine are in no tag; their customers may be left out",
)


@dataclass(frozen=True)
class DayOfQuality:
    """A day with a report.

    Attributes
    ----------
    as_of : date
        The day.
    broken, watched : int
        Bounds broken, and changes to look at.
    customers : int
        Customers of its snapshot.
    """

    as_of: date
    broken: int
    watched: int
    customers: int


@router.get("/console/data/quality")
def quality(request: Request, as_of: Annotated[date | None, Query()] = None) -> Response:
    """Show the findings of a day; default: the latest.

    Parameters
    ----------
    request : Request
        The request.
    as_of : date, optional
        The day.
    """
    served: Lake = request.app.state.service.lake
    days = report_days(served)
    if as_of is not None and as_of not in days:
        cure = f"run `guanjia quality --as-of {as_of}`, or take a day of the list"
        chinese = f"{as_of} 的标签质量", "没有评估过", "请从列表里选一天，或请运行人员评估这一天"
        raise UnknownNameError(f"quality of {as_of}", "was not measured", cure, chinese=chinese)
    day = as_of or (days[0] if days else None)
    report = None if day is None else read_report(served, day)
    return show(
        request,
        "data/quality.html",
        day=day,
        days=[_day(served, other) for other in days[:MOST_DAYS]],
        report=report,
        findings=[] if report is None else _findings(served, report),
    )


def report_days(lake: Lake) -> list[date]:
    """List the days with a report of quality, the latest first, published or not."""
    files = {*(lake.data / "quality").glob("as_of=*.json")}
    files |= {*(lake.home / "quality").glob("as_of=*.json")}
    return sorted(
        {date.fromisoformat(path.stem.removeprefix("as_of=")) for path in files}, reverse=True
    )


def read_report(lake: Lake, as_of: date) -> dict[str, Any]:
    """Read the report of a day: of the published one as it was published, else the last made."""
    path = _path(lake, as_of)
    return _read(path, path.stat().st_mtime_ns)


def _path(lake: Lake, as_of: date) -> Path:
    published = lake.data / "quality" / f"as_of={as_of}.json"
    return published if published.exists() else lake.home / "quality" / published.name


@lru_cache(maxsize=MOST_DAYS)
def _read(path: Path, changed: int) -> dict[str, Any]:  # noqa: ARG001 - a file anew is read anew
    """Read of a report what the pages show; the distributions of 500 tags are not kept."""
    report: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return {name: value for name, value in report.items() if name != "tags"}


def _day(lake: Lake, as_of: date) -> DayOfQuality:
    report = read_report(lake, as_of)
    statuses = [finding["status"] for finding in report["findings"]]
    watched = statuses.count("watch")
    return DayOfQuality(as_of, statuses.count("broken"), watched, report["customers"])


def _findings(lake: Lake, report: Mapping[str, Any]) -> list[tuple[Finding, tuple[str, str]]]:
    """Return the findings of a report, each with whom it touches."""
    findings = read_findings(report)
    readers = _readers(lake.home) if findings else {}
    return [(finding, _touched(finding, readers)) for finding in findings]


def _touched(finding: Finding, readers: "Readers") -> tuple[str, str]:
    """Say whom a finding touches."""
    if finding.subject in SUBJECTS:
        return SUBJECTS[finding.subject]
    if finding.subject in CONTRACTS:
        return OF_TABLE
    read_by = readers.get(finding.subject, {})
    if not read_by:
        return "没有模型、名单或分群读它", "no model, list or segment reads it"
    chinese = "；".join(
        f"{KIND_LABELS[kind]} {'、'.join(names.values())}" for kind, names in read_by.items()
    )
    english = "; ".join(f"{kind}s {', '.join(names)}" for kind, names in read_by.items())
    return f"读它的会偏：{chinese}", f"What reads it goes astray: {english}"


Readers = dict[str, dict[str, dict[str, str]]]
"""Tag -> kind of what reads it -> name -> label."""


@cache
def _readers(home: Path) -> Readers:
    """Collect by tag the models, lists and segments that read it; once, as they are declared."""
    readers: Readers = {}

    def add(tags: Iterable[str], kind: str, name: str, label: str) -> None:
        for tag in tags:
            readers.setdefault(tag, {}).setdefault(kind, {})[name] = label

    for name, spec in MODELS.items():
        add(model_tags(spec), "model", name, spec.label)
    for spec in MODELS.values():
        for target in spec.lists:
            add(list_tags(spec, target)[0], "list", target.name, target.label)
    known = {*catalogue(), *readable_columns()}
    for name, segment in load_segments(home).items():
        add(columns_of(segment.rule, known), "segment", name, segment.label)
    return readers
